//! Who may do what.

use http::StatusCode;
use quota_api::{Code, GivenBack, Lease};
use serde_json::{Value, json};
use tests::harness::QuotaServer;

use crate::support::{Caller, DEPLOYMENT, acquire, spec};

const ADMIN: &str = "the-token-of-the-admin";
const VIEWER: &str = "the-token-of-the-viewer";
const GATEWAY: &str = "the-token-of-a-gateway";
const OTHER_GATEWAY: &str = "the-token-of-another-gateway";

async fn guarded_server() -> QuotaServer {
    QuotaServer::builder()
        .deployment(DEPLOYMENT, spec())
        .token("ops", "admin", ADMIN)
        .token("board", "viewer", VIEWER)
        .token("eu", "gateway", GATEWAY)
        .token("us", "gateway", OTHER_GATEWAY)
        .start()
        .await
        .unwrap()
}

#[tokio::test]
async fn without_a_token_or_with_a_wrong_one_nothing_is_said() {
    let server = guarded_server().await;
    let nobody = Caller::of(&server);
    for caller in [nobody.clone(), nobody.with_token("wrong"), nobody.with_token("")] {
        let said = caller.acquire("r1", 1, 1).await;
        said.problem(Code::Unauthenticated);
        assert!(said.headers.contains_key("www-authenticate"));
        caller.get("/v1/deployments").await.problem(Code::Unauthenticated);
    }
    for open in ["/healthz", "/readyz"] {
        assert_eq!(nobody.get(open).await.status, 200, "{open}");
    }
}

#[tokio::test]
async fn each_role_may_do_its_own() {
    let server = guarded_server().await;
    let windows = format!("/v1/deployments/{DEPLOYMENT}/windows");
    for (token, takes, reads, changes) in
        [(ADMIN, true, true, true), (VIEWER, false, true, false), (GATEWAY, true, false, false)]
    {
        let caller = Caller::of(&server).with_token(token);
        let taken = caller.acquire(token, 1, 1).await.status;
        assert_eq!(
            taken,
            if takes { StatusCode::CREATED } else { StatusCode::FORBIDDEN },
            "{token}"
        );
        let read = caller.get(&windows).await.status;
        assert_eq!(read, if reads { StatusCode::OK } else { StatusCode::FORBIDDEN }, "{token}");
        assert_eq!(caller.get("/v1/deployments").await.status, 200, "{token}");
        let put = caller.put("/v1/deployments/new", &json!({"tpm_limit": 5})).await.status;
        assert_eq!(put == StatusCode::FORBIDDEN, !changes, "{token}: {put}");
    }
}

#[tokio::test]
async fn somebody_else_s_lease_cannot_be_touched() {
    let server = guarded_server().await;
    let owner = Caller::of(&server).with_token(GATEWAY);
    let other = Caller::of(&server).with_token(OTHER_GATEWAY);
    let lease: Lease = owner.acquire("r1", 100, 10).await.done(201);
    other.give_back(&lease.lease_id, 100, 10).await.problem(Code::NotYourLease);
    let beat = json!({"holder": "gw-1/a",
        "give_back": [{"lease_id": lease.lease_id, "tokens": 1, "requests": 1}],
        "used": [{"lease_id": lease.lease_id, "tokens": 1, "requests": 1}]});
    let reply: Value = other.post("/v1/leases/batch", &beat).await.done(200);
    assert_eq!(
        (&reply["give_back"][0]["status"], &reply["used"][0]["status"]),
        (&json!(403), &json!(403))
    );
    let given: GivenBack = owner.give_back(&lease.lease_id, 100, 10).await.done(200);
    assert_eq!(given.credited.tokens, 100);
}

#[tokio::test]
async fn a_request_id_is_the_credential_s_own() {
    let server = guarded_server().await;
    let one = Caller::of(&server).with_token(GATEWAY).acquire("same", 100, 10).await;
    let other = Caller::of(&server).with_token(OTHER_GATEWAY).acquire("same", 100, 10).await;
    let (one, other): (Lease, Lease) = (one.done(201), other.done(201));
    assert_ne!(one.lease_id, other.lease_id);
}

#[tokio::test]
async fn secrets_are_in_no_log() {
    let server = guarded_server().await;
    let caller = Caller::of(&server).with_token(GATEWAY);
    let _: Lease = caller.acquire("r1", 100, 10).await.done(201);
    caller.post("/v1/leases", &acquire("r2", 100_000, 1)).await.problem(Code::NeverFits);
    let log = server.process.log();
    assert!(!log.contains(GATEWAY) && !log.contains(ADMIN), "{log}");
}
