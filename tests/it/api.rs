//! What the calls of a holder answer.

use quota_api::{Code, GivenBack, Lease, LeaseList, State, Unit, WindowKind, WindowList};
use serde_json::{Value, json};

use crate::support::{Caller, DEPLOYMENT, REQUESTS, TOKENS, server};

#[tokio::test]
async fn an_acquire_gives_a_lease() {
    let server = server().await;
    let said = Caller::of(&server).acquire("r1", 100, 10).await;
    let lease: Lease = said.done(201);
    assert_eq!((lease.tokens, lease.requests), (100, 10));
    assert_eq!(lease.deployment, DEPLOYMENT);
    assert_eq!(lease.starts_in_ms, 0);
    assert!((1..=1_000).contains(&lease.expires_in_ms), "{lease:?}");
    assert_eq!(lease.window.kind, WindowKind::Rolling);
    assert_eq!(lease.usage.tokens.outstanding, 100);
    assert_eq!(lease.usage.requests.remaining(), Some(REQUESTS - 10));
    assert!(!said.header("ratelimit").is_empty() && !said.header("ratelimit-policy").is_empty());
}

#[tokio::test]
async fn the_same_request_id_gets_the_same_lease() {
    let server = server().await;
    let caller = Caller::of(&server);
    let first: Lease = caller.acquire("r1", 100, 10).await.json();
    let again: Lease = caller.acquire("r1", 100, 10).await.json();
    assert_eq!(again.lease_id, first.lease_id);
    assert_eq!((again.tokens, again.requests), (100, 10));
    assert_eq!(again.usage.tokens.outstanding, 100);
    let other: Lease = caller.acquire("r2", 100, 10).await.json();
    assert_ne!(other.lease_id, first.lease_id);
    assert_eq!(other.usage.tokens.outstanding, 200);
}

#[tokio::test]
async fn what_does_not_fit_now_is_denied_with_a_time_to_come_again() {
    let server = server().await;
    let caller = Caller::of(&server);
    let _: Lease = caller.acquire("r1", TOKENS - 10, 1).await.done(201);
    let said = caller.acquire("r2", 11, 1).await;
    let problem = said.problem(Code::Exhausted);
    assert_eq!(problem.unit, Some(Unit::Tokens));
    assert!(matches!(problem.state, Some(State::Endgame | State::Exhausted)), "{problem:?}");
    assert!(problem.retry_after_ms.is_some_and(|ms| ms > 0), "{problem:?}");
    assert_eq!(problem.usage.unwrap().tokens.outstanding, TOKENS - 10);
    assert!(said.header("retry-after").parse::<u64>().unwrap() >= 1);
    let _: Lease = caller.acquire("r3", 10, 1).await.done(201);
}

#[tokio::test]
async fn tokens_and_requests_are_granted_both_or_neither() {
    let server = server().await;
    let caller = Caller::of(&server);
    let _: Lease = caller.acquire("r1", 10, REQUESTS).await.done(201);
    let problem = caller.acquire("r2", 10, 1).await.problem(Code::Exhausted);
    assert_eq!(problem.unit, Some(Unit::Requests));
    assert_eq!(problem.usage.unwrap().tokens.outstanding, 10);
}

#[tokio::test]
async fn what_can_never_fit_is_said_so() {
    let server = server().await;
    let caller = Caller::of(&server);
    caller.acquire("r1", TOKENS + 1, 1).await.problem(Code::NeverFits);
    caller.acquire("r2", 1, REQUESTS + 1).await.problem(Code::NeverFits);
    let _: Lease = caller.acquire("r3", TOKENS, REQUESTS).await.done(201);
}

#[tokio::test]
async fn returns_are_running_totals() {
    let server = server().await;
    let caller = Caller::of(&server);
    let lease: Lease = caller.acquire("r1", 100, 10).await.done(201);
    // Total told, and what it must credit: repeated and late messages change nothing.
    for (tokens, requests, credited) in
        [(30, 3, (30, 3)), (30, 3, (0, 0)), (20, 2, (0, 0)), (70, 5, (40, 2)), (60, 7, (0, 2))]
    {
        let said = caller.give_back(&lease.lease_id, tokens, requests).await;
        let given: GivenBack = said.done(200);
        assert_eq!(
            (given.credited.tokens, given.credited.requests),
            credited,
            "{tokens} {requests}"
        );
    }
    let next: Lease = caller.acquire("r2", 10, 1).await.done(201);
    assert_eq!(next.usage.tokens.outstanding, 100 - 70 + 10);
    assert_eq!(next.usage.requests.outstanding, 10 - 7 + 1);
}

