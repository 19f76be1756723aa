//! `PUT /v1/deployments/{id}`: makes a deployment, or changes it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::ETAG;
use http::{HeaderMap, StatusCode};
use quota_api::{Deployment, DeploymentSpec, routes};
use tracing::info;

use crate::http::body::Json;
use crate::http::caller::{Caller, ChangeDeployments};
use crate::http::openapi::problems;
use crate::http::params::DeploymentId;
use crate::http::{Api, Failure, etag, wire};

problems! { Problems:
    MalformedBody, MalformedParameter, Unauthenticated, Forbidden, RequestTimeout, FixedField,
    PreconditionFailed, BodyTooLarge, UnsupportedMediaType, InvalidValue, Overloaded,
    LedgerUnavailable, ShuttingDown,
}

/// Make or change a deployment
///
/// A changed limit holds for the next grant. What is put replaces all of what was there.
#[utoipa::path(
    put, path = routes::DEPLOYMENT, tag = "deployments", security(("bearer" = [])),
    params(
        ("id" = String, Path, description = "The deployment's id."),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that it must have, or `*`."),
        ("If-None-Match" = Option<String>, Header, description = "`*`: there must be none."),
    ),
    request_body = DeploymentSpec,
    responses(
        (status = 200, description = "Changed, or as it was.", body = Deployment,
            headers(("ETag" = String, description = "Its version."))),
        (status = 201, description = "Made.", body = Deployment,
            headers(("ETag" = String, description = "Its version."))),
        Problems,
    )
)]
pub(in crate::http) async fn put(
    State(api): State<Arc<Api>>,
    caller: Caller<ChangeDeployments>,
    DeploymentId(id): DeploymentId,
    headers: HeaderMap,
    Json(spec): Json<DeploymentSpec>,
) -> Result<Response, Failure> {
    let put = wire::put(id, spec, etag::expected(&headers)?)?;
    let stored = api.ledger.put(put).await?;
    info!(
        deployment = &*stored.id,
        by = &*caller.credential.name,
        version = stored.version,
        created = stored.created,
        limit = ?stored.policy.limit,
        "a deployment was put"
    );
    let status = if stored.created { StatusCode::CREATED } else { StatusCode::OK };
    let shown = wire::shown(&stored)?;
    Ok((status, [(ETAG, etag::of(stored.version))], axum::Json(shown)).into_response())
}
