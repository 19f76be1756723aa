//! What the calls about deployments answer.

use http::Method;
use quota_api::{Code, Deployment, DeploymentList, Lease};
use serde_json::json;

use crate::support::{Caller, DEPLOYMENT, TOKENS, server};

const PATH: &str = "/v1/deployments/chat";

#[tokio::test]
async fn a_deployment_is_made_changed_and_removed() {
    let server = server().await;
    let caller = Caller::of(&server);
    let made: Deployment = caller.put(PATH, &json!({"tpm_limit": 1_000})).await.done(201);
    assert_eq!((made.id.as_str(), made.spec.tpm_limit), ("chat", Some(1_000)));
    let changed: Deployment = caller.put(PATH, &json!({"tpm_limit": 2_000})).await.done(200);
    assert!(changed.version > made.version);
    let same: Deployment = caller.put(PATH, &json!({"tpm_limit": 2_000})).await.done(200);
    assert_eq!(same, changed);
    let said = caller.get(PATH).await;
    assert_eq!(said.header("etag"), format!("\"{}\"", changed.version));
    assert_eq!(said.done::<Deployment>(200), changed);
    assert_eq!(caller.delete(PATH).await.status, 204);
    caller.get(PATH).await.problem(Code::DeploymentNotFound);
    caller.delete(PATH).await.problem(Code::DeploymentNotFound);
}

#[tokio::test]
async fn all_deployments_are_listed_by_id() {
    let server = server().await;
    let caller = Caller::of(&server);
    for id in ["z", "a"] {
        let path = format!("/v1/deployments/{id}");
        let _: Deployment = caller.put(&path, &json!({"rpm_limit": 1})).await.done(201);
    }
    let list: DeploymentList = caller.get("/v1/deployments").await.done(200);
    let ids: Vec<&str> = list.deployments.iter().map(|each| each.id.as_str()).collect();
    assert_eq!(ids, ["a", DEPLOYMENT, "z"]);
}

#[tokio::test]
async fn a_change_can_be_bound_to_a_version() {
    let server = server().await;
    let caller = Caller::of(&server);
    let made: Deployment = caller.put(PATH, &json!({"tpm_limit": 1_000})).await.done(201);
    let put = async |version: u64, tpm: u64| {
        let tag = format!("\"{version}\"");
        let body = json!({"tpm_limit": tpm}).to_string();
        caller.send(Method::PUT, PATH, &[("if-match", tag.as_str())], Some(body)).await
    };
    put(made.version + 7, 3_000).await.problem(Code::PreconditionFailed);
    let changed: Deployment = put(made.version, 3_000).await.done(200);
    assert_eq!(changed.spec.tpm_limit, Some(3_000));
    put(made.version, 4_000).await.problem(Code::PreconditionFailed);
}

#[tokio::test]
async fn a_changed_limit_holds_for_the_next_grant() {
    let server = server().await;
    let caller = Caller::of(&server);
    let path = format!("/v1/deployments/{DEPLOYMENT}");
    let lower = json!({"tpm_limit": 100, "rpm_limit": 50, "window": "rolling"});
    let raise = json!({"tpm_limit": TOKENS * 2, "rpm_limit": 50, "window": "rolling"});
    let _: Lease = caller.acquire("r1", 200, 1).await.done(201);
    let _: Deployment = caller.put(&path, &lower).await.done(200);
    caller.acquire("r2", 1, 1).await.problem(Code::Exhausted);
    let _: Deployment = caller.put(&path, &raise).await.done(200);
    let _: Lease = caller.acquire("r3", TOKENS * 2 - 200, 1).await.done(201);
}

#[tokio::test]
async fn the_kind_of_window_is_fixed() {
    let server = server().await;
    let caller = Caller::of(&server);
    let _: Lease = caller.acquire("r1", 200, 1).await.done(201);
    let path = format!("/v1/deployments/{DEPLOYMENT}");
    let body = json!({"tpm_limit": 500, "rpm_limit": 50, "window": "minute"});
    caller.put(&path, &body).await.problem(Code::FixedField);
}
