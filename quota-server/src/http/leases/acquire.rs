//! `POST /v1/leases`: a holder wants a lease.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use quota_api::{Acquire, AcquireItem, Lease, WindowKind, routes};
use tokio::time::Instant;

use crate::http::body::Json;
use crate::http::caller::{Caller, TakeLeases};
use crate::http::openapi::problems;
use crate::http::wire::{self, bounds};
use crate::http::{Api, Failure, ratelimit};

problems! { Problems:
    Standby, MalformedBody, Unauthenticated, Forbidden, DeploymentNotFound, RequestTimeout, TooEarly,
    RequestIdReused, LeaseClosed,
    BodyTooLarge, UnsupportedMediaType, InvalidValue, NeverFits, Exhausted, TooManyLeases, NoRoom, Overloaded, Quarantined,
    LedgerUnavailable, ShuttingDown,
}

/// Acquire a lease
///
/// Repeated with the same `request_id` by the same holder, it answers with the same lease. With
/// other amounts or another window it is refused, and so is a repeat once the lease was closed or
/// returned in full.
#[utoipa::path(
    post, path = routes::LEASES, tag = "leases", security(("bearer" = [])),
    request_body = Acquire,
    responses(
        (status = 201, description = "The lease.", body = Lease, headers(
            ("RateLimit-Policy" = String, description = "The limits."),
            ("RateLimit" = String, description = "What is left of them."),
        )),
        Problems,
    )
)]
pub(in crate::http) async fn acquire(
    State(api): State<Arc<Api>>,
    caller: Caller<TakeLeases>,
    Json(acquire, _place): Json<Acquire>,
) -> Result<Response, Failure> {
    bounds::name("holder", &acquire.holder)?;
    let (holder, item) = (
        acquire.holder,
        AcquireItem {
            deployment: acquire.deployment,
            request_id: acquire.request_id,
            tokens: acquire.tokens,
            requests: acquire.requests,
            window: acquire.window,
        },
    );
    let op = wire::wish(&item)?;
    let rationed = api.leases.rations.take(&caller.credential.name, 1, Instant::now());
    rationed.map_err(Failure::too_many_leases)?;
    let outcome = api.leases.run(&caller.credential.name, &holder, vec![op]).await.pop();
    api.leases.lease(item.deployment, outcome).map(|lease| created(&lease))
}

fn created(lease: &Lease) -> Response {
    let mut response = (StatusCode::CREATED, axum::Json(lease)).into_response();
    // With `rolling` room comes back bit by bit: no single time says when.
    let more_in_ms = (lease.window.kind == WindowKind::Minute).then_some(lease.window.ends_in_ms);
    ratelimit::write(response.headers_mut(), &lease.usage, more_in_ms);
    response
}

#[cfg(test)]
mod tests {
    use quota_api::{Code, State};
    use serde_json::json;

    use super::*;
    use crate::http::testing::{World, wish};

    #[tokio::test]
    async fn a_lease_and_what_is_left() {
        let world = World::new().await.with_deployment().await;
        let mut body = wish("r", 100);
        body["tokens"]["want"] = json!(400);
        let answer = world.post(routes::LEASES, &body).await;
        let lease: Lease = answer.done(201);
        assert_eq!((lease.deployment.as_str(), lease.tokens, lease.requests), ("m", 250, 1));
        assert_eq!((lease.starts_in_ms, lease.expires_in_ms), (0, 2_000));
        assert_eq!((lease.window.kind, lease.window.ends_in_ms), (WindowKind::Minute, 50_000));
        assert_eq!((lease.state, lease.usage.tokens.limit), (State::Ok, Some(500)));
        assert_eq!(
            answer.header("ratelimit-policy"),
            r#""tokens";q=500;w=60, "requests";q=100;w=60"#
        );
        assert_eq!(answer.header("ratelimit"), r#""tokens";r=250;t=50, "requests";r=99;t=50"#);
    }

    #[tokio::test]
    async fn the_same_request_has_the_same_lease() {
        let world = World::new().await.with_deployment().await;
        let first: Lease = world.post(routes::LEASES, &wish("r", 100)).await.done(201);
        world.clock.advance(500);
        let again: Lease = world.post(routes::LEASES, &wish("r", 100)).await.done(201);
        assert_eq!(again.lease_id, first.lease_id);
        assert_eq!((again.expires_in_ms, again.usage.tokens.outstanding), (1_500, 100));
        let other: Lease = world.post(routes::LEASES, &wish("s", 100)).await.done(201);
        assert_ne!(other.lease_id, first.lease_id);
    }

    #[tokio::test]
    async fn another_wish_under_a_used_id_and_a_closed_lease_are_said_to_be_so() {
        let world = World::new().await.with_deployment().await;
        let lease: Lease = world.post(routes::LEASES, &wish("r", 100)).await.done(201);
        world.post(routes::LEASES, &wish("r", 101)).await.problem(Code::RequestIdReused);
        let back = json!({"tokens": 100, "requests": 1, "closed": true});
        let path = format!("{}/{}/return", routes::LEASES, lease.lease_id);
        let _: quota_api::GivenBack = world.post(&path, &back).await.done(200);
        world.post(routes::LEASES, &wish("r", 100)).await.problem(Code::LeaseClosed);
    }

    #[tokio::test]
    async fn a_denial_says_when_to_come_back() {
        let world = World::new().await.with_deployment().await;
        let _: Lease = world.post(routes::LEASES, &wish("r", 495)).await.done(201);
        let answer = world.post(routes::LEASES, &wish("s", 15)).await;
        let problem = answer.problem(Code::Exhausted);
        assert_eq!(problem.unit, Some(quota_api::Unit::Tokens));
        assert_eq!((problem.state, problem.retry_after_ms), (Some(State::Endgame), Some(250)));
        assert_eq!(problem.usage.unwrap().tokens.remaining(), Some(5));
        assert_eq!(answer.header("retry-after"), "1");
        assert_eq!(answer.header("ratelimit"), r#""tokens";r=5;t=1, "requests";r=99;t=1"#);
    }

    #[tokio::test]
    async fn the_next_window_in_the_last_second_of_this_one() {
        let world = World::new().await.with_deployment().await;
        let mut body = wish("r", 100);
        body["window"] = json!("next");
        world.clock.advance(48_999);
        let problem = world.post(routes::LEASES, &body).await.problem(Code::TooEarly);
        assert_eq!(problem.retry_after_ms, Some(1));
        world.clock.advance(1);
        let lease: Lease = world.post(routes::LEASES, &body).await.done(201);
        assert_eq!((lease.starts_in_ms, lease.window.ends_in_ms), (1_000, 61_000));
    }
}
