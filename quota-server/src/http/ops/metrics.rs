//! `GET /metrics`: Prometheus' text format.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;
use quota_api::routes;

use crate::http::Api;
use crate::metrics;

const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Prometheus metrics
#[utoipa::path(
    get, path = routes::METRICS, tag = "operation",
    responses((status = 200, description = "All metrics.", body = str, content_type = "text/plain"))
)]
pub(in crate::http) async fn exposition(State(api): State<Arc<Api>>) -> impl IntoResponse {
    metrics::busy(api.running(), api.ledger.queued());
    ([(CONTENT_TYPE, TEXT_FORMAT)], metrics::render(&api.exposition))
}
