use std::borrow::Cow;

use serde_json::value::RawValue;

use super::fields::{BadRequest, Fields, text};
use crate::config::{BodyRules, Reservation};
use crate::tokens::{Encoding, message_tokens};

/// The body of `POST /v1/chat/completions`.
#[derive(Debug)]
pub struct ChatBody<'a> {
    fields: Fields<'a>,
    /// The model group asked for.
    pub model: Cow<'a, str>,
    /// The answer is to come in pieces.
    pub stream: bool,
    /// The caller wants the usage as the last piece.
    pub include_usage: bool,
    stream_options: Fields<'a>,
    messages: &'a RawValue,
    max_output: Option<u64>,
    choices: u64,
}

impl<'a> ChatBody<'a> {
    /// Reads it.
    ///
    /// # Errors
    /// It isn't one.
    pub fn read(body: &'a [u8]) -> Result<Self, BadRequest> {
        let fields = Fields::read(body)?;
        let stream_options: Fields<'_> = fields.parse("stream_options")?.unwrap_or_default();
        let max_tokens = fields.parse("max_tokens")?;
        Ok(Self {
            model: fields.required("model")?,
            stream: fields.parse("stream")?.unwrap_or(false),
            include_usage: stream_options.parse("include_usage")?.unwrap_or(false),
            stream_options,
            messages: fields
                .raw("messages")
                .ok_or_else(|| BadRequest::about("messages", "is required"))?,
            max_output: fields.parse("max_completion_tokens")?.or(max_tokens),
            choices: fields.parse("n")?.unwrap_or(1).max(1),
            fields,
        })
    }

    /// What to reserve: the input and, as the policy says, the output of every choice;
    /// `default_output` where the request doesn't bound it.
    ///
    /// # Errors
    /// The messages are none.
    pub fn tokens(
        &self,
        encoding: Encoding,
        reservation: Reservation,
        default_output: u64,
    ) -> Result<u64, BadRequest> {
        let output = match reservation {
            Reservation::Input => 0,
            Reservation::InputPlusMaxOutput => self.max_output.unwrap_or(default_output),
        };
        let output = output.saturating_mul(self.choices);
        Ok(self.input_tokens(encoding)?.saturating_add(output))
    }

    fn input_tokens(&self, encoding: Encoding) -> Result<u64, BadRequest> {
        let messages = message_tokens(self.messages, encoding)
            .map_err(|error| BadRequest::about("messages", error))?;
        let written = ["tools", "functions", "response_format"];
        let written = written.iter().filter_map(|name| self.fields.raw(name));
        Ok(written.fold(messages, |sum, json| sum + encoding.count(json.get())))
    }

    /// The body for a deployment that calls the model this. Where its provider can be asked, a stream is
    /// told to end with its usage, since only that settles it.
    #[must_use]
    pub fn for_model(&self, model: &str, rules: &BodyRules) -> String {
        let name = text(model);
        let mut edit = self.fields.edited(rules, model, |_| true);
        edit.set("model", &name);
        if !self.stream || self.include_usage || !rules.asks_usage {
            return edit.finish();
        }
        let options = self.stream_options.with(&[("include_usage", json("true"))]);
        edit.set("stream_options", json(&options));
        edit.finish()
    }
}

fn json(text: &str) -> &RawValue {
    serde_json::from_str(text).expect("it is written here as JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::OutputBound;

    const HELLO: &str = r#""model":"m","messages":[{"role":"user","content":"hello"}]"#;

    fn tokens(rest: &str) -> u64 {
        let body = format!("{{{HELLO}{rest}}}");
        let body = ChatBody::read(body.as_bytes()).unwrap();
        body.tokens(Encoding::O200k, Reservation::InputPlusMaxOutput, 100).unwrap()
    }

    #[test]
    fn the_output_is_reserved_for_every_choice() {
        let input = 8;
        assert_eq!(tokens(""), input + 100);
        assert_eq!(tokens(r#","max_tokens":7"#), input + 7);
        assert_eq!(tokens(r#","max_tokens":7,"max_completion_tokens":9"#), input + 9);
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
        let body = ChatBody::read(body.as_bytes()).unwrap();
        assert_eq!(body.tokens(Encoding::O200k, Reservation::Input, 100).unwrap(), 8);
    }

    fn sent(rest: &str) -> serde_json::Value {
        sent_by(rest, "there", &BodyRules { asks_usage: true, ..BodyRules::default() })
    }

    fn sent_by(rest: &str, model: &str, rules: &BodyRules) -> serde_json::Value {
        let body = format!("{{{HELLO}{rest}}}");
        let sent = ChatBody::read(body.as_bytes()).unwrap().for_model(model, rules);
        serde_json::from_str(&sent).unwrap()
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
        fields.iter().map(|(name, value)| ((*name).to_owned(), json(value).to_owned())).collect()
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
    fn wrong_fields_are_named() {
        for (rest, param) in [
            (r#","stream":"yes""#, "stream"),
            (r#","max_tokens":-1"#, "max_tokens"),
            (r#","n":1.5"#, "n"),
            (r#","stream_options":5"#, "stream_options"),
        ] {
            let body = format!("{{{HELLO}{rest}}}");
            let bad = ChatBody::read(body.as_bytes()).unwrap_err();
            assert_eq!(bad.param, Some(param));
        }
        assert_eq!(ChatBody::read(br#"{"model":"m"}"#).unwrap_err().param, Some("messages"));
    }
}
