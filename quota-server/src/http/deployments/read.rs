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

#[cfg(test)]
mod tests {
    use http::Method;
    use quota_api::Code;

    use super::*;
    use crate::http::testing::{World, request};

    const PATH: &str = "/v1/deployments/m";

    #[tokio::test]
    async fn one_or_none() {
        let world = World::new().await.with_deployment().await;
        let answer = world.get(PATH).await;
        let deployment: Deployment = answer.done(200);
        assert_eq!((deployment.spec.tpm_limit, deployment.spec.rpm_limit), (Some(500), Some(100)));
        assert_eq!(answer.header("etag"), format!("\"{}\"", deployment.version));
        world.get("/v1/deployments/other").await.problem(Code::DeploymentNotFound);
    }

    #[tokio::test]
    async fn what_the_reader_has_is_not_sent_again() {
        let world = World::new().await.with_deployment().await;
        let etag = world.get(PATH).await.header("etag").to_owned();
        let with = |value: &str| {
            let mut request = request(Method::GET, PATH, "");
            request.headers_mut().insert("if-none-match", value.parse().unwrap());
            request
        };
        let known = world.send(with(&etag)).await;
        assert_eq!((known.status, known.text.as_str()), (StatusCode::NOT_MODIFIED, ""));
        assert_eq!(known.header("etag"), etag);
        assert_eq!(world.send(with("\"99\"")).await.status, 200);
    }
}
