//! `GET /v1/deployments/{id}/leases`: who holds what now.

use std::sync::Arc;

use axum::extract::State;
use quota_api::{Code, LeaseList, routes};
use quota_core::LeaseId;
use serde::Deserialize;

use crate::http::caller::{Caller, ReadBooks};
use crate::http::openapi::problems;
use crate::http::params::{DeploymentId, Params};
use crate::http::{Api, Failure, wire};
use crate::ledger::{FIRST_LEASE, LOOKED_AT, LeasePage};

problems! { Problems:
    MalformedParameter, Unauthenticated, Forbidden, DeploymentNotFound, InvalidValue, Overloaded,
    LedgerUnavailable, ShuttingDown,
}

/// Which of them.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct LeasesQuery {
    /// What the answer before called `next`; from the first where absent.
    after: Option<String>,
    /// How many at most, from 1 to 1 000; 1 000 where absent.
    #[serde(default = "most")]
    #[param(minimum = 1, maximum = 1_000, default = 1_000)]
    limit: usize,
}

const fn most() -> usize {
    LOOKED_AT
}

impl LeasesQuery {
    fn first(&self) -> Result<LeaseId, Failure> {
        if !(1..=LOOKED_AT).contains(&self.limit) {
            return Err(Failure::invalid("limit", format!("must be from 1 to {LOOKED_AT}")));
        }
        let unreadable =
            |()| Failure::new(Code::MalformedParameter, "`after` must be the `next` of an answer");
        self.after.as_deref().map_or(Ok(FIRST_LEASE), |after| after.parse().map_err(unreadable))
    }
}

/// Who holds what of a deployment now
///
/// By pages: while there is a `next`, there may be more. A page can be short, or empty, before the
/// last.
#[utoipa::path(
    get, path = routes::DEPLOYMENT_LEASES, tag = "deployments", security(("bearer" = [])),
    params(("id" = String, Path, description = "The deployment's id."), LeasesQuery),
    responses((status = 200, description = "The leases, oldest first.", body = LeaseList), Problems)
)]
pub(in crate::http) async fn leases(
    State(api): State<Arc<Api>>,
    _caller: Caller<ReadBooks>,
    DeploymentId(id): DeploymentId,
    Params(page): Params<LeasesQuery>,
) -> Result<axum::Json<LeaseList>, Failure> {
    let found = api.ledger.leases(id, page.first()?).await?.ok_or_else(Failure::no_deployment)?;
    let LeasePage { mut leases, mut next } = found;
    if let Some(cut) = leases.get(page.limit) {
        next = Some(cut.name.lease);
        leases.truncate(page.limit);
    }
    let next = next.map(|lease| lease.to_string());
    Ok(axum::Json(LeaseList { leases: leases.iter().map(wire::held).collect(), next }))
}

#[cfg(test)]
mod tests {
    use quota_api::Lease;

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

    #[tokio::test]
    async fn page_by_page() {
        let world = World::new().await.with_deployment().await;
        let mut taken = Vec::new();
        for request in ["a", "b", "c"] {
            let lease: Lease = world.post(routes::LEASES, &wish(request, 10)).await.done(201);
            taken.push(lease.lease_id);
        }
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let path = format!("/v1/deployments/m/leases?limit=2{after}");
            let page: LeaseList = world.get(&path).await.done(200);
            assert!(page.leases.len() <= 2);
            seen.extend(page.leases.into_iter().map(|lease| lease.lease_id));
            let Some(next) = page.next else { break };
            after = format!("&after={next}");
        }
        assert_eq!(seen, taken);
        for (query, code) in [
            ("limit=0", Code::InvalidValue),
            ("limit=1001", Code::InvalidValue),
            ("limit=x", Code::MalformedParameter),
            ("after=what", Code::MalformedParameter),
            ("before=1-1", Code::MalformedParameter),
        ] {
            world.get(&format!("/v1/deployments/m/leases?{query}")).await.problem(code);
        }
    }
}
