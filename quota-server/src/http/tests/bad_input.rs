//! Bad input: a clear error that names what is wrong, and nothing changes.

use std::time::Duration;

use axum::body::Body;
use http::Method;
use http::header::CONTENT_TYPE;
use quota_api::limits::{MAX_BODY_BYTES, MAX_LIMIT, MAX_NAME_BYTES};
use quota_api::{Code, Lease};
use serde_json::{Value, json};

use crate::http::testing::{World, request, wish};

fn with(pointer: &str, value: Value) -> Value {
    let mut body = wish("bad", 10);
    *body.pointer_mut(pointer).unwrap() = value;
    body
}

#[tokio::test]
async fn acquires() {
    let world = World::new().await.with_deployment().await;
    let long = "x".repeat(MAX_NAME_BYTES + 1);
    for (body, code, detail) in [
        (
            with("/tokens/min", json!(-1)),
            Code::MalformedBody,
            "`tokens.min`: invalid value: integer `-1`",
        ),
        (with("/tokens/want", json!(1.5)), Code::MalformedBody, "`tokens.want`: invalid type"),
        (with("/tokens", json!(5)), Code::MalformedBody, "`tokens`: invalid type"),
        (with("/window", json!("last")), Code::MalformedBody, "`window`: unknown variant `last`"),
        (
            with("/requests", json!({"min": 1})),
            Code::MalformedBody,
            "`requests`: missing field `want`",
        ),
        (json!([]), Code::MalformedBody, "a JSON object"),
        (json!(null), Code::MalformedBody, "invalid type: null"),
        (
            with("/tokens/want", json!(9)),
            Code::InvalidValue,
            "`tokens.want` must be at least `min`",
        ),
        (
            with("/tokens/want", json!(MAX_LIMIT + 1)),
            Code::InvalidValue,
            "`tokens.want` must be at most",
        ),
        (
            with("/requests/want", json!(u64::MAX)),
            Code::InvalidValue,
            "`requests.want` must be at most",
        ),
        (with("/holder", json!("")), Code::InvalidValue, "`holder` must not be empty"),
        (with("/holder", json!("a\u{0}")), Code::InvalidValue, "`holder` must be printable"),
        (
            with("/request_id", json!(long)),
            Code::InvalidValue,
            "`request_id` must be at most 128 bytes",
        ),
        (with("/deployment", json!("a\nb")), Code::InvalidValue, "`deployment` must be printable"),
        (
            with("/deployment", json!("other")),
            Code::DeploymentNotFound,
            "there is no such deployment",
        ),
        (wish("bad", 501), Code::NeverFits, "`tokens.min` is above 500"),
        (
            with("/window", json!("next")),
            Code::TooEarly,
            "the next window can be asked for in 49000 ms",
        ),
    ] {
        let problem = world.post("/v1/leases", &body).await.problem(code);
        assert!(problem.detail.starts_with(detail), "{body}: {}", problem.detail);
    }
    let lease: Lease = world.post("/v1/leases", &wish("good", 500)).await.done(201);
    assert_eq!(lease.usage.tokens.outstanding, 500, "nothing of the above was granted");
}

#[tokio::test]
async fn bodies_that_are_none() {
    let world = World::new().await;
    for body in ["", "{", "\u{0}", "{\"holder\": \"h\"} {}"] {
        let answer = world.send(request(Method::POST, "/v1/leases/batch", body)).await;
        answer.problem(Code::MalformedBody);
    }
    let mut typed = request(Method::POST, "/v1/leases", "{}");
    typed.headers_mut().insert(CONTENT_TYPE, "text/plain".parse().unwrap());
    world.send(typed).await.problem(Code::UnsupportedMediaType);
    let large = format!("\"{}\"", "x".repeat(MAX_BODY_BYTES));
    let answer = world.send(request(Method::POST, "/v1/leases", &large)).await;
    answer.problem(Code::BodyTooLarge);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive() {
    let world = World::faulty(crate::http::testing::Fault::Hangs);
    let mut half = request(Method::POST, "/v1/leases", "");
    *half.body_mut() =
        Body::from_stream(futures_util::stream::pending::<Result<&str, std::io::Error>>());
    let began = tokio::time::Instant::now();
    world.send(half).await.problem(Code::RequestTimeout);
    assert_eq!(began.elapsed(), Duration::from_secs(10));
}

#[tokio::test]
async fn parameters_paths_and_methods() {
    let world = World::new().await.with_deployment().await;
    let windows = "/v1/deployments/m/windows";
    for (query, code) in [
        ("last=x", Code::MalformedParameter),
        ("last=-1", Code::MalformedParameter),
        ("last=1&last=2", Code::MalformedParameter),
        ("lost=1", Code::MalformedParameter),
        ("last=0", Code::InvalidValue),
        ("last=10081", Code::InvalidValue),
    ] {
        world.get(&format!("{windows}?{query}")).await.problem(code);
    }
    world.get("/v1/deployments/%ff").await.problem(Code::MalformedParameter);
    world.get("/v1/deployments/a%0ab").await.problem(Code::InvalidValue);
    world.get("/v1/deployments/").await.problem(Code::NoSuchRoute);
    world.get("/v2").await.problem(Code::NoSuchRoute);
    let answer = world.get("/v1/leases").await;
    answer.problem(Code::MethodNotAllowed);
    assert_eq!(answer.header("allow"), "POST");
    let body = json!({"tokens": 0, "requests": 0});
    for nobody in ["x", "1", "0-1", "00-1-1", "0-29384641-0", "4294967296-1-1"] {
        let answer = world.post(&format!("/v1/leases/{nobody}/return"), &body).await;
        answer.problem(Code::LeaseNotFound);
    }
}
