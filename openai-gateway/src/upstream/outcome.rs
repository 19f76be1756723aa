use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::{Answer, CallError};
use crate::routing::{Fault, Leaves};

/// What a provider answered instead of an answer that can be used.
pub struct Failure {
    /// What the caller gets if nobody else does better.
    pub said: Box<Result<Answer, CallError>>,
    /// What may be done about it.
    pub remedy: Option<Remedy>,
}

/// What may be done about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Another deployment may do better.
    Sibling,
    /// Another group may.
    Leave(Leaves),
    /// The same deployment may, without the field that asks a stream for its usage.
    Reword,
}

/// What a status says of its deployment; nothing, if the request itself was refused.
pub(super) fn fault(status: StatusCode, headers: &HeaderMap) -> Option<Fault> {
    match status.as_u16() {
        429 => Some(Fault::Limited(retry_after(headers))),
        401 | 402 | 404 | 408 => Some(Fault::Refused),
        500.. => Some(Fault::Failed),
        _ => None,
    }
}

/// `retry-after-ms`, which OpenAI's and Azure's servers send, else `retry-after` in seconds.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number =
        |name: &str| -> Option<f64> { headers.get(name)?.to_str().ok()?.trim().parse().ok() };
    let seconds = number("retry-after-ms").map(|millis| millis / 1_000.0);
    let seconds = seconds.or_else(|| number(RETRY_AFTER.as_str()));
    seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

#[derive(Deserialize)]
struct Refused<'a> {
    #[serde(borrow)]
    error: Error<'a>,
}

#[derive(Deserialize)]
struct Error<'a> {
    code: Option<std::borrow::Cow<'a, str>>,
    message: Option<std::borrow::Cow<'a, str>>,
}

/// Where else a request may go that a provider refused for what it is, by what it says in its
/// answer.
pub(super) fn leaves(status: StatusCode, body: &[u8]) -> Option<Leaves> {
    if !matches!(status.as_u16(), 400 | 413 | 422) {
        return None;
    }
    let refused: Refused<'_> = serde_json::from_slice(body).ok()?;
    let code = refused.error.code.unwrap_or_default();
    let message = refused.error.message.unwrap_or_default();
    let has =
        |phrases: &[&str]| phrases.iter().any(|phrase| code == *phrase || message.contains(phrase));
    if has(&[
        "context_length_exceeded",
        "maximum context length",
        "context window",
        "prompt is too long",
    ]) {
        return Some(Leaves::TooLong);
    }
    has(&["content_policy_violation", "content_filter"]).then_some(Leaves::Objected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(pairs: &[(&'static str, &str)]) -> Option<Duration> {
        let headers =
            pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        retry_after(&headers.collect())
    }

    #[test]
    fn a_provider_s_time_is_read() {
        assert_eq!(after(&[("retry-after", "20")]), Some(Duration::from_secs(20)));
        assert_eq!(after(&[("retry-after", "0.5")]), Some(Duration::from_millis(500)));
        let both = [("retry-after", "20"), ("retry-after-ms", "1500")];
        assert_eq!(after(&both), Some(Duration::from_millis(1_500)));
        for strange in ["-1", "soon", "1e300", "NaN"] {
            assert_eq!(after(&[("retry-after", strange)]), None, "{strange}");
        }
    }

    #[test]
    fn what_a_status_says_of_its_deployment() {
        let headers = HeaderMap::new();
        let faults = [200, 400, 401, 403, 404, 408, 409, 422, 429, 500, 503, 529].map(|status| {
            fault(StatusCode::from_u16(status).unwrap(), &headers).map(|fault| (status, fault))
        });
        let faults: Vec<_> = faults.into_iter().flatten().collect();
        let refused = [401, 404, 408].map(|status| (status, Fault::Refused));
        let failed = [500, 503, 529].map(|status| (status, Fault::Failed));
        let limited = [(429, Fault::Limited(None))];
        assert_eq!(faults, [&refused[..], &limited, &failed].concat());
    }

    #[test]
    fn a_refusal_says_where_else_to_go() {
        let of = |body: &str| leaves(StatusCode::BAD_REQUEST, body.as_bytes());
        assert_eq!(of(r#"{"error":{"code":"context_length_exceeded"}}"#), Some(Leaves::TooLong));
        let told = r#"{"error":{"message":"This model's maximum context length is 8192 tokens"}}"#;
        assert_eq!(of(told), Some(Leaves::TooLong));
        assert_eq!(of(r#"{"error":{"code":"content_filter"}}"#), Some(Leaves::Objected));
        assert_eq!(of(r#"{"error":{"code":"invalid_value"}}"#), None);
        assert_eq!(of("<html>"), None);
        let body = br#"{"error":{"code":"context_length_exceeded"}}"#;
        assert_eq!(leaves(StatusCode::OK, body), None);
    }
}
