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
    use crate::declared::tests::start;
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
    async fn what_a_file_said_of_it_and_what_differs() {
        let world = World::new().await;
        start(&*world.api.ledger, "m: {tpm_limit: 500, rpm_limit: 9}").await;
        let declared = async || world.get(PATH).await.done::<Deployment>(200).declared.unwrap();
        assert_eq!(declared().await.drift, [""; 0]);
        world.put(PATH, &serde_json::json!({"tpm_limit": 5, "labels": {"why": "incident"}})).await;
        let shown = declared().await;
        assert_eq!(shown.drift, ["labels", "rpm_limit", "tpm_limit"]);
        assert_eq!((shown.spec.tpm_limit, shown.in_file), (Some(500), true));
        let overview: quota_api::Overview = world.get(routes::OVERVIEW).await.done(200);
        assert_eq!(overview.deployments[0].drift, shown.drift);
        let back = serde_json::to_value(&shown.spec).unwrap();
        let now: Deployment = world.put(PATH, &back).await.done(200);
        assert_eq!((now.spec, now.declared.unwrap().drift.len()), (shown.spec, 0));
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
