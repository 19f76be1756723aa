//! `POST /v1/chat/completions`

use bytes::Bytes;
use serde_json::value::RawValue;

use super::usage;
use super::{Asked, Endpoint, Received};
use crate::body::{BadRequest, JsonBody, StreamOptions};
use crate::config::{BodyRules, Reservation};
use crate::tokens::{Encoding, message_tokens};

pub(super) const CHAT: Endpoint = Endpoint {
    path: "chat/completions",
    is_azure_s: true,
    is_everywhere: true,
    read: |received| Ok(Box::new(Chat::read(received)?)),
    said: usage::of_chat_event,
    ..Endpoint::OPENAI
};

/// A chat request.
#[derive(Debug)]
struct Chat<'a> {
    body: JsonBody<'a>,
    stream_options: StreamOptions<'a>,
    messages: &'a RawValue,
    max_output: Option<u64>,
    choices: u64,
}

impl<'a> Chat<'a> {
    fn read(received: Received<'a>) -> Result<Self, BadRequest> {
        let body = JsonBody::read(received.body)?;
        let fields = &body.fields;
        let (max_tokens, max_completion_tokens) =
            (fields.parse("max_tokens")?, fields.parse("max_completion_tokens")?);
        Ok(Self {
            stream_options: StreamOptions::read(fields)?,
            messages: body.required("messages")?,
            // A provider may obey either.
            max_output: max_completion_tokens.max(max_tokens),
            choices: fields.parse("n")?.unwrap_or(1).max(1),
            body,
        })
    }
}

