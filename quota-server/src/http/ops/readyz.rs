//! `GET /readyz`: the server can do its work: it is not stopping, and its ledger can write.

use std::sync::Arc;

use axum::extract::State;
use quota_api::{Code, routes};

use crate::http::openapi::problems;
use crate::http::{Api, Failure};

problems! { Problems: Overloaded, LedgerUnavailable, ShuttingDown }

/// Readiness
#[utoipa::path(
    get, path = routes::READYZ, tag = "operation",
    responses(
        (status = 200, description = "The ledger can write.", body = str, content_type = "text/plain"),
        Problems,
    )
)]
pub(in crate::http) async fn readyz(State(api): State<Arc<Api>>) -> Result<&'static str, Failure> {
    if api.draining.is_cancelled() {
        return Err(Failure::new(Code::ShuttingDown, "the server is stopping"));
    }
    api.ledger.health().await?;
    Ok("ready\n")
}
