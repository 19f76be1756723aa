//! `POST /v1/leases`: a holder wants a lease.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use quota_api::{Acquire, AcquireItem, Lease, WindowKind, routes};

use crate::http::body::Json;
use crate::http::caller::{Caller, TakeLeases};
use crate::http::openapi::problems;
use crate::http::wire::{self, bounds};
use crate::http::{Api, Failure, ratelimit};

problems! { Problems:
    MalformedBody, Unauthenticated, Forbidden, DeploymentNotFound, RequestTimeout, TooEarly,
    BodyTooLarge, UnsupportedMediaType, InvalidValue, NeverFits, Exhausted, Overloaded, Quarantined,
    LedgerUnavailable, ShuttingDown,
}

/// Acquire a lease
///
/// Repeated with the same `request_id` by the same holder, it answers with the same lease.
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
    Json(acquire): Json<Acquire>,
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
    let outcome = api.run(&caller.credential, &holder, vec![op]).await.pop();
    api.lease(item.deployment, outcome).map(|lease| created(&lease))
}

fn created(lease: &Lease) -> Response {
    let mut response = (StatusCode::CREATED, axum::Json(lease)).into_response();
    // With `rolling` room comes back bit by bit: no single time says when.
    let more_in_ms = (lease.window.kind == WindowKind::Minute).then_some(lease.window.ends_in_ms);
    ratelimit::write(response.headers_mut(), &lease.usage, more_in_ms);
    response
}
