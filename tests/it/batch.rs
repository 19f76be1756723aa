//! One holder's beat: one result for each entry, in order, each with its own status.

use quota_api::{BatchReply, Code, Lease};
use serde_json::{Value, json};

use crate::support::{Caller, DEPLOYMENT, TOKENS, server};

fn entry(deployment: &str, request_id: &str, tokens: u64) -> Value {
    json!({"deployment": deployment, "request_id": request_id,
        "tokens": {"min": tokens, "want": tokens}, "requests": {"min": 1, "want": 1}})
}

#[tokio::test]
async fn each_entry_has_its_own_result_in_order() {
    let server = server().await;
    let caller = Caller::of(&server);
    let body = json!({"holder": "gw-1/a", "acquire": [
        entry(DEPLOYMENT, "r1", 100),
        entry("nowhere", "r2", 100),
        entry(DEPLOYMENT, "r3", TOKENS + 1),
        entry(DEPLOYMENT, "r4", TOKENS - 100),
        entry(DEPLOYMENT, "r5", 1),
    ], "give_back": [{"lease_id": "no-such-lease", "tokens": 1, "requests": 1}]});
    let reply: BatchReply = caller.post("/v1/leases/batch", &body).await.done(200);
    let statuses: Vec<u16> = reply.acquire.iter().map(|item| item.status).collect();
    assert_eq!(statuses, [201, 404, 422, 201, 429]);
    let codes: Vec<Code> = reply
        .acquire
        .into_iter()
        .filter_map(|item| item.into_result().err())
        .map(|problem| problem.code)
        .collect();
    assert_eq!(codes, [Code::DeploymentNotFound, Code::NeverFits, Code::Exhausted]);
    assert_eq!(reply.give_back.len(), 1);
    assert_eq!(reply.give_back[0].status, 404);
}

#[tokio::test]
async fn what_is_given_back_can_be_granted_in_the_same_beat() {
    let server = server().await;
    let caller = Caller::of(&server);
    let lease: Lease = caller.acquire("r1", TOKENS, 10).await.done(201);
    let body = json!({"holder": "gw-1/a",
        "give_back": [{"lease_id": lease.lease_id, "tokens": 300, "requests": 0}],
        "acquire": [entry(DEPLOYMENT, "r2", 300)]});
    let reply: BatchReply = caller.post("/v1/leases/batch", &body).await.done(200);
    let given = reply.give_back[0].clone().into_result().unwrap();
    assert_eq!(given.credited.tokens, 300);
    assert_eq!(reply.acquire[0].status, 201, "{reply:?}");
}

#[tokio::test]
async fn a_beat_can_be_repeated() {
    let server = server().await;
    let caller = Caller::of(&server);
    let lease: Lease = caller.acquire("r1", 200, 10).await.done(201);
    let body = json!({"holder": "gw-1/a",
        "give_back": [{"lease_id": lease.lease_id, "tokens": 50, "requests": 1}],
        "used": [{"lease_id": lease.lease_id, "tokens": 20, "requests": 2}],
        "acquire": [entry(DEPLOYMENT, "r2", 100)]});
    let first: BatchReply = caller.post("/v1/leases/batch", &body).await.done(200);
    let again: BatchReply = caller.post("/v1/leases/batch", &body).await.done(200);
    let (first, again) = (&first.acquire[0].body, &again.acquire[0].body);
    let (first, again) = (first.as_ref().unwrap(), again.as_ref().unwrap());
    assert_eq!(first.lease_id, again.lease_id);
    assert_eq!(again.usage.tokens.outstanding, 200 - 50 + 100);
}

#[tokio::test]
async fn an_empty_beat_is_fine() {
    let server = server().await;
    let said = Caller::of(&server).post("/v1/leases/batch", &json!({"holder": "gw-1/a"})).await;
    assert_eq!(said.done::<BatchReply>(200), BatchReply::default());
}
