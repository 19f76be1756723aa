//! Many callers on one deployment.

use std::collections::HashSet;

use futures_util::FutureExt;
use futures_util::future::join_all;
use quota_core::Amount;

use super::world::{World, acquire, caller, granted};
use crate::ledger::redis::testing::TestRedis;
use crate::ledger::{Caller, FIRST_LEASE, Ledger, Op, Reply};

#[tokio::test]
async fn callers_at_once_get_their_own_answers_and_no_more_than_there_is() {
    let redis = TestRedis::start().await;
    let world = World::new(redis.address()).await;
    let (one, other) = (world.server().await, world.server().await);
    one.put("m", 1_000).await;
    let runs = (0..300_u32).map(|no| {
        let server = if no % 2 == 0 { &one } else { &other };
        let caller = Caller { holder: format!("h-{no}").into(), ..caller() };
        server.0.run(caller, vec![acquire("m", 1, 1 + u64::from(no % 7))])
    });
    let (mut leases, mut total) = (HashSet::new(), 0);
    for (no, outcomes) in join_all(runs).await.into_iter().enumerate() {
        if let [Ok(Reply::Granted { lease, granted, .. })] = outcomes.as_slice() {
            assert_eq!(granted.amount.tokens(), 1 + no as u64 % 7, "its own");
            assert!(leases.insert(*lease), "{lease} twice");
            total += granted.amount.tokens();
        }
    }
    assert!((994..=1_000).contains(&total), "{total}");
}

#[tokio::test]
async fn a_batch_of_more_than_one_call_is_answered_in_order() {
    let redis = TestRedis::start().await;
    let world = World::new(redis.address()).await;
    let server = world.server().await;
    server.put("m", 1_000_000).await;
    let wishes = (1..=1_000_u64).map(|no| acquire("m", no.into(), no)).collect();
    let outcomes = server.0.run(caller(), wishes).await;
    assert_eq!(outcomes.len(), 1_000);
    for (no, outcome) in (1..).zip(outcomes) {
        let Ok(Reply::Granted { granted, .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(granted.amount, Amount::new(no, 1));
    }
}

#[tokio::test]
async fn callers_that_go_away_hold_nobody_up() {
    let redis = TestRedis::start().await;
    let world = World::new(redis.address()).await;
    let server = world.server().await;
    server.put("m", 1_000_000).await;
    for round in 0..20 {
        let mut runs: Vec<_> =
            (0..10).map(|no| server.acquire("m", round * 100 + no, 1).boxed()).collect();
        // Each begins, some with a call under way, some in the queue; then all go away.
        for run in &mut runs {
            assert!(run.now_or_never().is_none());
        }
    }
    let lease = granted(server.acquire("m", 9_999, 7).await);
    let held = server.0.leases("m".into(), FIRST_LEASE).await.unwrap().unwrap().leases;
    assert!(held.iter().any(|held| held.name == lease));
    let denied = Op::Denied { deployment: "m".into(), amount: Amount::new(1, 1) };
    assert!(matches!(server.run(denied).await, Ok(Reply::Noted)));
}
