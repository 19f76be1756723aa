//! Writes that are lost (R7): nothing more is granted of a window of which something may be lost,
//! what is known can be given back, and the next window is clean.

use quota_core::{
    Amount, Denial, Granted, LeaseId, Refusal, RequestKey, Return, Returned, State, WindowKind,
    Wish,
};

use super::world::{World, policy};
use crate::ledger::redis::book::{Answer, Mark, Operation, Reply};
use crate::ledger::redis::testing::{TestRedis, until};

const LIMIT: u64 = 1_000;

impl World {
    /// Asks for so many tokens, as a new request each time.
    pub(super) fn tokens(&mut self, tokens: u64) -> (Mark, Result<Granted, Denial>) {
        let request = RequestKey(u128::from(self.steady_ms) << 64 | u128::from(tokens));
        let min = Amount::new(tokens, 1);
        let wish = Wish { request, min, want: min, ahead: false };
        let (mark, answer) = self.run(1, Operation::Acquire(wish));
        match answer {
            Answer::Granted(granted, _) => (mark, Ok(granted)),
            Answer::Refused(Refusal::Denied(denial), Some(standing)) => {
                assert_eq!(standing.state == State::Quarantined, mark.quarantined_for_ms > 0);
                (mark, Err(denial))
            }
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn granted(&mut self, tokens: u64) -> LeaseId {
        self.tokens(tokens).1.expect("there is room").lease
    }

    pub(super) fn returned(&mut self, lease: LeaseId, tokens: u64) -> Answer {
        let total = Amount::new(tokens, 0);
        self.run(1, Operation::GiveBack(Return { lease, total, closed: false })).1
    }

    fn is_missing(&mut self) -> bool {
        let command = self.call().standing(&self.library);
        self.send(&command) == Reply::Missing
    }

    /// The open window grants nothing until its end, and says so once; the next one all.
    pub(super) fn assert_quarantined(&mut self) {
        let ends_in_ms = 60_000 - self.wall_ms % 60_000;
        let (mark, denied) = self.tokens(1);
        let expected = Denial {
            period: None,
            unit: quota_core::Unit::Tokens,
            retry_after_ms: ends_in_ms,
            state: State::Quarantined,
        };
        assert_eq!(denied, Err(expected));
        assert_eq!(mark.quarantined_for_ms, ends_in_ms);
        // After this the next window is granted from.
        self.wait(ends_in_ms - 250);
        assert!(self.tokens(1).1.is_err());
        self.wait(250);
        let (mark, granted) = self.tokens(LIMIT);
        assert!(granted.is_ok(), "{granted:?}");
        assert!(!mark.is_new_quarantine && mark.quarantined_for_ms == 0);
    }
}

const NOTHING: Answer =
    Answer::Returned(Returned { credited: Amount::ZERO, given_back: Amount::ZERO });

pub(super) fn credited(tokens: u64) -> Answer {
    let credited = Amount::new(tokens, 0);
    Answer::Returned(Returned { credited, given_back: credited })
}

/// A book that was opened clean, 10 s into its window.
pub(super) fn begun(redis: &TestRedis, kind: WindowKind) -> World {
    let mut world = World::of(redis, 1);
    let mark = world.open(&policy(kind, LIMIT), true);
    assert_eq!((mark.quarantined_for_ms, mark.is_new_quarantine), (0, false));
    world.wait(10_000);
    world
}

fn reopen(world: &mut World, kind: WindowKind) {
    assert!(world.is_missing());
    let mark = world.open(&policy(kind, LIMIT), false);
    assert!(mark.is_new_quarantine);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_comes_back_empty() {
    let mut redis = TestRedis::start().await;
    let mut world = begun(&redis, WindowKind::Minute);
    let lease = world.granted(400);
    redis.restart_empty().await;
    world.reconnect(&redis);
    reopen(&mut world, WindowKind::Minute);
    assert_eq!(world.returned(lease, 100), NOTHING);
    world.assert_quarantined();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_comes_back_with_an_old_snapshot() {
    let mut redis = TestRedis::start().await;
    let mut world = begun(&redis, WindowKind::Minute);
    let kept = world.granted(400);
    redis.ask("SAVE").await;
    let lost = world.granted(500);
    redis.restart().await;
    world.reconnect(&redis);
    assert_eq!(world.returned(kept, 100), credited(100));
    assert_eq!(world.returned(lost, 100), NOTHING);
    world.assert_quarantined();
}

pub(super) async fn follow(replica: &TestRedis, primary: &TestRedis) {
    replica.ask(&format!("REPLICAOF 127.0.0.1 {}", primary.port)).await;
    until("the replica is there", || replica.says("INFO replication", "master_link_status:up"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_was_promoted() {
    let primary = TestRedis::start().await;
    let replica = TestRedis::start().await;
    let mut world = begun(&primary, WindowKind::Minute);
    follow(&replica, &primary).await;
    let kept = world.granted(400);
    primary.ask("WAIT 1 5000").await;
    replica.ask("REPLICAOF NO ONE").await;
    let lost = world.granted(500);
    world.reconnect(&replica);
    assert_eq!(world.returned(lost, 100), NOTHING);
    assert_eq!(world.returned(kept, 400), credited(400));
    world.assert_quarantined();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_was_a_replica_meanwhile() {
    let first = TestRedis::start().await;
    let second = TestRedis::start().await;
    let mut world = begun(&first, WindowKind::Minute);
    follow(&second, &first).await;
    second.ask("REPLICAOF NO ONE").await;
    world.granted(500);
    // Its grant is gone, and nobody used the book on the other one.
    follow(&first, &second).await;
    first.ask("REPLICAOF NO ONE").await;
    world.reconnect(&first);
    world.seen = crate::ledger::redis::book::Seen::default();
    world.assert_quarantined();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flushed_redis() {
    let redis = TestRedis::start().await;
    let mut world = begun(&redis, WindowKind::Minute);
    world.granted(400);
    redis.ask("FLUSHALL").await;
    reopen(&mut world, WindowKind::Minute);
    world.assert_quarantined();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evicted_book() {
    let redis = TestRedis::start().await;
    let mut world = begun(&redis, WindowKind::Minute);
    let lease = world.granted(400);
    redis.ask("DEL tl:{1}:book").await;
    reopen(&mut world, WindowKind::Minute);
    assert_eq!(world.returned(lease, 100), NOTHING);
    world.assert_quarantined();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_evicted_rolling_book_left_does_not_come_off_the_new_one() {
    let redis = TestRedis::start().await;
    let mut world = begun(&redis, WindowKind::Rolling);
    world.granted(400);
    world.wait(1_500);
    redis.ask("DEL tl:{1}:book").await;
    reopen(&mut world, WindowKind::Rolling);
    assert_eq!(world.tokens(1).1.unwrap_err().state, State::Quarantined);
    world.wait(61_000);
    world.granted(600);
    world.wait(30_000);
    world.granted(400);
    world.wait(31_000);
    // The 600 have left, and with them what was left of the old book.
    assert!(world.tokens(601).1.is_err());
    world.granted(600);
}

#[tokio::test(flavor = "multi_thread")]
async fn evicted_charges_of_a_rolling_window() {
    for lost in ["ring", "releases"] {
        let redis = TestRedis::start().await;
        let mut world = begun(&redis, WindowKind::Rolling);
        world.granted(400);
        redis.ask(&format!("DEL tl:{{1}}:{lost}")).await;
        world.wait(61_000);
        let (mark, denied) = world.tokens(1);
        assert!(mark.is_new_quarantine && denied.is_err(), "{lost}");
        world.wait(61_000);
        world.granted(LIMIT);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_quarantine_outlasts_the_charges_that_may_be_lost() {
    let mut redis = TestRedis::start().await;
    let mut world = begun(&redis, WindowKind::Rolling);
    let kept = world.granted(400);
    redis.ask("SAVE").await;
    world.granted(500);
    redis.restart().await;
    world.reconnect(&redis);
    let (mark, denied) = world.tokens(1);
    // A lease of 1 s that was granted at the last moment, and 60 s from its end.
    assert_eq!((mark.quarantined_for_ms, denied.unwrap_err().retry_after_ms), (61_000, 61_000));
    assert_eq!(world.returned(kept, 100), credited(100));
    world.wait(60_999);
    assert_eq!(world.tokens(1).1.unwrap_err().state, State::Quarantined);
    world.wait(1);
    world.granted(LIMIT);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_loss_is_one_quarantine_for_all_servers() {
    let mut redis = TestRedis::start().await;
    let mut world = begun(&redis, WindowKind::Minute);
    redis.ask("SAVE").await;
    let before = world.seen;
    world.granted(400);
    let after = std::mem::replace(&mut world.seen, before);
    redis.restart().await;
    world.reconnect(&redis);
    // One that saw little finds it; one that saw more does not find it again.
    assert!(world.tokens(1).0.is_new_quarantine);
    world.seen = after;
    assert!(!world.tokens(2).0.is_new_quarantine);
    world.assert_quarantined();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_window_is_quarantined_too_when_it_may_have_been_granted_from() {
    let mut redis = TestRedis::start().await;
    for (ends_in_ms, next_too) in [(2_001, false), (2_000, true)] {
        let mut world = begun(&redis, WindowKind::Minute);
        world.wait(50_000 - ends_in_ms);
        redis.restart_empty().await;
        world.reconnect(&redis);
        reopen(&mut world, WindowKind::Minute);
        world.wait(ends_in_ms);
        assert_eq!(world.tokens(1).1.is_err(), next_too, "{ends_in_ms} ms before the end");
        world.wait(60_000);
        world.granted(LIMIT);
        redis.ask("FLUSHALL").await;
    }
}

/// Its books lost nothing of their own: what was granted in the other one is what they lack.
#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_in_use_again_after_another() {
    let redis = TestRedis::start().await;
    let mut world = begun(&redis, WindowKind::Minute);
    world.trust.keeps = true;
    world.granted(400);
    world.trust.term = 2;
    world.trust.vouched = Some(world.process().into());
    assert!(world.tokens(1).0.is_new_quarantine);
    // A server that was not told yet finds it quarantined all the same, and none quarantines it
    // again.
    for term in [0, 2] {
        world.trust.term = term;
        assert!(!world.tokens(1).0.is_new_quarantine);
    }
    world.assert_quarantined();
}
