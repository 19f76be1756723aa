//! `POST /v1/audio/speech`: its answer is a sound, handed on as it comes.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::{Asked, Endpoint, Received};
use crate::body::{BadRequest, JsonBody};
use crate::config::BodyRules;
use crate::tokens::{Encoding, prompt_tokens};

pub(super) const SPEECH: Endpoint = Endpoint {
    path: "audio/speech",
    is_azure_s: true,
    is_raw: true,
    read: |received| Ok(Box::new(Speech::read(received)?)),
    ..Endpoint::OPENAI
};

/// Defaults of a deployment that mean something here.
const FIELDS: [&str; 4] = ["voice", "response_format", "speed", "instructions"];

/// A text to be said.
#[derive(Debug)]
struct Speech<'a> {
    body: JsonBody<'a>,
    input: &'a RawValue,
}

impl<'a> Speech<'a> {
    fn read(received: Received<'a>) -> Result<Self, BadRequest> {
        let body = JsonBody::read(received.body)?;
        Ok(Self { input: body.required("input")?, body })
    }
}

impl Asked for Speech<'_> {
    fn json(&self) -> Option<&JsonBody<'_>> {
        Some(&self.body)
    }

    fn input_tokens(&self, encoding: Encoding) -> u64 {
        let texts = [Some(self.input), self.body.fields.raw("instructions")];
        texts.into_iter().flatten().map(|text| prompt_tokens(text, encoding)).sum()
    }

    fn body(&self, model: &str, rules: &BodyRules, _asks_usage: bool) -> Bytes {
        self.body.for_model(model, rules, |field| FIELDS.contains(&field), |_| ())
    }
}
