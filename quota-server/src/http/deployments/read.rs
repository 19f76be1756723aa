//! `GET /v1/deployments/{id}`: one deployment.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::ETAG;
use http::{HeaderMap, StatusCode};
use quota_api::{Deployment, routes};

use crate::http::caller::{Caller, ReadDeployments};
use crate::http::openapi::problems;
use crate::http::params::DeploymentId;
use crate::http::{Api, Failure, etag, wire};

problems! { Problems:
    MalformedParameter, Unauthenticated, Forbidden, DeploymentNotFound, InvalidValue, Overloaded,
    LedgerUnavailable, ShuttingDown,
}

/// One deployment
#[utoipa::path(
    get, path = routes::DEPLOYMENT, tag = "deployments", security(("bearer" = [])),
    params(
        ("id" = String, Path, description = "The deployment's id."),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` that the reader has."),
    ),
    responses(
        (status = 200, description = "The deployment.", body = Deployment,
            headers(("ETag" = String, description = "Its version."))),
        (status = 304, description = "It is as the reader has it.",
            headers(("ETag" = String, description = "Its version."))),
        Problems,
    )
)]
pub(in crate::http) async fn read(
    State(api): State<Arc<Api>>,
    _caller: Caller<ReadDeployments>,
    DeploymentId(id): DeploymentId,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let stored = api.ledger.deployment(id).await?.ok_or_else(Failure::no_deployment)?;
    let etag = [(ETAG, etag::of(stored.version))];
    if etag::is_known(&headers, stored.version) {
        return Ok((StatusCode::NOT_MODIFIED, etag).into_response());
    }
    Ok((etag, axum::Json(wire::shown(&stored)?)).into_response())
}
