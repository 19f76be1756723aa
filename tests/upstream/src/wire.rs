//! The last requests as they came: what a gateway made of its configuration can be seen nowhere
//! else.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json,
    body::{self, Body},
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How many are kept.
const KEPT: usize = 64;
/// Larger bodies are not kept.
const MAX_KEPT_BYTES: usize = 16 << 10;

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    /// Its path and query.
    pub target: String,
    /// Its headers; of one that came twice, the last.
    pub headers: BTreeMap<String, String>,
    /// Its body; null if it was none, or too large to be kept.
    pub body: Value,
}

/// The last requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wire(Arc<Mutex<VecDeque<Sent>>>);

impl Wire {
    fn keep(&self, sent: Sent) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(sent);
    }
}

/// `GET /audit/wire`: the last requests, the oldest first.
pub(crate) async fn list(State(wire): State<Wire>) -> Json<Vec<Sent>> {
    let kept = wire.0.lock().unwrap_or_else(PoisonError::into_inner);
    Json(kept.iter().cloned().collect())
}

/// Keeps each request on its way in.
pub(crate) async fn record(State(wire): State<Wire>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let Ok(bytes) = body::to_bytes(body, super::server::MAX_BODY_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let text =
        |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let small = Some(&bytes).filter(|bytes| bytes.len() <= MAX_KEPT_BYTES);
    wire.keep(Sent {
        target: head.uri.to_string(),
        headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: small.and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default(),
    });
    next.run(Request::from_parts(head, Body::from(bytes))).await
}