#[tokio::test]
async fn more_than_was_leased_cannot_be_given_back() {
    let server = server().await;
    let caller = Caller::of(&server);
    let lease: Lease = caller.acquire("r1", 100, 10).await.done(201);
    caller.give_back(&lease.lease_id, 101, 0).await.problem(Code::ExceedsLease);
    caller.give_back(&lease.lease_id, 0, 11).await.problem(Code::ExceedsLease);
    let next: Lease = caller.acquire("r2", 10, 1).await.done(201);
    assert_eq!(next.usage.tokens.outstanding, 110);
}

#[tokio::test]
async fn a_return_to_a_window_that_is_long_over_credits_nothing() {
    let server = server().await;
    let caller = Caller::of(&server);
    let lease: Lease = caller.acquire("r1", 100, 10).await.done(201);
    let (deployment, _) = lease.lease_id.split_once('-').unwrap();
    let given: GivenBack = caller.give_back(&format!("{deployment}-0-0"), 50, 5).await.done(200);
    assert_eq!((given.credited.tokens, given.credited.requests), (0, 0));
    let next: Lease = caller.acquire("r2", 1, 1).await.done(201);
    assert_eq!(next.usage.tokens.outstanding, 101);
}

#[tokio::test]
async fn a_window_s_book_adds_up() {
    let server = server().await;
    let caller = Caller::of(&server);
    let lease: Lease = caller.acquire("r1", 100, 10).await.done(201);
    let body = json!({"holder": "gw-1/a",
        "give_back": [{"lease_id": lease.lease_id, "tokens": 20, "requests": 2}],
        "used": [{"lease_id": lease.lease_id, "tokens": 50, "requests": 5,
            "overrun": {"tokens": 7, "requests": 0}}],
        "denied": [{"deployment": DEPLOYMENT, "tokens": 15, "requests": 1}]});
    let _: Value = caller.post("/v1/leases/batch", &body).await.done(200);
    let list: WindowList =
        caller.get(&format!("/v1/deployments/{DEPLOYMENT}/windows?last=5")).await.done(200);
    let book = &list.windows[0];
    assert_eq!(book.granted.tokens, 100);
    assert_eq!(book.given_back.tokens, 20);
    assert_eq!(book.used.tokens, 50);
    assert_eq!(book.overrun.tokens, 7);
    assert_eq!(book.denied.tokens, 15);
    let parts = [book.given_back, book.used, book.held, book.burnt];
    assert_eq!(parts.iter().map(|part| part.tokens).sum::<u64>(), book.granted.tokens);
    assert_eq!(parts.iter().map(|part| part.requests).sum::<u64>(), book.granted.requests);
}

#[tokio::test]
async fn who_holds_what_can_be_seen() {
    let server = server().await;
    let caller = Caller::of(&server);
    let lease: Lease = caller.acquire("r1", 100, 10).await.done(201);
    let list: LeaseList =
        caller.get(&format!("/v1/deployments/{DEPLOYMENT}/leases")).await.done(200);
    assert_eq!(list.leases.len(), 1);
    let held = &list.leases[0];
    assert_eq!((held.lease_id.as_str(), held.holder.as_str()), (lease.lease_id.as_str(), "gw-1/a"));
    assert_eq!((held.granted.tokens, held.granted.requests), (100, 10));
}

#[tokio::test]
async fn the_other_pages_answer() {
    let server = server().await;
    let caller = Caller::of(&server);
    for path in ["/healthz", "/readyz", "/metrics", "/"] {
        let said = caller.get(path).await;
        assert_eq!(said.status, 200, "{path}: {}", said.text);
    }
    let document: Value = caller.get("/openapi.json").await.done(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{document}");
    for path in [
        "/v1/leases",
        "/v1/leases/batch",
        "/v1/leases/{lease_id}/return",
        "/v1/deployments",
        "/v1/deployments/{id}",
        "/v1/deployments/{id}/windows",
        "/v1/deployments/{id}/leases",
    ] {
        assert!(document["paths"][path].is_object(), "{path} is not in the document");
    }
}

#[tokio::test]
async fn a_request_id_comes_back() {
    let server = server().await;
    let caller = Caller::of(&server);
    let headers = [("x-request-id", "abc-123")];
    let said = caller.send(http::Method::GET, "/healthz", &headers, None).await;
    assert_eq!(said.header("x-request-id"), "abc-123");
    assert!(!caller.get("/healthz").await.header("x-request-id").is_empty());
}
