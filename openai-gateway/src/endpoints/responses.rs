//! `POST /v1/responses`

use bytes::Bytes;
use serde_json::value::RawValue;

use super::{Asked, Endpoint, Received};
use crate::body::{BadRequest, JsonBody};
use crate::config::{BodyRules, Reservation};
use crate::tokens::{Encoding, item_tokens};

pub(super) const RESPONSES: Endpoint = Endpoint {
    path: "responses",
    read: |received| Ok(Box::new(Wanted::read(received)?)),
    ..Endpoint::OPENAI
};

/// Defaults of a deployment that mean something here.
const FIELDS: &[&str] = &[
    "temperature",
    "top_p",
    "parallel_tool_calls",
    "reasoning",
    "service_tier",
    "store",
    "text",
    "truncation",
    "user",
];

/// A response that is wanted. What it goes on from (`previous_response_id`, `conversation`) is only
/// known to the provider: that is charged once it is told.
#[derive(Debug)]
struct Wanted<'a> {
    body: JsonBody<'a>,
    input: Option<&'a RawValue>,
    max_output: Option<u64>,
}

impl<'a> Wanted<'a> {
    fn read(received: Received<'a>) -> Result<Self, BadRequest> {
        let body = JsonBody::read(received.body)?;
        let max_output = body.fields.parse("max_output_tokens")?;
        // A stored prompt may have all of the input.
        Ok(Self { input: body.fields.raw("input"), max_output, body })
    }
}

impl Asked for Wanted<'_> {
    fn json(&self) -> Option<&JsonBody<'_>> {
        Some(&self.body)
    }

    fn streams(&self) -> bool {
        self.body.stream
    }

    fn input_tokens(&self, encoding: Encoding) -> u64 {
        let input = self.input.map_or(0, |input| item_tokens(input, encoding));
        let written = ["instructions", "tools", "text", "prompt"];
        let written = written.iter().filter_map(|name| self.body.fields.raw(name));
        written.fold(input, |sum, json| sum.saturating_add(encoding.count(json.get())))
    }

    fn output_tokens(&self, reservation: Reservation, default_output: u64) -> u64 {
        reservation.output(self.max_output.unwrap_or(default_output))
    }

    fn body(&self, model: &str, rules: &BodyRules, _asks_usage: bool) -> Bytes {
        self.body.for_model(
            model,
            rules,
            |field| FIELDS.contains(&field),
            |edit| {
                if let (None, Some(bound)) = (self.max_output, rules.default_bound()) {
                    edit.set("max_output_tokens", bound);
                }
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn read<'a>(headers: &'a HeaderMap, body: &'a str) -> Wanted<'a> {
        Wanted::read(Received { headers, body: body.as_bytes() }).unwrap()
    }

    #[test]
    fn input_and_output_are_reserved() {
        let headers = HeaderMap::new();
        let of = |body: &str| {
            let read = read(&headers, body);
            let output = read.output_tokens(Reservation::InputPlusMaxOutput, 100);
            (read.input_tokens(Encoding::O200k), output)
        };
        let (plain, default) = of(r#"{"model":"m","input":"hello"}"#);
        assert_eq!((plain > 0, default), (true, 100));
        let (more, bound) =
            of(r#"{"input":"hello","instructions":"be brief","max_output_tokens":7}"#);
        assert_eq!((more > plain, bound), (true, 7));
        assert_eq!(of(r#"{"prompt":{"id":"p"}}"#).1, 100);
    }

    #[test]
    fn a_default_bound_is_sent_by_its_name_here() {
        let headers = HeaderMap::new();
        let bound = crate::body::json("5");
        let rules =
            BodyRules { defaults: vec![("max_tokens".to_owned(), bound)], ..BodyRules::default() };
        let sent = |body| -> serde_json::Value {
            serde_json::from_slice(&read(&headers, body).body("there", &rules, false)).unwrap()
        };
        let expected = serde_json::json!({"model": "there", "input": "a", "max_output_tokens": 5});
        assert_eq!(sent(r#"{"model":"m","input":"a"}"#), expected);
        let said = sent(r#"{"model":"m","input":"a","max_output_tokens":3}"#);
        assert_eq!(said["max_output_tokens"], 3);
    }
}
