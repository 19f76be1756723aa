//! Every role on every route.

use std::sync::Arc;

use axum::extract::Request;
use edge::Peer;
use http::Method;
use quota_api::{Code, GivenBack, Lease};
use serde_json::{Value, json};

use crate::http::testing::{World, request, wish, with_token};

/// A call of the document, as it is made here.
struct Call {
    method: Method,
    path: String,
    body: String,
    may: May,
}

/// Who may make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum May {
    /// Everybody, without a token.
    Anybody,
    /// These roles: gateway, viewer, admin.
    Roles([bool; 3]),
}

/// Who may do what. A new call has its line here, or the tests below fail.
fn may(operation: &str) -> (May, Value) {
    const TAKE: May = May::Roles([true, false, true]);
    const SEE: May = May::Roles([true, true, true]);
    const READ: May = May::Roles([false, true, true]);
    const CHANGE: May = May::Roles([false, false, true]);
    match operation {
        "POST /v1/leases" => (TAKE, wish("r", 1)),
        "POST /v1/leases/batch" => (TAKE, json!({"holder": "h"})),
        "POST /v1/leases/{lease_id}/return" => (TAKE, json!({"tokens": 0, "requests": 0})),
        "GET /v1/deployments" | "GET /v1/deployments/{id}" => (SEE, Value::Null),
        "GET /v1/deployments/{id}/windows"
        | "GET /v1/deployments/{id}/leases"
        | "GET /v1/overview" => (READ, Value::Null),
        "PUT /v1/deployments/{id}" => (CHANGE, json!({"tpm_limit": 500, "rpm_limit": 100})),
        "DELETE /v1/deployments/{id}" => (CHANGE, Value::Null),
        "GET /" | "GET /healthz" | "GET /readyz" | "GET /metrics" => (May::Anybody, Value::Null),
        other => panic!("who may {other}?"),
    }
}

/// Every call of the OpenAPI document. What it says of security must be so.
async fn calls(world: &World) -> Vec<Call> {
    let document: Value = world.get("/openapi.json").await.done(200);
    let mut calls = Vec::new();
    for (template, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "put", "post", "delete", "patch", "head", "options"] {
            let Some(operation) = item.get(method) else { continue };
            let method: Method = method.to_uppercase().parse().unwrap();
            let (may, body) = may(&format!("{method} {template}"));
            let is_open = operation["security"][0]["bearer"].is_null();
            assert_eq!(is_open, may == May::Anybody, "{method} {template}");
            // A deployment of its own for what removes one.
            let id = if method == Method::DELETE { "gone" } else { "m" };
            let path = template.replace("{id}", id).replace("{lease_id}", "x");
            let body = if body.is_null() { String::new() } else { body.to_string() };
            calls.push(Call { method, path, body, may });
        }
    }
    assert!(calls.len() >= 14, "{} calls", calls.len());
    calls
}

impl Call {
    fn request(&self) -> Request {
        request(self.method.clone(), &self.path, &self.body)
    }
}

#[tokio::test]
async fn each_role_may_do_its_own_and_no_more() {
    let world = World::with_roles().await.with_deployment().await;
    for call in calls(&world).await {
        let May::Roles(may) = call.may else { continue };
        for (role, may) in ["gateway", "viewer", "admin"].into_iter().zip(may) {
            let answer = world.send(with_token(call.request(), role)).await;
            if may {
                let refused = [401, 403].contains(&answer.status.as_u16());
                assert!(!refused, "{role} {} {}", call.method, call.path);
            } else {
                answer.problem(Code::Forbidden);
            }
        }
    }
}

#[tokio::test]
async fn without_a_known_token_only_what_is_open() {
    let world = World::with_roles().await.with_deployment().await;
    for call in calls(&world).await {
        let answers = [
            world.send(call.request()).await,
            world.send(with_token(call.request(), "guess")).await,
            world.send(with_token(call.request(), "")).await,
        ];
        for answer in answers {
            if call.may == May::Anybody {
                assert_eq!(answer.status, 200, "{}", call.path);
            } else {
                answer.problem(Code::Unauthenticated);
                assert_eq!(answer.header("www-authenticate"), "Bearer");
            }
        }
    }
    assert_eq!(world.get("/openapi.json").await.status, 200);
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
    let item = json!({"lease_id": lease.lease_id, "tokens": 100, "requests": 1});
    let batch = json!({"holder": "h", "give_back": [item], "used": [item]}).to_string();
    for other in ["other", "admin"] {
        let beat = with_token(request(Method::POST, "/v1/leases/batch", &batch), other);
        let reply: Value = world.send(beat).await.done(200);
        for part in ["give_back", "used"] {
            assert_eq!(reply[part][0]["problem"]["code"], "not_your_lease", "{other} {part}");
        }
    }
    let other = request(Method::POST, "/v1/leases", &wish("r", 100).to_string());
    let other: Lease = world.send(with_token(other, "other")).await.done(201);
    assert_ne!(other.lease_id, lease.lease_id, "a request id is its credential's own");
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
