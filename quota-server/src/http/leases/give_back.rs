//! `POST /v1/leases/{lease_id}/return`: a holder gives back.

use std::sync::Arc;

use axum::extract::State;
use quota_api::{GiveBack, GivenBack, routes};

use crate::http::body::Json;
use crate::http::caller::{Caller, TakeLeases};
use crate::http::openapi::problems;
use crate::http::params::LeaseName;
use crate::http::{Api, Failure, wire};

problems! { Problems:
    Standby, MalformedBody, MalformedParameter, Unauthenticated, Forbidden, NotYourLease, LeaseNotFound,
    RequestTimeout, BodyTooLarge, UnsupportedMediaType, ExceedsLease, Overloaded,
    LedgerUnavailable, ShuttingDown,
}

/// Give back
///
/// Running totals for the lease: repeated and reordered messages change nothing.
#[utoipa::path(
    post, path = routes::RETURN, tag = "leases", security(("bearer" = [])),
    params(("lease_id" = String, Path, description = "The lease, as its acquire named it.")),
    request_body = GiveBack,
    responses((status = 200, description = "What is credited.", body = GivenBack), Problems)
)]
pub(in crate::http) async fn give_back(
    State(api): State<Arc<Api>>,
    caller: Caller<TakeLeases>,
    LeaseName(lease): LeaseName,
    Json(give_back, _place): Json<GiveBack>,
) -> Result<axum::Json<GivenBack>, Failure> {
    let op = wire::give_back(lease, give_back);
    let outcome = api.leases.run(&caller.credential.name, "", vec![op]).await.pop();
    api.leases.given_back(lease.to_string(), outcome).map(axum::Json)
}

#[cfg(test)]
mod tests {
    use http::Method;
    use quota_api::{Amount, Code, Lease};
    use serde_json::json;

    use super::*;
    use crate::http::testing::{Answer, World, wish};

    async fn give(world: &World, lease: &Lease, tokens: u64) -> Answer {
        let path = routes::RETURN.replace("{lease_id}", &lease.lease_id);
        world.call(Method::POST, &path, &json!({"tokens": tokens, "requests": 0})).await
    }

    #[tokio::test]
    async fn totals_are_credited_once() {
        let world = World::new().await.with_deployment().await;
        let lease: Lease = world.post(routes::LEASES, &wish("r", 100)).await.done(201);
        for (total, credited, given_back) in
            [(30, 30, 30), (30, 0, 30), (20, 0, 30), (100, 70, 100)]
        {
            let given: GivenBack = give(&world, &lease, total).await.done(200);
            assert_eq!(given.lease_id, lease.lease_id);
            assert_eq!(given.credited, Amount { tokens: credited, requests: 0 });
            assert_eq!(given.given_back, Amount { tokens: given_back, requests: 0 });
        }
        let all: Lease = world.post(routes::LEASES, &wish("s", 500)).await.done(201);
        assert_eq!(all.usage.tokens.outstanding, 500);
    }

    #[tokio::test]
    async fn more_than_was_leased_is_refused() {
        let world = World::new().await.with_deployment().await;
        let lease: Lease = world.post(routes::LEASES, &wish("r", 100)).await.done(201);
        for too_many in [101, u64::MAX] {
            give(&world, &lease, too_many).await.problem(Code::ExceedsLease);
        }
        let given: GivenBack = give(&world, &lease, 100).await.done(200);
        assert_eq!(given.credited.tokens, 100);
    }

    #[tokio::test]
    async fn nothing_is_credited_once_the_window_is_over() {
        let world = World::new().await.with_deployment().await;
        let lease: Lease = world.post(routes::LEASES, &wish("r", 100)).await.done(201);
        world.clock.advance(50_000);
        let given: GivenBack = give(&world, &lease, 100).await.done(200);
        assert_eq!(given.credited, Amount::default());
    }
}
