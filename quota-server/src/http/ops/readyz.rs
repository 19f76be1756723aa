//! `GET /readyz`: the server can do its work: it is not stopping, and its ledger can write.
//! Warnings about its store follow in lines of their own.

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
        (status = 200, description = "The ledger can write; warnings about its store follow.", body = str, content_type = "text/plain"),
        Problems,
    )
)]
pub(in crate::http) async fn readyz(State(api): State<Arc<Api>>) -> Result<String, Failure> {
    if api.draining.is_cancelled() {
        return Err(Failure::new(Code::ShuttingDown, "the server is stopping"));
    }
    api.ledger.health().await?;
    let warnings = api.ledger.warnings().into_iter().map(|warning| format!("warning: {warning}\n"));
    Ok(std::iter::once("ready\n".to_owned()).chain(warnings).collect())
}
