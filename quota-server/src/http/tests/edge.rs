//! What happens to a request whichever its route.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use futures_util::{StreamExt, poll, stream};
use http::Method;
use quota_api::{Code, Lease};
use serde_json::json;

use crate::http::testing::{BODY_BYTES, Fault, World, request, wish, with_token};
use crate::ledger::Unavailable;

#[tokio::test]
async fn requests_have_names() {
    let world = World::new().await;
    let mut named = request(Method::GET, "/healthz", "");
    named.headers_mut().insert("x-request-id", "r-7".parse().unwrap());
    named.headers_mut().insert("traceparent", "not one".parse().unwrap());
    assert_eq!(world.send(named).await.header("x-request-id"), "r-7");
    assert_eq!(world.get("/nowhere").await.header("x-request-id"), "0000000000000000-1");
}

#[tokio::test]
async fn an_absent_ledger_is_told_of_with_when_to_come_back() {
    for (unavailable, code) in [
        (Unavailable::CannotWrite, Code::LedgerUnavailable),
        (Unavailable::Overloaded, Code::Overloaded),
        (Unavailable::Stopping, Code::ShuttingDown),
    ] {
        let world = World::faulty(Fault::Says(unavailable));
        for answer in [
            world.post("/v1/leases", &wish("r", 1)).await,
            world.put("/v1/deployments/m", &json!({"tpm_limit": 1})).await,
            world.get("/v1/deployments").await,
            world.get("/readyz").await,
        ] {
            assert_eq!(answer.problem(code).retry_after_ms, Some(1_000));
            assert_eq!(answer.header("retry-after"), "1");
        }
        assert_eq!(world.get("/healthz").await.status, 200, "the process lives");
    }
}

