use std::borrow::Cow;

use serde_json::value::RawValue;

use super::fields::{BadRequest, Fields, text};
use crate::config::Reservation;
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

    /// The body for a provider that calls the model this. A stream is told to end with its usage,
    /// since only that settles it.
    #[must_use]
    pub fn for_model(&self, model: &str) -> String {
        let model = text(model);
        if !self.stream || self.include_usage {
            return self.fields.with(&[("model", &model)]);
        }
        let options = self.stream_options.with(&[("include_usage", json("true"))]);
        let options = json(&options);
        self.fields.with(&[("model", &model), ("stream_options", options)])
    }
}

fn json(text: &str) -> &RawValue {
    serde_json::from_str(text).expect("it is written here as JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let body = format!("{{{HELLO}{rest}}}");
        let sent = ChatBody::read(body.as_bytes()).unwrap().for_model("there");
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
