//! Errors, as OpenAI's clients expect them: `{"error": {message, type, param, code}}`; at
//! Anthropic's calls as its clients do.
//!
//! Their SDKs repeat 408, 409, 429 and 5xx by themselves, and wait as `retry-after-ms` or
//! `retry-after` says. So what can't succeed later has none of these: a request above the limit
//! itself is a 400.

mod denied;

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use edge::same_site::Foreign;
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

use crate::body::BadRequest;
use crate::endpoints::{anthropic_error, anthropic_kind};
use crate::upstream::CallError;

const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");

/// What is away is not asked for more often than this, however soon the gateway itself tries again.
const UNAVAILABLE_PAUSE: Duration = Duration::from_secs(1);

const INVALID_REQUEST: &str = "invalid_request_error";
const UNAVAILABLE: &str = "service_unavailable_error";
const UPSTREAM: &str = "upstream_error";

/// An answer that is an error.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    headers: Box<HeaderMap>,
    body: ErrorBody,
}

#[derive(Debug, Serialize)]
struct ErrorBody {
    message: String,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<&'static str>,
    code: Option<&'static str>,
}

#[derive(Serialize)]
struct Envelope {
    error: ErrorBody,
}

impl ApiError {
    fn new(
        status: StatusCode,
        kind: &'static str,
        code: Option<&'static str>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            headers: Box::default(),
            body: ErrorBody { message: message.into(), kind, param: None, code },
        }
    }

    fn invalid(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self::new(status, INVALID_REQUEST, Some(code), message)
    }

    pub(super) fn unauthenticated() -> Self {
        let message = "Incorrect API key provided: send the gateway's key as a bearer token.";
        Self::invalid(StatusCode::UNAUTHORIZED, "invalid_api_key", message)
    }

    pub(super) fn foreign(why: Foreign) -> Self {
        let message = format!(
            "{why}: a gateway without a master_key answers no page of another site. Give it one, or ask it by its own name."
        );
        Self::invalid(StatusCode::FORBIDDEN, "foreign_site", message)
    }

    pub(super) fn model_not_found(model: &str) -> Self {
        let message = format!("The model {model:?} does not exist.");
        let mut error = Self::invalid(StatusCode::NOT_FOUND, "model_not_found", message);
        error.body.param = Some("model");
        error
    }

    pub(super) fn no_such_route() -> Self {
        Self::invalid(StatusCode::NOT_FOUND, "unknown_url", "There is nothing at this path.")
    }

    pub(super) fn method_not_allowed() -> Self {
        let message = "This path has no such method.";
        Self::invalid(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
    }

    pub(super) fn body_too_large(max_bytes: usize) -> Self {
        let message = format!("The body is larger than the {max_bytes} bytes that are taken.");
        Self::invalid(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
    }

    pub(super) fn not_json() -> Self {
        let message = "The body must be JSON, sent as `content-type: application/json`.";
        Self::invalid(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", message)
    }

    pub(super) fn not_multipart() -> Self {
        let message = "The body must be a form, sent as `content-type: multipart/form-data`.";
        Self::invalid(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_multipart", message)
    }

    pub(super) fn unknown_coding() -> Self {
        let message = "The body has a content-encoding that is not taken: gzip is, and identity.";
        Self::invalid(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unknown_coding", message)
    }

    pub(super) fn not_gzip() -> Self {
        Self::invalid(StatusCode::BAD_REQUEST, "not_gzip", "The body is not the gzip it says.")
    }

    pub(super) fn no_room() -> Self {
        let message = "The bodies of other requests take all the room there is.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE, Some("overloaded"), message)
            .retry_after(UNAVAILABLE_PAUSE)
    }

    pub(super) fn body_cut_short() -> Self {
        Self::invalid(StatusCode::BAD_REQUEST, "body_cut_short", "The body broke off.")
    }

    pub(super) fn body_too_slow() -> Self {
        let message = "The body took too long to arrive.";
        Self::invalid(StatusCode::REQUEST_TIMEOUT, "body_too_slow", message)
    }

    /// In whole seconds, rounded up, and in ms, which OpenAI's clients look for first.
    fn retry_after(mut self, after: Duration) -> Self {
        let millis = u64::try_from(after.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX).max(1);
        self.headers.insert(RETRY_AFTER, HeaderValue::from(millis.div_ceil(1_000)));
        self.headers.insert(RETRY_AFTER_MS, HeaderValue::from(millis));
        self
    }
}

impl From<BadRequest> for ApiError {
    fn from(bad: BadRequest) -> Self {
        let mut error = Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, None, bad.message);
        error.body.param = bad.param;
        error
    }
}

impl From<&CallError> for ApiError {
    fn from(error: &CallError) -> Self {
        let (status, code, message) = match error {
            CallError::Unreached(_) => (
                StatusCode::BAD_GATEWAY,
                "upstream_unreached",
                "The upstream could not be reached.",
            ),
            CallError::BrokenOff(_) => (
                StatusCode::BAD_GATEWAY,
                "upstream_broken_off",
                "The upstream broke off its answer.",
            ),
            CallError::TooLarge => (
                StatusCode::BAD_GATEWAY,
                "upstream_answer_too_large",
                "The upstream's answer is too large.",
            ),
            CallError::TimedOut => (
                StatusCode::GATEWAY_TIMEOUT,
                "upstream_timed_out",
                "The upstream did not answer in time.",
            ),
        };
        Self::new(status, UPSTREAM, Some(code), message)
    }
}

/// A handler panicked: a fault of the gateway's own, told without its inside.
pub(super) fn panicked() -> Response {
    tracing::error!("a handler panicked");
    let message = "The gateway made a mistake.";
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", None, message).into_response()
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let message = OwnMessage(self.body.message.clone());
        let body = Json(Envelope { error: self.body });
        (self.status, *self.headers, Extension(message), body).into_response()
    }
}

/// Goes with an answer that is an error of the gateway's own.
#[derive(Debug, Clone)]
struct OwnMessage(String);

/// An error of the gateway's own in Anthropic's words. A provider's is in them already.
pub(super) async fn in_anthropic_s_words(mut response: Response) -> Response {
    if let Some(OwnMessage(message)) = response.extensions_mut().remove() {
        let error = anthropic_error(anthropic_kind(response.status()), &message);
        *response.body_mut() = Json(error).into_response().into_body();
    }
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::{Value, json};

    use super::*;

    pub(super) async fn parts(error: ApiError) -> (StatusCode, HeaderMap, Value) {
        let (head, body) = error.into_response().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head.status, head.headers, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_bad_request_names_the_field() {
        let bad = BadRequest::about("max_tokens", "is no number");
        let (status, _, body) = parts(bad.into()).await;
        assert_eq!(status, 400);
        let expected = json!({"message": "`max_tokens`: is no number",
            "type": "invalid_request_error", "param": "max_tokens", "code": null});
        assert_eq!(body["error"], expected);
    }
}
