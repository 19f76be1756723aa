//! `GET /readyz`: the server can do its work: it is not stopping, and its ledger can write, or send
//! writers to the server that does.

use std::sync::Arc;

use axum::extract::State;
use quota_api::{Code, routes};

use crate::http::openapi::problems;
use crate::http::{Api, Failure};
use crate::ledger::{Role, Unavailable};

problems! { Problems: Overloaded, LedgerUnavailable, ShuttingDown }

/// Readiness
#[utoipa::path(
    get, path = routes::READYZ, tag = "operation",
    responses(
        (status = 200, description = "The ledger can write, or knows who does; warnings about the store follow.", body = str, content_type = "text/plain"),
        Problems,
    )
)]
pub(in crate::http) async fn readyz(State(api): State<Arc<Api>>) -> Result<String, Failure> {
    if api.draining.is_cancelled() {
        return Err(Failure::new(Code::ShuttingDown, "the server is stopping"));
    }
    if let Err(unavailable) = api.ledger.health().await {
        return Err(unready(unavailable, api.ledger.trouble()));
    }
    Ok(said(api.ledger.role(), &api.ledger.warnings()))
}

/// What is wrong, and why, as far as that is known: the log of a server that waits for its store is
/// long ago.
fn unready(unavailable: Unavailable, trouble: Option<String>) -> Failure {
    let failure = Failure::from(unavailable);
    match trouble {
        None => failure,
        Some(why) => {
            let problem = failure.into_problem();
            Failure::new(problem.code, format!("{}: {why}", problem.detail))
        }
    }
}

fn said(role: Role, warnings: &[String]) -> String {
    let first = match role {
        Role::Active => "ready",
        Role::Standby => "ready, as a standby",
    };
    let lines = std::iter::once(first.to_owned());
    let warnings = warnings.iter().map(|warning| format!("warning: {warning}"));
    lines.chain(warnings).map(|line| line + "\n").collect()
}
