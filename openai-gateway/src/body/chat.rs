use std::borrow::Cow;

use serde_json::value::RawValue;

use super::fields::{BadRequest, Fields, text};
use crate::config::{BodyRules, Reservation};
use crate::tokens::{Encoding, message_tokens};

/// The tags of a request, as they are written, bytes. Each is compared with those of every deployment.
const MAX_TAGS_BYTES: usize = 16 << 10;

/// The body of `POST /v1/chat/completions`.
#[derive(Debug)]
pub struct ChatBody<'a> {
    fields: Fields<'a>,
    /// The model group asked for, where the body says it.
    pub model: Option<Cow<'a, str>>,
    /// For which deployments it is, where they go by tags (`metadata.tags`).
    pub tags: Vec<String>,
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
        let (max_tokens, max_completion_tokens) =
            (fields.parse("max_tokens")?, fields.parse("max_completion_tokens")?);
        Ok(Self {
            model: fields.parse("model")?,
            tags: tags(&fields)?,
            stream: fields.parse("stream")?.unwrap_or(false),
            include_usage: stream_options.parse("include_usage")?.unwrap_or(false),
            stream_options,
            messages: fields
                .raw("messages")
                .ok_or_else(|| BadRequest::about("messages", "is required"))?,
            // A provider may obey either.
            max_output: max_completion_tokens.max(max_tokens),
            choices: fields.parse("n")?.unwrap_or(1).max(1),
            fields,
        })
    }

    /// What to reserve of output, of every choice, as the policy says; `default_output` where the request doesn't
    /// bound it.
    #[must_use]
    pub fn output_tokens(&self, reservation: Reservation, default_output: u64) -> u64 {
        let output = match reservation {
            Reservation::Input => 0,
            Reservation::InputPlusMaxOutput => self.max_output.unwrap_or(default_output),
        };
        output.saturating_mul(self.choices)
    }

    /// The tokens of its input.
    #[must_use]
    pub fn input_tokens(&self, encoding: Encoding) -> u64 {
        let messages = message_tokens(self.messages, encoding);
        let written = ["tools", "functions", "response_format"];
        let written = written.iter().filter_map(|name| self.fields.raw(name));
        written.fold(messages, |sum, json| sum + encoding.count(json.get()))
    }

    /// The body for a deployment that calls the model this. Where its provider can be asked, a stream is
    /// told to end with its usage, since only that settles it. Tags are the gateway's affair.
    #[must_use]
    pub fn for_model(&self, model: &str, rules: &BodyRules, asks_usage: bool) -> String {
        let name = text(model);
        let options = self.stream_options.with(&[("include_usage", json("true"))]);
        let metadata = (!self.tags.is_empty()).then(|| self.fields.raw("metadata")).flatten();
        let metadata = metadata.and_then(|raw| Fields::read(raw.get().as_bytes()).ok());
        let metadata = metadata.map(|fields| fields.without("tags"));
        let mut edit = self.fields.edited(rules, model, |_| true);
        edit.set("model", &name);
        if self.stream && !self.include_usage && asks_usage {
            edit.set("stream_options", json(&options));
        }
        if let Some(metadata) = &metadata {
            edit.set("metadata", json(metadata));
        }
        edit.finish()
    }
}

/// LiteLLM's `metadata.tags`. Metadata of any other shape is the provider's affair.
fn tags(fields: &Fields<'_>) -> Result<Vec<String>, BadRequest> {
    let metadata = fields.raw("metadata").map(|raw| Fields::read(raw.get().as_bytes()));
    let Some(Ok(metadata)) = metadata else { return Ok(Vec::new()) };
    let Some(tags) = metadata.raw("tags").map(RawValue::get) else { return Ok(Vec::new()) };
    if tags.len() > MAX_TAGS_BYTES {
        return Err(BadRequest::about("metadata", "has more tags than are looked at"));
    }
    Ok(serde_json::from_str(tags).unwrap_or_default())
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
        let body = ChatBody::read(body.as_bytes()).unwrap();
        assert_eq!(body.output_tokens(Reservation::Input, 100), 0);
    }

    fn sent(rest: &str) -> serde_json::Value {
        sent_by(rest, "there", &BodyRules { asks_usage: true, ..BodyRules::default() })
    }

    fn sent_by(rest: &str, model: &str, rules: &BodyRules) -> serde_json::Value {
        let body = format!("{{{HELLO}{rest}}}");
        let sent =
            ChatBody::read(body.as_bytes()).unwrap().for_model(model, rules, rules.asks_usage);
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
    fn a_provider_that_takes_no_stream_options_gets_what_the_caller_wrote() {
        let body = format!("{{{HELLO},\"stream\":true}}");
        let sent = ChatBody::read(body.as_bytes()).unwrap().for_model(
            "there",
            &BodyRules::default(),
            false,
        );
        assert_eq!(sent, body.replace("\"m\"", "\"there\""));
    }

    #[test]
    fn tags_stay_here() {
        let tagged = r#","metadata":{"user":"u","tags":["eu","paid"]}"#;
        let body = format!("{{{HELLO}{tagged}}}");
        assert_eq!(ChatBody::read(body.as_bytes()).unwrap().tags, ["eu", "paid"]);
        assert_eq!(sent(tagged)["metadata"], serde_json::json!({"user": "u"}));
        for strange in [r#","metadata":5"#, r#","metadata":{"tags":"eu"}"#] {
            let body = format!("{{{HELLO}{strange}}}");
            assert!(ChatBody::read(body.as_bytes()).unwrap().tags.is_empty());
            assert!(
                ChatBody::read(body.as_bytes())
                    .unwrap()
                    .for_model("m", &BodyRules::default(), true)
                    .contains(strange)
            );
        }
    }

    #[test]
    fn tags_without_end_are_refused() {
        let tagged = |count| {
            let tags = vec![r#""""#; count].join(",");
            format!(r#"{{{HELLO},"metadata":{{"tags":[{tags}]}}}}"#)
        };
        assert_eq!(ChatBody::read(tagged(5_000).as_bytes()).unwrap().tags.len(), 5_000);
        let refused = ChatBody::read(tagged(6_000).as_bytes()).unwrap_err();
        assert_eq!(refused.param, Some("metadata"));
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
