//! `GET /v1/overview`: the server, and every deployment at a glance.

mod gzip;
mod latest;

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderMap, StatusCode};
use quota_api::{Overview, routes};

use crate::http::caller::{Caller, ReadBooks};
use crate::http::openapi::problems;
use crate::http::{Api, Failure, etag};

pub use latest::Latest;

problems! { Problems: Unauthenticated, Forbidden, Overloaded, LedgerUnavailable, ShuttingDown }

/// The server, and every deployment at a glance
///
/// All who ask within half a second are given the same; within longer, where one takes long to
/// make. Its weak `ETag` stays while nothing changes but time.
#[utoipa::path(
    get, path = routes::OVERVIEW, tag = "deployments", security(("bearer" = [])),
    params(("If-None-Match" = Option<String>, Header, description = "The `ETag` that the reader has.")),
    responses(
        (status = 200, description = "The overview.", body = Overview, headers(
            ("ETag" = String, description = "Of all in it but durations."),
            ("Age" = u64, description = "How old it is, in seconds."))),
        (status = 304, description = "It is as the reader has it.",
            headers(("ETag" = String, description = "Of all in it but durations."))),
        Problems,
    )
)]
pub(super) async fn overview(
    State(api): State<Arc<Api>>,
    _caller: Caller<ReadBooks>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let made = api.overview.of(&*api.ledger).await?;
    let about = [(ETAG, made.etag.clone()), (CACHE_CONTROL, NO_CACHE), (AGE, made.age())];
    if etag::is_listed(&headers, &made.etag) {
        return Ok((StatusCode::NOT_MODIFIED, about).into_response());
    }
    let json = [(CONTENT_TYPE, "application/json"), (VARY, "accept-encoding")];
    if gzip::is_accepted(&headers) {
        return Ok((about, json, [(CONTENT_ENCODING, "gzip")], made.gzip()).into_response());
    }
    Ok((about, json, made.body.clone()).into_response())
}

/// Kept by browsers, and asked about each time.
const NO_CACHE: http::HeaderValue = http::HeaderValue::from_static("private, no-cache");

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Method;
    use quota_api::{LedgerKind, ServerRole};
    use serde_json::json;
    use tokio::time::{advance, pause, resume};

    use super::*;
    use crate::http::testing::{World, request, wish};

    async fn seen(world: &World) -> Overview {
        world.get(routes::OVERVIEW).await.done(200)
    }

    #[tokio::test]
    async fn it_says_how_all_stand() {
        let world = World::new().await.with_deployment().await;
        world.put("/v1/deployments/a", &json!({"rpm_limit": 7, "model_group": "g"})).await;
        world.post("/v1/leases", &wish("r", 400)).await;
        let overview = seen(&world).await;
        let ids: Vec<_> = overview.deployments.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(ids, ["a", "m"]);
        let [idle, busy] = &overview.deployments[..] else { panic!("{overview:?}") };
        assert_eq!((idle.model_group.as_deref(), idle.usage.tokens.limit), (Some("g"), None));
        assert_eq!((busy.usage.tokens.outstanding, busy.granted.tokens), (400, 400));
        assert_eq!((busy.held.tokens, busy.leases, busy.holders), (400, 1, 1));
        assert_eq!(overview.minute_ends_in_ms, 50_000);
        let server = overview.server;
        assert_eq!((server.ledger, server.role), (LedgerKind::Embedded, ServerRole::Active));
        assert!(server.writable && server.warnings.is_empty());
    }

    #[tokio::test]
    async fn all_who_ask_within_half_a_second_are_given_the_same() {
        let world = World::new().await.with_deployment().await;
        pause();
        let first = seen(&world).await;
        advance(Duration::from_millis(499)).await;
        assert_eq!(seen(&world).await, first);
        advance(Duration::from_millis(1)).await;
        assert_eq!(seen(&world).await.server.uptime_ms, first.server.uptime_ms + 500);
    }

    #[tokio::test]
    async fn what_the_reader_has_is_not_sent_again() {
        let world = World::new().await.with_deployment().await;
        let first = world.get(routes::OVERVIEW).await.header("etag").to_owned();
        let again = async || {
            pause();
            advance(Duration::from_secs(5)).await;
            resume();
            let mut request = request(Method::GET, routes::OVERVIEW, "");
            request.headers_mut().insert("if-none-match", first.parse().unwrap());
            world.send(request).await
        };
        world.clock.advance(5_000);
        let known = again().await;
        assert_eq!((known.status, known.text.as_str()), (StatusCode::NOT_MODIFIED, ""));
        assert_eq!((known.header("etag"), known.header("age")), (first.as_str(), "0"));
        world.post("/v1/leases", &wish("r", 1)).await;
        assert_eq!(again().await.status, 200);
    }

    #[tokio::test]
    async fn browsers_are_sent_less() {
        let world = World::new().await.with_deployment().await;
        let mut request = request(Method::GET, routes::OVERVIEW, "");
        request.headers_mut().insert("accept-encoding", "gzip".parse().unwrap());
        let response = world.send_raw(request).await;
        assert_eq!(response.headers()["content-encoding"], "gzip");
        assert_eq!(response.headers()["vary"], "accept-encoding");
        assert_eq!(world.get(routes::OVERVIEW).await.header("content-encoding"), "");
    }
}
