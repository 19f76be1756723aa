//! Every role on every route.

use http::Method;
use quota_api::{Code, GivenBack, Lease};
use serde_json::json;

use crate::http::testing::{World, request, wish, with_token};

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
