//! `POST /v1/embeddings`

use bytes::Bytes;
use serde_json::value::RawValue;

use super::{Asked, Endpoint, Received};
use crate::body::{BadRequest, JsonBody};
use crate::config::BodyRules;
use crate::tokens::{Encoding, prompt_tokens};

/// Defaults of a deployment that mean something here.
const FIELDS: [&str; 3] = ["dimensions", "encoding_format", "user"];

pub(super) const EMBEDDINGS: Endpoint = Endpoint {
    path: "embeddings",
    is_azure_s: true,
    is_everywhere: true,
    read: |received| Ok(Box::new(Embeddings::read(received)?)),
    ..Endpoint::OPENAI
};

#[derive(Debug)]
struct Embeddings<'a> {
    body: JsonBody<'a>,
    input: &'a RawValue,
}

impl<'a> Embeddings<'a> {
    fn read(received: Received<'a>) -> Result<Self, BadRequest> {
        let body = JsonBody::read(received.body)?;
        Ok(Self { input: body.required("input")?, body })
    }
}

impl Asked for Embeddings<'_> {
    fn json(&self) -> Option<&JsonBody<'_>> {
        Some(&self.body)
    }

    fn input_tokens(&self, encoding: Encoding) -> u64 {
        prompt_tokens(self.input, encoding)
    }

    fn body(&self, model: &str, rules: &BodyRules, _asks_usage: bool) -> Bytes {
        self.body.for_model(model, rules, |field| FIELDS.contains(&field), |_| ())
    }
}
