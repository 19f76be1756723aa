use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use serde::Serialize;

use super::error::ApiError;
use crate::app::App;
use crate::metrics;

/// `GET /healthz`: alive. Whether the quota server is there is no matter of life: restarting the
/// gateway wouldn't bring it back, and leases in hand are good without it.
pub(super) async fn healthz() -> &'static str {
    "ok"
}

/// `GET /health/liveliness` and `/health/liveness`: the same, in LiteLLM's words.
pub(super) async fn alive() -> Json<&'static str> {
    Json("I'm alive!")
}

/// `GET /health/readiness`: it takes requests. A gateway that drains takes no connection any more.
pub(super) async fn ready() -> Json<Ready> {
    Json(Ready { status: "healthy" })
}

#[derive(Serialize)]
pub(super) struct Ready {
    status: &'static str,
}

/// `GET /metrics`, for Prometheus.
pub(super) async fn exposition(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    let prometheus = app.prometheus.as_ref().ok_or_else(ApiError::no_such_route)?;
    app.groups.tell_waiting();
    let kind = (CONTENT_TYPE, "text/plain; version=0.0.4");
    Ok(([kind], metrics::render(prometheus)).into_response())
}