impl Asked for Chat<'_> {
    fn json(&self) -> Option<&JsonBody<'_>> {
        Some(&self.body)
    }

    fn streams(&self) -> bool {
        self.body.stream
    }

    fn hides_usage(&self) -> bool {
        self.body.stream && !self.stream_options.include_usage
    }

    fn input_tokens(&self, encoding: Encoding) -> u64 {
        let messages = message_tokens(self.messages, encoding);
        let written = ["tools", "functions", "response_format"];
        let written = written.iter().filter_map(|name| self.body.fields.raw(name));
        written.fold(messages, |sum, json| sum + encoding.count(json.get()))
    }

    /// Of every choice.
    fn output_tokens(&self, reservation: Reservation, default_output: u64) -> u64 {
        reservation.output(self.max_output.unwrap_or(default_output)).saturating_mul(self.choices)
    }

    /// Where its provider can be asked, a stream is told to end with its usage, since only that
    /// settles it.
    fn body(&self, model: &str, rules: &BodyRules, asks_usage: bool) -> Bytes {
        let asks = self.hides_usage() && asks_usage;
        self.body.for_model(
            model,
            rules,
            |_| true,
            |edit| {
                if let Some((from, to)) = rules.renamed_bound(model) {
                    edit.rename(from, to);
                }
                if asks {
                    self.stream_options.ask_usage(edit);
                }
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use http::HeaderMap;

    use super::*;
    use crate::body::json;
    use crate::config::OutputBound;

    const HELLO: &str = r#""model":"m","messages":[{"role":"user","content":"hello"}]"#;

    fn read(body: &[u8]) -> Result<Chat<'_>, BadRequest> {
        static HEADERS: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);
        Chat::read(Received { headers: &HEADERS, body })
    }

    fn tokens(rest: &str) -> u64 {
        let body = format!("{{{HELLO}{rest}}}");
        let body = read(body.as_bytes()).unwrap();
        let output = body.output_tokens(Reservation::InputPlusMaxOutput, 100);
        body.input_tokens(Encoding::O200k).saturating_add(output)
    }

    #[test]
    fn the_output_is_reserved_for_every_choice() {
        let input = 8;
        assert_eq!(tokens(""), input + 100);
        assert_eq!(tokens(r#","max_tokens":7"#), input + 7);
        assert_eq!(tokens(r#","max_tokens":7,"max_completion_tokens":9"#), input + 9);
        assert_eq!(tokens(r#","max_tokens":400,"max_completion_tokens":1"#), input + 400);
        assert_eq!(tokens(r#","max_tokens":7,"n":3"#), input + 21);
        assert_eq!(tokens(r#","max_tokens":18446744073709551615,"n":3"#), u64::MAX);
    }

    #[test]
    fn tools_cost() {
        assert!(tokens(r#","tools":[{"type":"function","function":{"name":"f"}}]"#) > 108);
    }

    #[test]
    fn input_alone_where_the_policy_says_so() {
        let body = format!("{{{HELLO},\"max_tokens\":50}}");
        let body = read(body.as_bytes()).unwrap();
        assert_eq!(body.output_tokens(Reservation::Input, 100), 0);
    }

    fn sent(rest: &str) -> serde_json::Value {
        sent_by(rest, "there", &BodyRules { asks_usage: true, ..BodyRules::default() })
    }

    fn sent_by(rest: &str, model: &str, rules: &BodyRules) -> serde_json::Value {
        let body = format!("{{{HELLO}{rest}}}");
        let sent = read(body.as_bytes()).unwrap().body(model, rules, rules.asks_usage);
        serde_json::from_slice(&sent).unwrap()
    }

    #[test]
    fn a_stream_is_told_to_end_with_its_usage() {
        assert_eq!(sent("")["model"], "there");
        assert!(sent("").get("stream_options").is_none());
        let options = &sent(r#","stream":true"#)["stream_options"];
        assert_eq!(options, &serde_json::json!({"include_usage": true}));
        let options = &sent(r#","stream":true,"stream_options":{"include_usage":false,"x":1}"#)["stream_options"];
        assert_eq!(options, &serde_json::json!({"include_usage": true, "x": 1}));
    }

    #[test]
    fn a_stream_s_usage_is_asked_for_where_the_provider_can_be_asked() {
        let rules = BodyRules::default();
        assert!(sent_by(r#","stream":true"#, "there", &rules).get("stream_options").is_none());
    }

    fn fields(fields: &[(&str, &str)]) -> Vec<(String, Box<RawValue>)> {
        fields.iter().map(|(name, value)| ((*name).to_owned(), json(*value))).collect()
    }

    #[test]
    fn defaults_stand_in_and_overrides_stand() {
        let rules = BodyRules {
            defaults: fields(&[("temperature", "0.2"), ("max_tokens", "7")]),
            overrides: fields(&[("top_k", "5")]),
            dropped: vec!["seed".to_owned()],
            ..BodyRules::default()
        };
        let sent = sent_by(r#","seed":1,"top_k":1,"temperature":null"#, "there", &rules);
        let expected = serde_json::json!({"model": "there", "temperature": 0.2, "max_tokens": 7, "top_k": 5,
            "messages": [{"role": "user", "content": "hello"}]});
        assert_eq!(sent, expected);
        let sent = sent_by(r#","temperature":1,"max_completion_tokens":3"#, "there", &rules);
        assert_eq!((&sent["temperature"], sent.get("max_tokens")), (&1.into(), None));
    }

    #[test]
    fn the_bound_of_the_output_has_the_name_that_the_model_takes() {
        let both = r#","max_tokens":7,"max_completion_tokens":3"#;
        let bounds = |output_bound, model, rest| {
            let rules = BodyRules { output_bound, ..BodyRules::default() };
            let sent = sent_by(rest, model, &rules);
            ["max_tokens", "max_completion_tokens"].map(|name| sent.get(name).cloned())
        };
        let (three, seven) = (Some(3.into()), Some(7.into()));
        assert_eq!(bounds(OutputBound::AsCalled, "m", both), [seven.clone(), three.clone()]);
        assert_eq!(bounds(OutputBound::MaxTokens, "m", both), [three, None]);
        assert_eq!(bounds(OutputBound::ByModel, "o3", r#","max_tokens":7"#), [None, seven.clone()]);
        assert_eq!(bounds(OutputBound::ByModel, "gpt-4o", r#","max_tokens":7"#), [seven, None]);
    }

    #[test]
    fn a_provider_that_takes_no_stream_options_gets_what_the_caller_wrote() {
        let body = format!("{{{HELLO},\"stream\":true}}");
        let sent = read(body.as_bytes()).unwrap().body("there", &BodyRules::default(), false);
        assert_eq!(sent, body.replace("\"m\"", "\"there\""));
    }

    #[test]
    fn wrong_fields_are_named() {
        for (rest, param) in [
            (r#","stream":"yes""#, "stream"),
            (r#","max_tokens":-1"#, "max_tokens"),
            (r#","n":1.5"#, "n"),
            (r#","stream_options":5"#, "stream_options"),
        ] {
            let body = format!("{{{HELLO}{rest}}}");
            let bad = read(body.as_bytes()).unwrap_err();
            assert_eq!(bad.param, Some(param));
        }
        assert_eq!(read(br#"{"model":"m"}"#).unwrap_err().param, Some("messages"));
    }
}
