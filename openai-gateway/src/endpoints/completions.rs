//! `POST /v1/completions`

use bytes::Bytes;
use serde_json::value::RawValue;

use super::usage;
use super::{Asked, Endpoint, Received};
use crate::body::{BadRequest, JsonBody, StreamOptions};
use crate::config::{BodyRules, Reservation};
use crate::tokens::{Encoding, prompt_tokens, prompts};

pub(super) const COMPLETIONS: Endpoint = Endpoint {
    path: "completions",
    is_azure_s: true,
    read: |received| Ok(Box::new(Completion::read(received)?)),
    said: usage::of_chat_event,
    ..Endpoint::OPENAI
};

/// Defaults of a deployment that mean something here.
const FIELDS: &[&str] = &[
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
    "logit_bias",
    "seed",
    "stop",
    "user",
];

/// A request to go on with a text.
#[derive(Debug)]
struct Completion<'a> {
    body: JsonBody<'a>,
    stream_options: StreamOptions<'a>,
    prompt: Option<&'a RawValue>,
    max_tokens: Option<u64>,
    /// Answers that are made of each prompt, whether they are all told or not.
    choices: u64,
}

impl<'a> Completion<'a> {
    fn read(received: Received<'a>) -> Result<Self, BadRequest> {
        let body = JsonBody::read(received.body)?;
        let fields = &body.fields;
        let (n, best_of): (Option<u64>, Option<u64>) =
            (fields.parse("n")?, fields.parse("best_of")?);
        Ok(Self {
            stream_options: StreamOptions::read(fields)?,
            // Without one the model begins a text.
            prompt: fields.raw("prompt"),
            max_tokens: fields.parse("max_tokens")?,
            choices: n.max(best_of).unwrap_or(1).max(1),
            body,
        })
    }
}

impl Asked for Completion<'_> {
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
        let parts = [self.prompt, self.body.fields.raw("suffix")];
        parts.into_iter().flatten().map(|part| prompt_tokens(part, encoding)).sum()
    }

    /// Of every choice of every prompt.
    fn output_tokens(&self, reservation: Reservation, default_output: u64) -> u64 {
        let answers = self.choices.saturating_mul(self.prompt.map_or(1, prompts));
        reservation.output(self.max_tokens.unwrap_or(default_output)).saturating_mul(answers)
    }

    fn body(&self, model: &str, rules: &BodyRules, asks_usage: bool) -> Bytes {
        let asks = self.hides_usage() && asks_usage;
        self.body.for_model(
            model,
            rules,
            |field| FIELDS.contains(&field),
            |edit| {
                if let (None, Some(bound)) = (self.max_tokens, rules.default_bound()) {
                    edit.set("max_tokens", bound);
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
    use http::HeaderMap;

    use super::*;

    fn reserved(body: &str) -> (u64, u64) {
        let headers = HeaderMap::new();
        let read = Completion::read(Received { headers: &headers, body: body.as_bytes() }).unwrap();
        let output = read.output_tokens(Reservation::InputPlusMaxOutput, 100);
        (read.input_tokens(Encoding::O200k), output)
    }

    #[test]
    fn every_answer_to_every_prompt_is_reserved() {
        for (body, tokens) in [
            (r#"{"model":"m"}"#, (0, 100)),
            (r#"{"prompt":"hello","max_tokens":5}"#, (1, 5)),
            (r#"{"prompt":"hello","suffix":"hello","max_tokens":5,"n":2}"#, (2, 10)),
            (r#"{"prompt":["hello","hello"],"max_tokens":5,"n":2,"best_of":3}"#, (2, 30)),
            (r#"{"prompt":[[1,2],[3]],"max_tokens":18446744073709551615}"#, (3, u64::MAX)),
        ] {
            assert_eq!(reserved(body), tokens, "{body}");
        }
    }
}
