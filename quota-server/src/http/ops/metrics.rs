//! `GET /metrics`: Prometheus' text format.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;
use quota_api::routes;

use crate::http::Api;

const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Prometheus metrics
#[utoipa::path(
    get, path = routes::METRICS, tag = "operation",
    responses((status = 200, description = "All metrics.", body = str, content_type = "text/plain"))
)]
pub(in crate::http) async fn metrics(State(api): State<Arc<Api>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, TEXT_FORMAT)], api.exposition.render())
}
