//! What is true after `kill -9`.

use std::collections::BTreeMap;

use quota_api::{Code, DeploymentSpec, GivenBack, Lease, WindowKind};
use tests::{clock, harness::QuotaServer};

use crate::support::{Caller, DEPLOYMENT, TOKENS, damage_last_entry, server, spec};

#[tokio::test]
async fn only_what_was_really_left_is_granted_after_a_crash() {
    let mut server = server().await;
    let caller = Caller::of(&server);
    for index in 0..10 {
        let _: Lease = caller.acquire(&format!("r{index}"), 10, 1).await.done(201);
    }
    server.kill_and_start_again().await.unwrap();
    caller.acquire("too much", TOKENS - 99, 1).await.problem(Code::Exhausted);
    let rest: Lease = caller.acquire("the rest", TOKENS - 100, 1).await.done(201);
    assert_eq!(rest.usage.tokens.outstanding, TOKENS);
    caller.acquire("one more", 1, 1).await.problem(Code::Exhausted);
}

#[tokio::test]
async fn a_minute_window_survives_a_crash_in_its_minute() {
    clock::minute_with_room(10).await;
    let spec = DeploymentSpec { window: WindowKind::Minute, ..spec() };
    let builder = QuotaServer::builder().deployment(DEPLOYMENT, spec);
    let mut server = builder.start().await.unwrap();
    let caller = Caller::of(&server);
    let before: Lease = caller.acquire("r1", 100, 1).await.done(201);
    server.kill_and_start_again().await.unwrap();
    caller.acquire("too much", TOKENS - 99, 1).await.problem(Code::Exhausted);
    let rest: Lease = caller.acquire("the rest", TOKENS - 100, 1).await.done(201);
    assert!(rest.window.ends_in_ms <= before.window.ends_in_ms);
}

#[tokio::test]
async fn a_lease_of_before_the_crash_can_be_given_back_once() {
    let mut server = server().await;
    let caller = Caller::of(&server);
    let lease: Lease = caller.acquire("r1", 100, 10).await.done(201);
    let given: GivenBack = caller.give_back(&lease.lease_id, 30, 3).await.done(200);
    assert_eq!(given.credited.tokens, 30);
    server.kill_and_start_again().await.unwrap();
    for credited in [70, 0, 0] {
        let given: GivenBack = caller.give_back(&lease.lease_id, 100, 10).await.done(200);
        assert_eq!(given.credited.tokens, credited);
    }
    server.kill_and_start_again().await.unwrap();
    let given: GivenBack = caller.give_back(&lease.lease_id, 100, 10).await.done(200);
    assert_eq!((given.credited.tokens, given.given_back.tokens), (0, 100));
    let all: Lease = caller.acquire("r2", TOKENS, 10).await.done(201);
    assert_eq!(all.usage.tokens.outstanding, TOKENS);
}

#[tokio::test]
async fn a_request_of_before_the_crash_gets_its_lease_again() {
    let mut server = server().await;
    let caller = Caller::of(&server);
    let before: Lease = caller.acquire("r1", 100, 10).await.done(201);
    server.kill_and_start_again().await.unwrap();
    let after: Lease = caller.acquire("r1", 100, 10).await.json();
    assert_eq!(after.lease_id, before.lease_id);
    assert_eq!((after.tokens, after.requests), (100, 10));
    assert_eq!(after.usage.tokens.outstanding, 100);
}

#[tokio::test]
async fn many_crashes_lose_nothing_and_invent_nothing() {
    let mut server = server().await;
    let caller = Caller::of(&server);
    for round in 1..=5 {
        let lease: Lease = caller.acquire(&format!("r{round}"), 50, 2).await.done(201);
        let _: GivenBack = caller.give_back(&lease.lease_id, 20, 1).await.done(200);
        server.kill_and_start_again().await.unwrap();
        let probe: Lease = caller.acquire(&format!("probe{round}"), 1, 1).await.done(201);
        assert_eq!(probe.usage.tokens.outstanding, round * 31);
        assert_eq!(probe.usage.requests.outstanding, round * 2);
    }
}

#[tokio::test]
async fn a_damaged_journal_stops_no_start_that_has_deployments_to_declare() {
    let mut server = server().await;
    let caller = Caller::of(&server);
    let _: Lease = caller.acquire("r1", 100, 1).await.done(201);
    server.process.kill().unwrap();
    damage_last_entry(&server).await;
    let more = BTreeMap::from([DEPLOYMENT, "another"].map(|id| (id.to_owned(), spec())));
    server.declare(&more).unwrap();
    server.start_again().await.unwrap();
    caller.acquire("r2", 1, 1).await.problem(Code::LedgerUnavailable);
    assert!(!server.is_ready().await);
}
