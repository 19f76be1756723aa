//! `DELETE /v1/deployments/{id}`: removes a deployment.

use std::sync::Arc;

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use quota_api::routes;
use tracing::info;

use crate::http::caller::{Caller, ChangeDeployments};
use crate::http::openapi::problems;
use crate::http::params::DeploymentId;
use crate::http::{Api, Failure, etag};

problems! { Problems:
    MalformedParameter, Unauthenticated, Forbidden, DeploymentNotFound, PreconditionFailed,
    InvalidValue, Overloaded, LedgerUnavailable, ShuttingDown,
}

/// Remove a deployment
///
/// What its window holds stays charged until the window is over, also if it is made again.
#[utoipa::path(
    delete, path = routes::DEPLOYMENT, tag = "deployments", security(("bearer" = [])),
    params(
        ("id" = String, Path, description = "The deployment's id."),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that it must have, or `*`."),
    ),
    responses((status = 204, description = "Removed."), Problems)
)]
pub(in crate::http) async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller<ChangeDeployments>,
    DeploymentId(id): DeploymentId,
    headers: HeaderMap,
) -> Result<StatusCode, Failure> {
    let expected = etag::expected(&headers)?;
    let deleted = api.ledger.delete(Arc::clone(&id), expected).await?;
    deleted.ok_or_else(Failure::no_deployment)?;
    info!(deployment = &*id, by = &*caller.credential.name, "a deployment was removed");
    Ok(StatusCode::NO_CONTENT)
}
