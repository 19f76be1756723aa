//! `GET /v1/deployments/{id}/leases`: who holds what now.

use std::sync::Arc;

use axum::extract::State;
use quota_api::{LeaseList, routes};

use crate::http::caller::{Caller, ReadBooks};
use crate::http::openapi::problems;
use crate::http::params::DeploymentId;
use crate::http::{Api, Failure, wire};

problems! { Problems:
    MalformedParameter, Unauthenticated, Forbidden, DeploymentNotFound, InvalidValue, Overloaded,
    LedgerUnavailable, ShuttingDown,
}

/// Who holds what of a deployment now
#[utoipa::path(
    get, path = routes::DEPLOYMENT_LEASES, tag = "deployments", security(("bearer" = [])),
    params(("id" = String, Path, description = "The deployment's id.")),
    responses((status = 200, description = "The leases, oldest first.", body = LeaseList), Problems)
)]
pub(in crate::http) async fn leases(
    State(api): State<Arc<Api>>,
    _caller: Caller<ReadBooks>,
    DeploymentId(id): DeploymentId,
) -> Result<axum::Json<LeaseList>, Failure> {
    let held = api.ledger.leases(id).await?.ok_or_else(Failure::no_deployment)?;
    Ok(axum::Json(LeaseList { leases: held.iter().map(wire::held).collect() }))
}
