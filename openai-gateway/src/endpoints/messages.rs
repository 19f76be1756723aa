//! `POST /v1/messages`, and `/v1/messages/count_tokens`: Anthropic's. Deployments take them whose
//! provider speaks its protocol.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::usage::{self, Used};
use super::{Asked, Dialect, Endpoint, Received};
use crate::body::{BadRequest, JsonBody};
use crate::config::{BodyRules, Reservation};
use crate::tokens::{Encoding, content_tokens, message_tokens};

pub(super) const MESSAGES: Endpoint = Endpoint {
    path: "messages",
    read: |received| Ok(Box::new(Messages::read(received)?)),
    said: usage::of_anthropic_event,
    ..ANTHROPIC
};

/// It makes nothing, and counts as one request.
pub(super) const COUNT_TOKENS: Endpoint = Endpoint {
    path: "messages/count_tokens",
    read: |received| Ok(Box::new(Counted(Messages::read(received)?))),
    used: |_| Some(Used { total: 0, output: 0 }),
    ..ANTHROPIC
};

const ANTHROPIC: Endpoint =
    Endpoint { is_everywhere: true, dialect: Dialect::Anthropic, ..Endpoint::OPENAI };

/// Defaults of a deployment that mean something here.
const FIELDS: &[&str] =
    &["temperature", "top_p", "top_k", "stop_sequences", "thinking", "service_tier"];

/// What Anthropic says of tools to the model besides what the caller does, tokens.
const TOOLS: u64 = 530;

/// Messages to be answered.
#[derive(Debug)]
struct Messages<'a> {
    body: JsonBody<'a>,
    messages: &'a RawValue,
    max_tokens: Option<u64>,
}

impl<'a> Messages<'a> {
    fn read(received: Received<'a>) -> Result<Self, BadRequest> {
        let body = JsonBody::read(received.body)?;
        let max_tokens = body.fields.parse("max_tokens")?;
        Ok(Self { messages: body.required("messages")?, max_tokens, body })
    }

    fn for_model(&self, model: &str, rules: &BodyRules, bound: Option<&RawValue>) -> Bytes {
        self.body.for_model(
            model,
            rules,
            |field| FIELDS.contains(&field),
            |edit| {
                if let (None, Some(bound)) = (self.max_tokens, bound) {
                    edit.put("max_tokens", bound.to_owned());
                }
            },
        )
    }
}

impl Asked for Messages<'_> {
    fn json(&self) -> Option<&JsonBody<'_>> {
        Some(&self.body)
    }

    fn streams(&self) -> bool {
        self.body.stream
    }

    fn input_tokens(&self, encoding: Encoding) -> u64 {
        let messages = message_tokens(self.messages, encoding);
        let system = self.body.fields.raw("system").map_or(0, |it| content_tokens(it, encoding));
        let tools = self.body.fields.raw("tools");
        let tools = tools.map_or(0, |tools| TOOLS + encoding.count(tools.get()));
        messages.saturating_add(system).saturating_add(tools)
    }

    fn output_tokens(&self, reservation: Reservation, default_output: u64) -> u64 {
        reservation.output(self.max_tokens.unwrap_or(default_output))
    }

    fn body(&self, model: &str, rules: &BodyRules, _asks_usage: bool) -> Bytes {
        self.for_model(model, rules, rules.default_bound())
    }
}

/// Messages to be counted.
struct Counted<'a>(Messages<'a>);

impl Asked for Counted<'_> {
    fn json(&self) -> Option<&JsonBody<'_>> {
        self.0.json()
    }

    fn input_tokens(&self, _encoding: Encoding) -> u64 {
        0
    }

    fn body(&self, model: &str, rules: &BodyRules, _asks_usage: bool) -> Bytes {
        let rules = BodyRules { defaults: Vec::new(), ..rules.clone() };
        self.0.for_model(model, &rules, None)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn all_that_is_read_and_allowed_is_reserved() {
        let headers = HeaderMap::new();
        let of = |rest: &str| {
            let body = format!(r#"{{"messages":[{{"role":"user","content":"hello"}}]{rest}}}"#);
            let received = Received { headers: &headers, body: body.as_bytes() };
            let read = Messages::read(received).unwrap();
            let output = read.output_tokens(Reservation::InputPlusMaxOutput, 100);
            (read.input_tokens(Encoding::O200k), output)
        };
        let (plain, default) = of("");
        assert_eq!(default, 100);
        assert_eq!(of(r#","max_tokens":7"#), (plain, 7));
        assert_eq!(of(r#","system":"hello""#).0, plain + 1);
        assert_eq!(of(r#","system":[{"type":"text","text":"hello"}]"#).0, plain + 1);
        assert!(of(r#","tools":[{"name":"f","input_schema":{}}]"#).0 > plain + TOOLS);
    }
}
