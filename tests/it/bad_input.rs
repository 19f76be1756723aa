//! Bad input gets a clear error, changes nothing and kills nothing.

use http::Method;
use quota_api::{Code, Lease};
use serde_json::{Value, json};

use crate::support::{Caller, DEPLOYMENT, acquire, server};

/// A good acquire with one field, by its JSON pointer, changed.
fn with(pointer: &str, value: Value) -> String {
    let mut body = acquire("bad", 10, 1);
    *body.pointer_mut(pointer).unwrap() = value;
    body.to_string()
}

fn without(field: &str) -> String {
    let mut body = acquire("bad", 10, 1);
    body.as_object_mut().unwrap().remove(field).unwrap();
    body.to_string()
}

fn with_extra(field: &str) -> String {
    let mut body = acquire("bad", 10, 1);
    body[field] = json!(1);
    body.to_string()
}

/// Bodies of `POST /v1/leases`, and what each is refused with.
fn bad_acquires() -> Vec<(String, Code)> {
    use Code::{DeploymentNotFound, InvalidValue, MalformedBody};
    let long = "x".repeat(quota_api::limits::MAX_NAME_BYTES + 1);
    vec![
        (String::new(), MalformedBody),
        ("{".to_owned(), MalformedBody),
        ("null".to_owned(), MalformedBody),
        ("[]".to_owned(), MalformedBody),
        ("[".repeat(100_000), MalformedBody),
        ("\u{0}".to_owned(), MalformedBody),
        (with("/tokens", json!(10)), MalformedBody),
        (with("/tokens/min", json!("10")), MalformedBody),
        (with("/tokens/min", json!(-1)), MalformedBody),
        (with("/tokens/min", json!(1.5)), MalformedBody),
        (with("/tokens/min", json!(null)), MalformedBody),
        (with("/tokens/want", json!(1e300)), MalformedBody),
        (acquire("bad", 10, 1).to_string().replace("10", "18446744073709551616"), MalformedBody),
        (with("/deployment", json!(5)), MalformedBody),
        (without("tokens"), MalformedBody),
        (without("holder"), MalformedBody),
        (without("request_id"), MalformedBody),
        (with_extra("priority"), MalformedBody),
        (with("/tokens/min", json!(11)), InvalidValue),
        (with("/holder", json!("")), InvalidValue),
        (with("/holder", json!(long)), InvalidValue),
        (with("/request_id", json!(long)), InvalidValue),
        (with("/request_id", json!("")), InvalidValue),
        (with("/deployment", json!("nowhere")), DeploymentNotFound),
    ]
}

#[tokio::test]
async fn bad_acquires_are_refused_and_change_nothing() {
    let server = server().await;
    let caller = Caller::of(&server);
    for (index, (body, code)) in bad_acquires().into_iter().enumerate() {
        let shown: String = body.chars().take(200).collect();
        let said = caller.send(Method::POST, "/v1/leases", &[], Some(body)).await;
        assert_eq!(said.status, code.status(), "{shown}: {}", said.text);
        said.problem(code);
        let good: Lease = caller.acquire(&format!("good-{index}"), 1, 1).await.done(201);
        assert_eq!(good.usage.tokens.outstanding, index as u64 + 1, "{shown}");
    }
}

#[tokio::test]
async fn the_largest_numbers_are_taken_or_refused_but_never_wrapped() {
    let server = server().await;
    let caller = Caller::of(&server);
    for number in [u64::MAX, u64::MAX - 1, 1 << 53, 1 << 40, 1 << 63] {
        let said = caller.acquire("bad", number, 1).await;
        assert_eq!(said.status, 422, "{number}: {}", said.text);
        let said = caller.acquire("bad", 1, number).await;
        assert_eq!(said.status, 422, "{number}: {}", said.text);
    }
    let body = json!({"deployment": DEPLOYMENT, "holder": "gw-1/a", "request_id": "r",
        "tokens": {"min": 1, "want": u64::MAX}, "requests": {"min": 1, "want": u64::MAX}});
    let said = caller.post("/v1/leases", &body).await;
    assert!(said.status == 201 || said.status == 422, "{}", said.text);
    let lease: Lease = caller.acquire("good", 1, 1).await.json();
    assert!(lease.usage.tokens.outstanding <= 500);
}

