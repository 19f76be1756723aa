//! Memory: how many leases are kept, and how many operations wait.

use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;
use quota_core::{Limit, Policy, WindowKind};

use super::memory::MemoryJournal;
use super::world::{Store, World, acquire, gw, minute};
use crate::ledger::{OpError, Reply, Unavailable};
use crate::memory::Memory;

/// One MiB: 5/16 of it for leases.
const MEMORY: Memory = Memory::of_mib(1);

/// Leases of minutes that fit: of 160 bytes each.
const ROOM: u64 = 2_048;

/// The requests of all tests here are new ones.
static NEXT_REQUEST: AtomicU64 = AtomicU64::new(1_000);

fn unlimited(kind: WindowKind) -> Policy {
    Policy { limit: Limit::new(Some(1 << 40), None), kind, ..minute(1) }
}

async fn small(kind: WindowKind) -> World {
    let world = World::small(Store::Memory(vec![MemoryJournal::default()]), MEMORY).await;
    world.put("a", unlimited(kind)).await.unwrap();
    world.put("b", unlimited(kind)).await.unwrap();
    world
}

/// Asks until there is no room: how many were granted, and when there will be room again.
async fn fill(world: &World, number: u32, id: &str) -> (u64, u64) {
    for granted in 0..=ROOM {
        let request = NEXT_REQUEST.fetch_add(1, Ordering::Relaxed);
        match world.take_as(&gw(number), id, 1, request.into()).await {
            Ok(lease) => assert!(!lease.granted.repeated),
            Err(OpError::NoRoom { retry_after_ms }) => return (granted, retry_after_ms),
            Err(error) => panic!("{error}"),
        }
    }
    panic!("there is no bound");
}

#[tokio::test]
async fn one_credential_fills_four_fifths_and_others_find_room() {
    let world = small(WindowKind::Minute).await;
    let (first, retry_after_ms) = fill(&world, 1, "a").await;
    assert!(first.abs_diff(ROOM * 4 / 5) <= 2, "{first}");
    let now = world.now().await;
    assert_eq!(retry_after_ms, now.window_ends_in_ms() + 60_000, "a minute's book keeps two");
    let (none, _) = fill(&world, 1, "b").await;
    assert_eq!(none, 0, "whichever the deployment");
    let (second, _) = fill(&world, 2, "b").await;
    let (third, _) = fill(&world, 3, "a").await;
    assert!(second > ROOM / 10 && third > ROOM / 50, "{second} {third}");
    assert!(first + second + third <= ROOM);
}

#[tokio::test]
async fn without_room_requests_are_known_and_leases_given_back() {
    let world = small(WindowKind::Minute).await;
    world.take_as(&gw(1), "a", 1, 1).await.unwrap();
    fill(&world, 1, "a").await;
    let known = world.take_as(&gw(1), "a", 1, 1).await.unwrap();
    assert!(known.granted.repeated);
    assert_eq!(world.give_back(known.lease, 1).await.unwrap().credited.tokens(), 1);
    let missing = world.take_as(&gw(1), "nowhere", 1, 7).await;
    assert!(matches!(missing, Err(OpError::NoSuchDeployment)));
}

#[tokio::test]
async fn room_comes_back_with_dropped_windows() {
    for kind in [WindowKind::Minute, WindowKind::Rolling] {
        let mut world = small(kind).await;
        let (first, retry_after_ms) = fill(&world, 1, "a").await;
        world.clock.advance(retry_after_ms - 1);
        assert_eq!(fill(&world, 1, "a").await.0, 0);
        world.clock.advance(1);
        let (again, _) = fill(&world, 1, "b").await;
        // A few leases that nobody accounted for are still waited for.
        assert!(again <= first && again > first / 3, "{kind:?}: {first} {again}");
        world.windows_pass(12).await;
        assert!(fill(&world, 1, "a").await.0.abs_diff(first) <= 2, "{kind:?}");
    }
}

#[tokio::test]
async fn after_a_crash_no_more_is_kept_than_before() {
    for kind in [WindowKind::Minute, WindowKind::Rolling] {
        let mut world = small(kind).await;
        world.take_as(&gw(1), "a", 1, 1).await.unwrap();
        let (first, _) = fill(&world, 1, "a").await;
        for _ in 0..2 {
            world.crash().await;
            let more = world.take_as(&gw(1), "b", 1, 7).await;
            assert!(matches!(more, Err(OpError::NoRoom { .. })), "{kind:?}: {first}, {more:?}");
        }
        let known = world.take_as(&gw(1), "a", 1, 1).await.unwrap();
        assert!(known.granted.repeated);
    }
}

#[tokio::test]
async fn operations_that_wait_are_bounded_and_the_rest_is_refused() {
    let world = World::small(Store::Memory(vec![MemoryJournal::default()]), MEMORY).await;
    world.put("a", minute(500)).await.unwrap();
    let gate = world.memory()[0].gate.clone();
    let closed = gate.lock().await;
    let asker = gw(1);
    let call = |request: u128| {
        let ops = (0..1_024).map(|_| acquire("a", 1, request)).collect();
        world.ledger.run(asker.clone(), ops)
    };
    // Nothing is answered while the gate is closed, so all of them are there at once.
    let open = async {
        tokio::task::yield_now().await;
        drop(closed);
    };
    let (results, ()) = tokio::join!(join_all((0..12).map(call)), open);
    let is_refused = |results: &&Vec<Result<Reply, OpError>>| {
        matches!(results[0], Err(OpError::Unavailable(Unavailable::Overloaded)))
    };
    assert_eq!(results.iter().filter(is_refused).count(), 4);
    let after = call(12).await;
    assert!(after[0].is_ok(), "the room comes back");
}
