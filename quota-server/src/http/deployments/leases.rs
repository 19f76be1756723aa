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

#[cfg(test)]
mod tests {
    use quota_api::{Code, Lease};

    use super::*;
    use crate::http::testing::{World, wish};

    #[tokio::test]
    async fn until_they_end() {
        let world = World::new().await.with_deployment().await;
        let lease: Lease = world.post(routes::LEASES, &wish("r", 100)).await.done(201);
        world.clock.advance(500);
        let path = "/v1/deployments/m/leases";
        let held: LeaseList = world.get(path).await.done(200);
        assert_eq!(held.leases.len(), 1);
        let held = &held.leases[0];
        assert_eq!((&held.lease_id, held.holder.as_str()), (&lease.lease_id, "h"));
        assert_eq!((held.granted.tokens, held.expires_in_ms), (100, 1_500));
        world.clock.advance(1_500);
        assert_eq!(world.get(path).await.done::<LeaseList>(200).leases, []);
        world.get("/v1/deployments/other/leases").await.problem(Code::DeploymentNotFound);
    }
}
