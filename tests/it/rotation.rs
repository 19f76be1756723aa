//! Tokens that follow each other while the server serves.

use quota_api::{Code, GivenBack, Lease};
use tests::harness::{QuotaServer, QuotaServerBuilder, wait};

use crate::support::{Caller, DEPLOYMENT, spec};

const OLD: &str = "the-old-token-of-a-gateway";
const NEW: &str = "the-new-token-of-a-gateway";

fn letting_in(tokens: &[&str]) -> QuotaServerBuilder {
    let builder = QuotaServer::builder().deployment(DEPLOYMENT, spec());
    tokens.iter().fold(builder, |builder, token| builder.token("eu", "gateway", token))
}

/// Whether a token is let in, once it is as expected.
async fn becomes(caller: &Caller, open: bool) {
    wait::until("the tokens are read again", wait::START, || async {
        let status = caller.get("/v1/deployments").await.status;
        (status.is_success() == open).then_some(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn one_follows_the_other_and_keeps_its_leases() {
    let server = letting_in(&[OLD]).start().await.unwrap();
    let (old, new) = (Caller::of(&server).with_token(OLD), Caller::of(&server).with_token(NEW));
    let lease: Lease = old.acquire("r1", 100, 10).await.done(201);
    new.get("/v1/deployments").await.problem(Code::Unauthenticated);
    server.let_in(&letting_in(&[OLD, NEW])).unwrap();
    server.process.reload().unwrap();
    becomes(&new, true).await;
    assert_eq!(old.get("/v1/deployments").await.status, 200, "both hold");
    server.let_in(&letting_in(&[NEW])).unwrap();
    // Nobody says so: it is looked at now and then.
    becomes(&old, false).await;
    let given: GivenBack = new.give_back(&lease.lease_id, 100, 10).await.done(200);
    assert_eq!(given.credited.tokens, 100, "the lease is its name's");
}

#[tokio::test]
async fn a_file_with_a_mistake_is_told_of_and_changes_nothing() {
    let server = letting_in(&[OLD]).start().await.unwrap();
    server.let_in(&letting_in(&[])).unwrap();
    server.process.reload().unwrap();
    wait::until("the failure is counted", wait::START, || async {
        let failures = server.metric("quota_reload_failures_total").await.ok();
        failures.filter(|count| *count > 0)
    })
    .await
    .unwrap();
    assert!(server.process.log().contains("there is no token in it"), "{}", server.process.log());
    assert_eq!(Caller::of(&server).with_token(OLD).get("/v1/deployments").await.status, 200);
    Caller::of(&server).get("/v1/deployments").await.problem(Code::Unauthenticated);
}
