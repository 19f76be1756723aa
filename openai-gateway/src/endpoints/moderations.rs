//! `POST /v1/moderations`

use bytes::Bytes;
use serde_json::value::RawValue;

use super::{Asked, Endpoint, Received};
use crate::body::{BadRequest, JsonBody};
use crate::config::BodyRules;
use crate::tokens::{Encoding, content_tokens};

pub(super) const MODERATIONS: Endpoint = Endpoint {
    path: "moderations",
    read: |received| Ok(Box::new(Moderation::read(received)?)),
    ..Endpoint::OPENAI
};

/// Texts and images to be judged.
#[derive(Debug)]
struct Moderation<'a> {
    body: JsonBody<'a>,
    input: &'a RawValue,
}

impl<'a> Moderation<'a> {
    fn read(received: Received<'a>) -> Result<Self, BadRequest> {
        let body = JsonBody::read(received.body)?;
        Ok(Self { input: body.required("input")?, body })
    }
}

impl Asked for Moderation<'_> {
    fn json(&self) -> Option<&JsonBody<'_>> {
        Some(&self.body)
    }

    fn input_tokens(&self, encoding: Encoding) -> u64 {
        content_tokens(self.input, encoding)
    }

    fn body(&self, model: &str, rules: &BodyRules, _asks_usage: bool) -> Bytes {
        self.body.for_model(model, rules, |_| false, |_| ())
    }
}
