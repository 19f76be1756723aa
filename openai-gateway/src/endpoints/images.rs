//! `POST /v1/images/generations`

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::value::RawValue;

use super::{Asked, Endpoint, Received};
use crate::body::{BadRequest, JsonBody};
use crate::config::{BodyRules, Reservation};
use crate::tokens::{Encoding, prompt_tokens};

pub(super) const GENERATIONS: Endpoint = Endpoint {
    path: "images/generations",
    is_azure_s: true,
    read: |received| Ok(Box::new(Pictures::read(received)?)),
    ..Endpoint::OPENAI
};

/// Defaults of a deployment that mean something here.
const FIELDS: [&str; 6] =
    ["size", "background", "output_format", "output_compression", "moderation", "style"];

/// Tokens of a picture of 1024 x 1536 in each quality (OpenAI's image guide): the larger of its
/// usual sizes.
const LOW: u64 = 408;
const MEDIUM: u64 = 1_584;
const HIGH: u64 = 6_240;
/// Tokens of a picture that is shown before it is finished.
const PARTIAL: u64 = 100;

/// Pictures to be made.
#[derive(Debug)]
struct Pictures<'a> {
    body: JsonBody<'a>,
    prompt: &'a RawValue,
    quality: Option<Cow<'a, str>>,
    many: u64,
    partial: u64,
}

impl<'a> Pictures<'a> {
    fn read(received: Received<'a>) -> Result<Self, BadRequest> {
        let body = JsonBody::read(received.body)?;
        Ok(Self {
            prompt: body.required("prompt")?,
            quality: body.fields.parse("quality")?,
            many: body.fields.parse("n")?.unwrap_or(1).max(1),
            partial: body.fields.parse("partial_images")?.unwrap_or(0),
            body,
        })
    }
}

impl Asked for Pictures<'_> {
    fn json(&self) -> Option<&JsonBody<'_>> {
        Some(&self.body)
    }

    fn streams(&self) -> bool {
        self.body.stream
    }

    fn input_tokens(&self, encoding: Encoding) -> u64 {
        prompt_tokens(self.prompt, encoding)
    }

    /// A picture of a quality that isn't said may be of the highest.
    fn output_tokens(&self, reservation: Reservation, _default_output: u64) -> u64 {
        let one = match self.quality.as_deref() {
            Some("low") => LOW,
            Some("medium") => MEDIUM,
            _ => HIGH,
        };
        let each = one.saturating_add(PARTIAL.saturating_mul(self.partial));
        reservation.output(each.saturating_mul(self.many))
    }

    fn body(&self, model: &str, rules: &BodyRules, _asks_usage: bool) -> Bytes {
        self.body.for_model(model, rules, |field| FIELDS.contains(&field), |_| ())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn each_picture_is_reserved_by_its_quality() {
        let headers = HeaderMap::new();
        let output = |rest: &str| {
            let body = format!(r#"{{"prompt":"a cat"{rest}}}"#);
            let read = Pictures::read(Received { headers: &headers, body: body.as_bytes() });
            read.unwrap().output_tokens(Reservation::InputPlusMaxOutput, 1)
        };
        assert_eq!(output(""), HIGH);
        assert_eq!(output(r#","quality":"low","n":3"#), 3 * LOW);
        assert_eq!(output(r#","quality":"medium","partial_images":2"#), MEDIUM + 200);
        assert_eq!(output(r#","n":18446744073709551615"#), u64::MAX);
    }
}
