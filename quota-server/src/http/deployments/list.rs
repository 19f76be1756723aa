//! `GET /v1/deployments`: all deployments.

use std::sync::Arc;

use axum::extract::State;
use quota_api::{DeploymentList, routes};

use crate::http::caller::{Caller, ReadDeployments};
use crate::http::openapi::problems;
use crate::http::{Api, Failure, wire};

problems! { Problems: Unauthenticated, Forbidden, Overloaded, LedgerUnavailable, ShuttingDown }

/// All deployments, by id
#[utoipa::path(
    get, path = routes::DEPLOYMENTS, tag = "deployments", security(("bearer" = [])),
    responses((status = 200, description = "The deployments.", body = DeploymentList), Problems)
)]
pub(in crate::http) async fn list(
    State(api): State<Arc<Api>>,
    _caller: Caller<ReadDeployments>,
) -> Result<axum::Json<DeploymentList>, Failure> {
    let stored = api.ledger.deployments().await?;
    let deployments = stored.iter().map(wire::shown).collect::<Result<_, _>>()?;
    Ok(axum::Json(DeploymentList { deployments }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::testing::World;

    #[tokio::test]
    async fn by_id() {
        let world = World::new().await;
        let none: DeploymentList = world.get(routes::DEPLOYMENTS).await.done(200);
        assert_eq!(none, DeploymentList::default());
        for id in ["b", "c", "a"] {
            world.put(&format!("/v1/deployments/{id}"), &json!({"tpm_limit": 1})).await;
        }
        let all: DeploymentList = world.get(routes::DEPLOYMENTS).await.done(200);
        let ids: Vec<_> = all.deployments.iter().map(|deployment| deployment.id.as_str()).collect();
        assert_eq!(ids, ["a", "b", "c"]);
    }
}
