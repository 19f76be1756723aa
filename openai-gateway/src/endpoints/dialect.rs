use std::fmt::Write;

use http::StatusCode;
use serde_json::json;

/// Whose protocol a call is of: how errors are said, and who can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI's.
    OpenAi,
    /// Anthropic's.
    Anthropic,
}

impl Dialect {
    /// The event that a stream ends with that broke off: one that clients raise an error of,
    /// wherever it stands.
    #[must_use]
    pub fn last_event(self, message: &str, code: &str) -> String {
        let mut event = String::new();
        let data = match self {
            Self::OpenAi => {
                json!({"error": {"message": message, "type": "upstream_error", "param": null, "code": code}})
            }
            Self::Anthropic => {
                event.push_str("event: error\n");
                anthropic_error("api_error", message)
            }
        };
        // Writing to a string cannot fail.
        let _ = write!(event, "data: {data}\n\n");
        event
    }
}

/// Anthropic's way to say an error.
#[must_use]
pub fn anthropic_error(kind: &str, message: &str) -> serde_json::Value {
    json!({"type": "error", "error": {"type": kind, "message": message}})
}

/// The type that Anthropic's errors of a status have.
#[must_use]
pub fn anthropic_kind(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        504 => "timeout_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_s_last_event_is_in_its_own_protocol() {
        let event = Dialect::OpenAi.last_event("It broke.", "upstream_broken_off");
        let data = event.strip_prefix("data: ").unwrap().strip_suffix("\n\n").unwrap();
        let said: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(said["error"]["code"], "upstream_broken_off");
        let event = Dialect::Anthropic.last_event("It broke.", "upstream_broken_off");
        let data = event.strip_prefix("event: error\ndata: ").unwrap();
        let said: serde_json::Value = serde_json::from_str(data.trim_end()).unwrap();
        assert_eq!((&said["type"], &said["error"]["type"]), (&"error".into(), &"api_error".into()));
    }
}
