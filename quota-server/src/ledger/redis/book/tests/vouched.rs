//! Redis that come back: who may say that nothing is lost, and by which name they go.

use quota_core::{State, WindowKind};

use super::lost::{begun, credited, follow};
use super::world::World;
use crate::ledger::redis::book::Seen;
use crate::ledger::redis::functions::Library;
use crate::ledger::redis::testing::{TestRedis, until};

impl World {
    /// Redis comes back, and this server was connected to it before.
    async fn restart_vouched(&mut self, redis: &mut TestRedis) {
        self.trust.vouched = Some(self.process().into());
        redis.restart().await;
        self.reconnect(redis);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_loses_nothing_can_be_vouched_for() {
    let mut redis = TestRedis::start_durable().await;
    let mut world = begun(&redis, WindowKind::Minute);
    world.trust.keeps = true;
    let lease = world.granted(400);
    world.restart_vouched(&mut redis).await;
    let (mark, granted) = world.tokens(600);
    assert!(granted.is_ok() && !mark.is_new_quarantine);
    assert_eq!(world.returned(lease, 100), credited(100));
    // Vouched for once, it needs no further word.
    world.trust.vouched = None;
    world.granted(100);
    assert!(world.tokens(1).1.unwrap_err().state != State::Quarantined);
    redis.restart().await;
    world.reconnect(&redis);
    world.assert_quarantined();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_vouches_for_a_book_that_is_behind() {
    let mut redis = TestRedis::start().await;
    let mut world = begun(&redis, WindowKind::Minute);
    world.trust.keeps = true;
    world.granted(100);
    redis.ask("SAVE").await;
    world.granted(400);
    world.restart_vouched(&mut redis).await;
    world.assert_quarantined();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_vouches_for_a_book_whose_last_writer_did_not() {
    let mut redis = TestRedis::start_durable().await;
    for last_keeps in [true, false] {
        let mut world = begun(&redis, WindowKind::Minute);
        world.trust.keeps = true;
        world.granted(400);
        // By a server that sees writes that may be lost, or an older build.
        world.trust.keeps = last_keeps;
        world.granted(100);
        world.restart_vouched(&mut redis).await;
        assert_eq!(world.tokens(1).1.is_ok(), last_keeps);
        redis.ask("FLUSHALL").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_vouches_for_another_process_than_the_book_was_written_in() {
    let mut redis = TestRedis::start_durable().await;
    let mut world = begun(&redis, WindowKind::Minute);
    world.trust.keeps = true;
    world.granted(400);
    redis.restart().await;
    world.reconnect(&redis);
    world.restart_vouched(&mut redis).await;
    world.assert_quarantined();
}

#[tokio::test(flavor = "multi_thread")]
async fn libraries_of_two_builds_call_a_redis_by_one_name() {
    let first = TestRedis::start().await;
    let second = TestRedis::start().await;
    let mut world = begun(&first, WindowKind::Minute);
    follow(&second, &first).await;
    for (primary, replica) in [(&first, &second), (&second, &first)] {
        primary.ask("FAILOVER").await;
        until("it is the replica", || primary.says("INFO replication", "master_link_status:up"))
            .await;
        until("it takes writes", || replica.says("INFO replication", "role:master")).await;
    }
    world.reconnect(&first);
    world.wait(1_000);
    let mut other = World::by(Library::of_another_build(), &first, 1);
    other.wait(11_000);
    assert!(world.tokens(1).0.is_new_quarantine);
    for _ in 0..3 {
        assert!(!other.tokens(2).0.is_new_quarantine && !world.tokens(3).0.is_new_quarantine);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_was_a_replica_for_a_while_kept_what_its_libraries_know() {
    let first = TestRedis::start().await;
    let second = TestRedis::start().await;
    let mut world = begun(&first, WindowKind::Minute);
    follow(&second, &first).await;
    world.granted(100);
    first.ask("WAIT 1 5000").await;
    // To and fro without a full copy, and the other one's grants do not come back with it.
    second.ask("REPLICAOF NO ONE").await;
    follow(&first, &second).await;
    world.reconnect(&second);
    world.wait(1_000);
    first.ask("REPLICAOF NO ONE").await;
    world.reconnect(&first);
    world.seen = Seen::default();
    assert!(world.tokens(1).0.is_new_quarantine);
}
