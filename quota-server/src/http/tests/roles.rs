//! Every role on every route.

use std::sync::Arc;

use http::Method;
use quota_api::{Code, GivenBack, Lease};
use serde_json::json;

use crate::http::testing::{World, request, wish, with_token};
use crate::peer::Peer;

/// The call, and who may: gateway, viewer, admin.
fn calls() -> Vec<(Method, &'static str, String, [bool; 3])> {
    let body = |value: serde_json::Value| value.to_string();
    let spec = body(json!({"tpm_limit": 500, "rpm_limit": 100}));
    vec![
        (Method::POST, "/v1/leases", body(wish("r", 1)), [true, false, true]),
        (Method::POST, "/v1/leases/batch", body(json!({"holder": "h"})), [true, false, true]),
        (
            Method::POST,
            "/v1/leases/x/return",
            body(json!({"tokens": 0, "requests": 0})),
            [true, false, true],
        ),
        (Method::GET, "/v1/deployments", String::new(), [true, true, true]),
        (Method::GET, "/v1/deployments/m", String::new(), [true, true, true]),
        (Method::GET, "/v1/deployments/m/windows", String::new(), [false, true, true]),
        (Method::GET, "/v1/deployments/m/leases", String::new(), [false, true, true]),
        (Method::GET, "/v1/overview", String::new(), [false, true, true]),
        (Method::PUT, "/v1/deployments/n", spec, [false, false, true]),
        (Method::DELETE, "/v1/deployments/n", String::new(), [false, false, true]),
    ]
}

#[tokio::test]
async fn each_role_may_do_its_own_and_no_more() {
    let world = World::with_roles().await.with_deployment().await;
    for (method, path, body, may) in calls() {
        for (role, may) in ["gateway", "viewer", "admin"].into_iter().zip(may) {
            let request = with_token(request(method.clone(), path, &body), role);
            let answer = world.send(request).await;
            if may {
                assert!(![401, 403].contains(&answer.status.as_u16()), "{role} {method} {path}");
            } else {
                answer.problem(Code::Forbidden);
            }
        }
    }
}

#[tokio::test]
async fn without_a_known_token_only_what_is_open() {
    let world = World::with_roles().await.with_deployment().await;
    for (method, path, body, _) in calls() {
        let answers = [
            world.send(request(method.clone(), path, &body)).await,
            world.send(with_token(request(method.clone(), path, &body), "guess")).await,
            world.send(with_token(request(method.clone(), path, &body), "")).await,
        ];
        for answer in answers {
            answer.problem(Code::Unauthenticated);
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
    }
    for open in ["/", "/healthz", "/readyz", "/metrics", "/openapi.json"] {
        assert_eq!(world.get(open).await.status, 200, "{open}");
    }
}

#[tokio::test]
async fn the_role_is_asked_before_the_body_is_read() {
    let world = World::with_roles().await;
    let broken = with_token(request(Method::PUT, "/v1/deployments/n", "{"), "gateway");
    world.send(broken).await.problem(Code::Forbidden);
}

#[tokio::test]
async fn only_who_acquired_a_lease_can_return_it() {
    let world = World::with_roles().await.with_deployment().await;
    let acquire = request(Method::POST, "/v1/leases", &wish("r", 100).to_string());
    let lease: Lease = world.send(with_token(acquire, "gateway")).await.done(201);
    let path = format!("/v1/leases/{}/return", lease.lease_id);
    let body = json!({"tokens": 100, "requests": 1}).to_string();
    let give_back = || request(Method::POST, &path, &body);
    for other in ["other", "admin"] {
        world.send(with_token(give_back(), other)).await.problem(Code::NotYourLease);
    }
    let given: GivenBack = world.send(with_token(give_back(), "gateway")).await.done(200);
    assert_eq!(given.credited.tokens, 100);
}

#[tokio::test]
async fn wrong_tokens_are_bounded_by_address() {
    let world = World::with_roles().await.with_deployment().await;
    let from = |address: &str, token: &str| {
        let mut request = with_token(request(Method::GET, "/v1/deployments", ""), token);
        let address = format!("{address}:4711").parse().unwrap();
        request.extensions_mut().insert(Arc::new(Peer { address, names: Vec::new() }));
        request
    };
    for _ in 0..10 {
        world.send(from("192.0.2.1", "guess")).await.problem(Code::Unauthenticated);
    }
    let answer = world.send(from("192.0.2.1", "guess")).await;
    assert!(answer.problem(Code::TooManyFailedLogins).retry_after_ms.unwrap() <= 1_000);
    assert_eq!((answer.header("retry-after"), answer.header("connection")), ("1", "close"));
    assert_eq!(world.send(from("192.0.2.1", "gateway")).await.status, 200, "a good one passes");
    world.send(from("192.0.2.2", "guess")).await.problem(Code::Unauthenticated);
    let text = world.get("/metrics").await.text;
    assert!(text.contains("quota_failed_logins_total"), "{text}");
}

#[tokio::test]
async fn a_certificate_is_a_credential_and_contradicts_no_token() {
    let world = World::with_roles().await.with_deployment().await;
    let with = |names: &[&str], token: Option<&str>| {
        let mut request = request(Method::GET, "/v1/deployments/m/windows", "");
        if let Some(token) = token {
            request = with_token(request, token);
        }
        let names = names.iter().map(ToString::to_string).collect();
        let peer = Peer { address: "192.0.2.1:4711".parse().unwrap(), names };
        request.extensions_mut().insert(Arc::new(peer));
        request
    };
    let viewer = "viewer.example";
    assert_eq!(world.send(with(&[viewer], None)).await.status, 200);
    assert_eq!(world.send(with(&[viewer, "x.example"], Some("viewer"))).await.status, 200);
    world.send(with(&[viewer], Some("admin"))).await.problem(Code::Unauthenticated);
    world.send(with(&["x.example"], None)).await.problem(Code::Unauthenticated);
    world.send(with(&["gateway.example"], None)).await.problem(Code::Forbidden);
}
