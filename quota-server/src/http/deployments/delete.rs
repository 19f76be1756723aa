//! `DELETE /v1/deployments/{id}`: removes a deployment.

use std::sync::Arc;

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use quota_api::routes;
use serde_json::Value;
use tracing::info;

use crate::http::caller::{Caller, ChangeDeployments, Origin};
use crate::http::openapi::problems;
use crate::http::params::DeploymentId;
use crate::http::{Api, Failure, etag};

problems! { Problems:
    Standby, MalformedParameter, Unauthenticated, Forbidden, DeploymentNotFound, PreconditionFailed,
    InvalidValue, Overloaded, LedgerUnavailable, AuditUnavailable, ShuttingDown,
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
    origin: Origin,
    DeploymentId(id): DeploymentId,
    headers: HeaderMap,
) -> Result<StatusCode, Failure> {
    let expected = etag::expected(&headers)?;
    let author = caller.author(origin);
    let (ledger, deployment) = (Arc::clone(&api.ledger), Arc::clone(&id));
    let deleting = async move {
        let deleted = ledger.delete(deployment, expected).await?;
        deleted.ok_or_else(Failure::no_deployment)
    };
    api.audited(&author, "deployment.delete", Arc::clone(&id), Value::Null, deleting).await?;
    info!(deployment = &*id, by = &*author.credential.name, "a deployment was removed");
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use http::Method;
    use quota_api::Code;
    use serde_json::json;

    use crate::http::testing::{World, request, wish};

    const PATH: &str = "/v1/deployments/m";

    #[tokio::test]
    async fn removed_once() {
        let world = World::new().await.with_deployment().await;
        assert_eq!(world.send(request(Method::DELETE, PATH, "")).await.status, 204);
        world.send(request(Method::DELETE, PATH, "")).await.problem(Code::DeploymentNotFound);
        world.post("/v1/leases", &wish("r", 1)).await.problem(Code::DeploymentNotFound);
    }

    #[tokio::test]
    async fn only_as_it_is_expected() {
        let world = World::new().await.with_deployment().await;
        let mut expecting = request(Method::DELETE, PATH, "");
        expecting.headers_mut().insert("if-match", "\"99\"".parse().unwrap());
        world.send(expecting).await.problem(Code::PreconditionFailed);
        assert_eq!(world.get(PATH).await.status, 200);
    }

    #[tokio::test]
    async fn what_it_granted_stays_charged_when_it_is_made_again() {
        let world = World::new().await.with_deployment().await;
        assert_eq!(world.post("/v1/leases", &wish("r", 400)).await.status, 201);
        world.send(request(Method::DELETE, PATH, "")).await;
        world.put(PATH, &json!({"tpm_limit": 500})).await;
        world.post("/v1/leases", &wish("s", 101)).await.problem(Code::Exhausted);
        assert_eq!(world.post("/v1/leases", &wish("t", 100)).await.status, 201);
    }
}
