//! `GET /metrics`: Prometheus' text format.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;
use quota_api::routes;
use tokio::time::timeout;

use crate::http::Api;
use crate::metrics;

/// How long a scrape waits for the ledger.
const PATIENCE: Duration = Duration::from_secs(1);

const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Prometheus metrics
#[utoipa::path(
    get, path = routes::METRICS, tag = "operation",
    responses((status = 200, description = "All metrics.", body = str, content_type = "text/plain"))
)]
pub(in crate::http) async fn exposition(State(api): State<Arc<Api>>) -> impl IntoResponse {
    metrics::busy(api.running(), api.ledger.queued());
    let mut text = metrics::render(&api.exposition);
    // With a ledger that is away or slow there are no deployments to tell of; all else is told.
    let seen = api.overview.seen(&*api.ledger);
    if api.metrics_deployments > 0
        && let Ok(Ok(seen)) = timeout(PATIENCE, seen).await
    {
        metrics::write_deployments(&mut text, &seen, api.metrics_deployments);
    }
    ([(CONTENT_TYPE, TEXT_FORMAT)], text)
}
