//! Limits over longer periods, which outlast compactions, restarts, and what a journal lost.

use quota_core::{
    CalendarSpan, Denial, Period, PeriodLimit, PeriodLimits, Policy, Refusal, State, Unit,
};

use super::world::{Store, World, minute};
use crate::ledger::OpError;

const DAY: Period = Period::Calendar { span: CalendarSpan::Day, offset_min: 0 };
const SIX_HOURS: Period = Period::Rolling { secs: 21_600 };

/// Minutes of 500 tokens; so many a day and in any six hours.
fn limited(day: u64, six_hours: u64) -> Policy {
    let limit = |period, most| PeriodLimit { unit: Unit::Tokens, period, most };
    let limits = vec![limit(DAY, day), limit(SIX_HOURS, six_hours)];
    Policy { periods: PeriodLimits::new(limits).unwrap(), ..minute(500) }
}

fn short<T: std::fmt::Debug>(result: Result<T, OpError>) -> Denial {
    match result {
        Err(OpError::Refused { refusal: Refusal::Denied(denial), .. }) => denial,
        other => panic!("not a denial: {other:?}"),
    }
}

async fn charged(world: &World, id: &str) -> Vec<u64> {
    let all = world.ledger.overview().await.unwrap();
    let (_, seen) = all.iter().find(|(stored, _)| &*stored.id == id).unwrap();
    seen.periods.iter().map(|standing| standing.charged).collect()
}

pub(super) async fn longer_periods_outlive_compactions_and_restarts(mut world: World) {
    world.put("a", limited(1_200, 2_000)).await.unwrap();
    let lease = world.take("a", 500).await.unwrap().lease;
    world.windows_pass(1).await;
    world.give_back(lease, 100).await.unwrap();
    assert_eq!(charged(&world, "a").await, [400, 400], "it came back after its minute");
    for spent in [400, 700, 1_000] {
        world.windows_pass(4).await;
        world.crash().await;
        assert_eq!(charged(&world, "a").await, [spent, spent]);
        if spent < 1_000 {
            world.take("a", 300).await.unwrap();
            world.crash().await;
        }
    }
    let denied = short(world.take("a", 201).await);
    assert_eq!((denied.period, denied.unit), (Some(DAY), Unit::Tokens));
    world.take("a", 200).await.unwrap();
    world.windows_pass(30).await;
    world.restart().await;
    assert_eq!(short(world.take("a", 1).await).period, Some(DAY));
    // Another limit of the same day counts the same.
    world.put("a", limited(1_500, 1_250)).await.unwrap();
    assert_eq!(short(world.take("a", 51).await).period, Some(SIX_HOURS));
    world.take("a", 50).await.unwrap();
    world.windows_pass(6 * 60 + 10).await;
    world.crash().await;
    assert_eq!(charged(&world, "a").await[1], 0, "six hours later");
    assert_eq!(short(world.take("a", 251).await).period, Some(DAY));
    world.windows_pass(24 * 60).await;
    world.crash().await;
    assert_eq!(charged(&world, "a").await, [0, 0], "and a day later");
    world.take("a", 500).await.unwrap();
}

/// What days hold is told when entries go, and an idle ledger lets none go again and again.
pub(super) async fn an_idle_ledger_with_sums_comes_to_rest(mut world: World) {
    for id in ["a", "b", "c"] {
        world.put(id, limited(9_000, 9_000)).await.unwrap();
        world.take(id, 300).await.unwrap();
    }
    world.windows_pass(20).await;
    let Store::Memory(journals) = &world.store else { return };
    let disks: Vec<_> = journals.iter().map(|journal| journal.disk.clone()).collect();
    let entries = || disks.iter().map(|disk| disk.lock().unwrap().entries.clone());
    let before: Vec<_> = entries().collect();
    world.windows_pass(20).await;
    assert_eq!(entries().collect::<Vec<_>>(), before);
    world.crash().await;
    assert_eq!(charged(&world, "a").await, [300, 300]);
}

pub(super) async fn deleted_and_made_again_its_day_is_the_same(mut world: World) {
    let stored = world.put("a", limited(600, 9_000)).await.unwrap();
    assert_eq!(stored.policy, limited(600, 9_000));
    let lease = world.take("a", 500).await.unwrap();
    assert!(lease.granted.returns_in_ms.unwrap() > lease.granted.credit_ends_in_ms);
    world.windows_pass(1).await;
    assert_eq!(short(world.take("a", 101).await).period, Some(DAY));
    world.ledger.delete("a".into(), None).await.unwrap();
    world.windows_pass(30).await;
    world.crash().await;
    world.put("a", limited(600, 9_000)).await.unwrap();
    assert_eq!(charged(&world, "a").await, [500, 500]);
    assert_eq!(short(world.take("a", 101).await).period, Some(DAY));
    world.take("a", 100).await.unwrap();
}

/// Of each window whose entries may be lost the limit counts as spent, once, and the rest can be
/// granted.
#[tokio::test]
async fn what_may_be_lost_counts_as_spent() {
    for damaged in [true, false] {
        let mut world = World::in_memory(1).await;
        world.put("a", limited(4_000, 9_000)).await.unwrap();
        world.put("idle", limited(4_000, 9_000)).await.unwrap();
        world.take("a", 300).await.unwrap();
        if damaged {
            let mut disk = world.memory()[0].disk();
            disk.entries.last_entry().unwrap().get_mut()[9] ^= 1;
        } else {
            world.memory()[0].disk().is_in_doubt = true;
        }
        world.crash().await;
        for _ in 0..2 {
            assert!(world.take("a", 1).await.is_err(), "quarantined");
            world.windows_pass(1).await;
        }
        world.take("a", 100).await.unwrap();
        // A loss may reach back two minutes further than the wall clock says.
        let expected = if damaged { 1_100 } else { 2_400 };
        for _ in 0..3 {
            let spent = charged(&world, "a").await;
            assert!((1_100..=expected).contains(&spent[0]), "{spent:?}, damaged: {damaged}");
            assert!(charged(&world, "idle").await[0] >= 1_000, "nobody knows of it either");
            world.windows_pass(3).await;
            world.crash().await;
        }
        world.put("a", limited(1_100, 9_000)).await.unwrap();
        let denied = short(world.take("a", 1).await);
        assert_eq!((denied.period, denied.state), (Some(DAY), State::Exhausted));
    }
}
