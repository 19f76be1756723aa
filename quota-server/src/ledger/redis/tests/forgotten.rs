//! Deployments that are deleted, forgotten and made again, while a server knows nothing of it.

use std::sync::Arc;

use quota_core::State;

use super::world::{acquire, caller, denial, put};
use crate::clock::manual::ManualClock;
use crate::ledger::redis::testing::{RedisSite, Timed};
use crate::ledger::{Ledger, OpError, Reply};

/// Long enough for what is deleted to be forgotten.
const LONG_MS: u64 = 200_000;

async fn run(server: &Timed, request: u128, tokens: u64) -> Result<Reply, OpError> {
    server.run(caller(), vec![acquire("m", request, tokens)]).await.remove(0)
}

async fn put_m(server: &Timed) {
    server.put(put("m", 1_000, quota_core::WindowKind::Minute)).await.unwrap();
}

/// One server deletes and forgets a deployment that another one still knows.
async fn forgotten(site: &RedisSite, clock: &ManualClock) -> (Timed, Timed) {
    let (one, cut_off) = (site.server(clock).await, site.server(clock).await);
    put_m(&one).await;
    assert!(run(&cut_off, 1, 1).await.is_ok(), "it knows the deployment");
    one.delete(Arc::from("m"), None).await.unwrap();
    for _ in 0..4 {
        clock.advance(LONG_MS);
        one.deployments().await.unwrap();
    }
    assert!(one.knows(1).is_none(), "forgotten");
    assert!(cut_off.knows(1).is_some(), "it was not told");
    (one, cut_off)
}

#[tokio::test]
async fn a_server_that_was_cut_off_from_the_catalogue_opens_no_book() {
    let (site, clock) = (RedisSite::single().await, ManualClock::new());
    let (one, cut_off) = forgotten(&site, &clock).await;
    put_m(&one).await;
    assert!(run(&one, 2, 1_000).await.is_ok());
    for minute in 0..2 {
        assert!(run(&cut_off, 3 + minute, 500).await.is_err(), "minute {minute}");
        clock.advance(60_000);
    }
}

#[tokio::test]
async fn a_server_that_is_back_learns_what_was_deleted_and_forgotten() {
    let (site, clock) = (RedisSite::single().await, ManualClock::new());
    let (one, cut_off) = forgotten(&site, &clock).await;
    put_m(&one).await;
    cut_off.deployments().await.unwrap();
    assert!(cut_off.knows(1).is_none());
    assert!(run(&cut_off, 2, 1_000).await.is_ok());
    assert_ne!(denial(run(&one, 3, 1).await).state, State::Quarantined);
}

/// A pass of the harvest goes by what it read at its beginning.
#[tokio::test]
async fn what_is_made_again_is_not_forgotten_by_a_pass_that_began_before() {
    let (site, clock) = (RedisSite::single().await, ManualClock::new());
    let server = site.server(&clock).await;
    put_m(&server).await;
    server.delete(Arc::from("m"), None).await.unwrap();
    clock.advance(LONG_MS);
    let deleted = server.knows(1).unwrap();
    put_m(&server).await;
    clock.advance(LONG_MS);
    server.forget(&deleted).await;
    assert!(run(&server, 1, 1_000).await.is_ok());
    let other = site.server(&clock).await;
    assert!(denial(run(&other, 2, 1).await).retry_after_ms > 0, "every server knows it");
}