#[tokio::test]
async fn bad_returns_are_refused_and_change_nothing() {
    let server = server().await;
    let caller = Caller::of(&server);
    let lease: Lease = caller.acquire("r1", 100, 10).await.done(201);
    let path = format!("/v1/leases/{}/return", lease.lease_id);
    for body in [
        "",
        "{}",
        "5",
        r#"{"tokens":-1,"requests":0}"#,
        r#"{"tokens":1}"#,
        r#"{"tokens":1,"requests":1,"more":1}"#,
        r#"{"tokens":1e99,"requests":1}"#,
    ] {
        let said = caller.send(Method::POST, &path, &[], Some(body.to_owned())).await;
        said.problem(Code::MalformedBody);
    }
    for number in [u64::MAX, 1 << 53, 1 << 24] {
        caller.give_back(&lease.lease_id, number, number).await.problem(Code::ExceedsLease);
    }
    for nobody in ["7-7-7", "1-99999999-1", "x", "-1", "%00", "18446744073709551616-1-1"] {
        caller.give_back(nobody, 1, 1).await.problem(Code::LeaseNotFound);
    }
    let next: Lease = caller.acquire("r2", 1, 1).await.done(201);
    assert_eq!(next.usage.tokens.outstanding, 101);
}

#[tokio::test]
async fn bad_deployments_are_refused() {
    let server = server().await;
    let caller = Caller::of(&server);
    let long = format!("/v1/deployments/{}", "x".repeat(quota_api::limits::MAX_NAME_BYTES + 1));
    let path = "/v1/deployments/chat";
    for (path, body, code) in [
        (path, json!({}), Code::InvalidValue),
        (path, json!({"tpm_limit": quota_api::limits::MAX_LIMIT + 1}), Code::InvalidValue),
        (path, json!({"tpm_limit": 5, "lease": {"life_ms": 1}}), Code::InvalidValue),
        (path, json!({"tpm_limit": 5, "lease": {"guard_ms": 60_000}}), Code::InvalidValue),
        (path, json!({"tpm_limit": -5}), Code::MalformedBody),
        (path, json!({"tpm_limit": "5"}), Code::MalformedBody),
        (path, json!({"tpm_limit": 5, "window": "hour"}), Code::MalformedBody),
        (path, json!({"tpm_limit": 5, "colour": "blue"}), Code::MalformedBody),
        (long.as_str(), json!({"tpm_limit": 5}), Code::InvalidValue),
    ] {
        let said = caller.put(path, &body).await;
        assert_eq!(said.status, code.status(), "{body}: {}", said.text);
        said.problem(code);
    }
    caller.get(path).await.problem(Code::DeploymentNotFound);
}

#[tokio::test]
async fn wrong_parameters_paths_methods_and_media_types_are_named() {
    let server = server().await;
    let caller = Caller::of(&server);
    let windows = format!("/v1/deployments/{DEPLOYMENT}/windows");
    for query in ["last=x", "last=-1", "last=99999999999999999999", "first=1"] {
        caller.get(&format!("{windows}?{query}")).await.problem(Code::MalformedParameter);
    }
    caller.get("/v1/nothing").await.problem(Code::NoSuchRoute);
    caller.get("/v1/leases").await.problem(Code::MethodNotAllowed);
    caller.get("/v1/deployments/nowhere/windows").await.problem(Code::DeploymentNotFound);
    caller.get("/v1/deployments/nowhere/leases").await.problem(Code::DeploymentNotFound);
    let body = acquire("r1", 1, 1).to_string();
    for kind in ["text/plain", "application/x-www-form-urlencoded"] {
        let headers = [("content-type", kind)];
        let said = caller.send(Method::POST, "/v1/leases", &headers, Some(body.clone())).await;
        said.problem(Code::UnsupportedMediaType);
    }
}

#[tokio::test]
async fn too_large_a_body_is_refused() {
    let server = server().await;
    let caller = Caller::of(&server);
    let large = with("/holder", json!("x".repeat(quota_api::limits::MAX_BODY_BYTES)));
    caller.send(Method::POST, "/v1/leases", &[], Some(large)).await.problem(Code::BodyTooLarge);
    let many: Vec<Value> = (0..=quota_api::limits::MAX_BATCH_ITEMS)
        .map(|index| json!({"lease_id": index.to_string(), "tokens": 0, "requests": 0}))
        .collect();
    let said = caller.post("/v1/leases/batch", &json!({"holder": "a", "give_back": many})).await;
    said.problem(Code::InvalidValue);
    let _: Lease = caller.acquire("good", 1, 1).await.done(201);
}