#[tokio::test]
async fn a_standby_sends_writers_to_the_same_path_of_the_active_server() {
    let standby = Unavailable::Standby("http://10.0.0.7:7700".into());
    let world = World::faulty(Fault::Says(standby));
    let batch = json!({"holder": "h", "denied": [{"deployment": "m", "tokens": 1, "requests": 1}]});
    let lease = json!({"tokens": 1, "requests": 0});
    for (answer, path) in [
        (world.post("/v1/leases", &wish("r", 1)).await, "/v1/leases"),
        (world.post("/v1/leases/batch", &batch).await, "/v1/leases/batch"),
        (world.post("/v1/leases/1-2-3/return", &lease).await, "/v1/leases/1-2-3/return"),
        (world.put("/v1/deployments/m", &json!({"tpm_limit": 1})).await, "/v1/deployments/m"),
        (world.send(request(Method::DELETE, "/v1/deployments/m", "")).await, "/v1/deployments/m"),
    ] {
        let problem = answer.problem(Code::Standby);
        assert_eq!(problem.retry_after_ms, None, "at once, and elsewhere");
        assert_eq!(answer.header("location"), format!("http://10.0.0.7:7700{path}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_hangs_is_not_waited_for_for_ever() {
    let world = World::faulty(Fault::Hangs);
    let began = tokio::time::Instant::now();
    world.post("/v1/leases", &wish("r", 1)).await.problem(Code::LedgerUnavailable);
    assert_eq!(began.elapsed(), Duration::from_secs(15));
}

#[tokio::test]
async fn a_fault_of_ours_is_told_without_what_it_is() {
    for fault in [Fault::Panics, Fault::Misanswers] {
        let world = World::faulty(fault);
        let answer = world.post("/v1/leases", &wish("r", 1)).await;
        answer.problem(Code::Internal);
        assert!(!answer.text.contains("ledger"), "{}", answer.text);
        assert!(!answer.header("x-request-id").is_empty());
    }
}

#[tokio::test]
async fn too_many_at_once_are_shed_and_probes_are_not() {
    let world = World::new().await.with_deployment().await;
    let places = [world.api.places.for_api(), world.api.places.for_api()];
    world.post("/v1/leases", &wish("r", 1)).await.problem(Code::Overloaded);
    assert_eq!(world.get("/healthz").await.status, 200);
    assert_eq!(world.get("/readyz").await.status, 200);
    drop(places);
    let _: Lease = world.post("/v1/leases", &wish("r", 1)).await.done(201);
}

#[tokio::test]
async fn those_of_open_paths_are_bounded_apart() {
    let world = World::new().await.with_deployment().await;
    let places: Vec<_> = std::iter::from_fn(|| world.api.places.for_open()).collect();
    assert!(places.len() < 1_000);
    for path in ["/metrics", "/openapi.json", "/", "/nowhere"] {
        assert_eq!(world.send_raw(request(Method::GET, path, "")).await.status(), 503, "{path}");
    }
    assert_eq!(world.get("/healthz").await.status, 200);
    let _: Lease = world.post("/v1/leases", &wish("r", 1)).await.done(201);
    drop(places);
    assert_eq!(world.get("/metrics").await.status, 200);
}

#[tokio::test]
async fn without_tokens_a_page_of_another_site_is_refused() {
    let from = |name: &'static str, value: &str| {
        let mut put =
            request(Method::PUT, "/v1/deployments/m", &json!({"tpm_limit": 9}).to_string());
        put.headers_mut().insert(name, value.parse().unwrap());
        put
    };
    let world = World::new().await.with_deployment().await;
    for put in [from("host", "evil.example:7700"), from("origin", "https://evil.example")] {
        world.send(put).await.problem(Code::Forbidden);
    }
    assert_eq!(world.send(from("host", "localhost:7700")).await.status, 200);
    let guarded = World::with_roles().await.with_deployment().await;
    let put = with_token(from("host", "quota.example"), "admin");
    assert_eq!(guarded.send(put).await.status, 200, "a token is what no page has");
}

#[tokio::test]
async fn bodies_take_their_room_as_they_arrive_and_until_they_are_answered() {
    let world = World::new().await.with_deployment().await;
    let arriving = |bytes: usize| {
        let arrived = std::iter::repeat_n(b' ', 1 << 10).collect::<Vec<u8>>();
        let frames = std::iter::repeat_n(Ok::<_, Infallible>(arrived), bytes >> 10);
        let body = stream::iter(frames).chain(stream::pending());
        let request = Request::post("/v1/leases").header("content-type", "application/json");
        Box::pin(world.send_raw(request.body(Body::from_stream(body)).unwrap()))
    };
    let mut arrives = arriving(BODY_BYTES - (1 << 10));
    assert!(poll!(&mut arrives).is_pending());
    assert_eq!(world.api.body_room.free(), 1 << 10);
    let _: Lease = world.post("/v1/leases", &wish("r", 1)).await.done(201);
    let mut large = wish("s", 1);
    large["holder"] = json!("h".repeat(1 << 10));
    let refused = world.post("/v1/leases", &large).await.problem(Code::Overloaded);
    assert!(refused.detail.contains("bodies") && refused.retry_after_ms == Some(1_000));
    drop(arrives);
    world.post("/v1/leases", &large).await.problem(Code::InvalidValue);
    assert_eq!(world.api.body_room.free(), BODY_BYTES);
}

#[tokio::test]
async fn a_server_that_drains_is_not_ready() {
    let world = World::new().await;
    assert_eq!(world.get("/readyz").await.text, "ready\n");
    world.api.draining.cancel();
    world.get("/readyz").await.problem(Code::ShuttingDown);
    assert_eq!(world.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn requests_and_leases_are_counted() {
    let world = World::new().await.with_deployment().await;
    let _: Lease = world.post("/v1/leases", &wish("r", 400)).await.done(201);
    let lease: Lease = world.post("/v1/leases", &wish("r", 400)).await.done(201);
    for total in [3, 5, 4] {
        let used = json!({"lease_id": lease.lease_id, "tokens": 400, "requests": 1,
            "overrun": {"tokens": total, "requests": 0}});
        world.post("/v1/leases/batch", &json!({"holder": "h", "used": [used]})).await;
    }
    world.post("/v1/leases", &wish("r2", 400)).await.problem(Code::Exhausted);
    world.get("/nowhere").await;
    let text = world.get("/metrics").await.text;
    for line in [
        "quota_grants_total 1",
        "quota_granted_tokens_total 400",
        "quota_granted_requests_total 1",
        "quota_overrun_tokens_total 5",
        "quota_denied_total{unit=\"tokens\"} 1",
        "quota_http_requests_total{route=\"/v1/leases\",class=\"2xx\"} 2",
        "quota_http_requests_total{route=\"/v1/leases\",class=\"4xx\"} 1",
        "quota_http_requests_total{route=\"other\",class=\"4xx\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}
