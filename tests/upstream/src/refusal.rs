use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// An answer that is an error, in OpenAI's shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The body is not what the call takes.
    Malformed(String),
    /// The upstream's own limit is reached.
    RateLimited { unit: &'static str, retry_after_s: u64 },
    /// The error rate wants it.
    Failed(u16),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Malformed(why) => {
                error(StatusCode::BAD_REQUEST, "invalid_request_error", "malformed", &why)
            }
            Self::RateLimited { unit, retry_after_s } => {
                let why = format!("the upstream's own limit in {unit} is reached");
                let answer =
                    error(StatusCode::TOO_MANY_REQUESTS, unit, "rate_limit_exceeded", &why);
                ([(header::RETRY_AFTER, retry_after_s.to_string())], answer).into_response()
            }
            Self::Failed(status) => {
                let status =
                    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                error(status, "server_error", "induced", "the error rate wants this to fail")
            }
        }
    }
}

fn error(status: StatusCode, kind: &str, code: &str, message: &str) -> Response {
    let error = json!({"message": message, "type": kind, "param": null, "code": code});
    (status, Json(json!({ "error": error }))).into_response()
}
