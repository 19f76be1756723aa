//! A disk that does not take writes, a full queue, and the stop.

use std::time::Duration;

use futures_util::future::join_all;
use futures_util::poll;
use tokio::time::{sleep, timeout};

use super::memory::{Fault, MemoryJournal};
use super::world::{Store, World, acquire, cannot_write, gw, is_denied, minute};
use crate::ledger::{OpError, PutError, Unavailable};

/// The writer tries again at most a second apart; time is virtual here.
pub(super) async fn until_healthy(world: &World) {
    for _ in 0..100 {
        if world.ledger.health().await.is_ok() {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("still not healthy");
}

async fn broken(fault: Fault) -> (World, u64) {
    let mut world = World::in_memory(1).await;
    world.put("a", minute(500)).await.unwrap();
    world.take("a", 100).await.unwrap();
    let disk = world.memory()[0].disk.clone();
    disk.lock().unwrap().fault = fault;
    assert!(cannot_write(&world.take_as(&gw(1), "a", 300, 77).await));
    assert_eq!(world.ledger.health().await, Err(Unavailable::CannotWrite));
    for _ in 0..3 {
        sleep(Duration::from_millis(700)).await;
        assert!(cannot_write(&world.take("a", 1).await));
        let put = world.put("b", minute(1)).await;
        assert_eq!(put, Err(PutError::Unavailable(Unavailable::CannotWrite)));
        assert_eq!(world.ledger.deployments().await.unwrap().len(), 1, "reads are answered");
        assert!(world.ledger.windows("a".into(), 5).await.unwrap().is_some());
    }
    disk.lock().unwrap().fault = Fault::None;
    until_healthy(&world).await;
    let outstanding = world.take("a", 1).await.unwrap().standing.outstanding.tokens() - 1;
    (world, outstanding)
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_that_it_is_so_already_while_the_disk_takes_nothing() {
    let world = World::in_memory(1).await;
    world.put("a", minute(500)).await.unwrap();
    let disk = world.memory()[0].disk.clone();
    let entries = disk.lock().unwrap().entries.len();
    assert!(!world.put("a", minute(500)).await.unwrap().created);
    assert_eq!(world.ledger.delete("b".into(), None).await, Ok(None));
    assert_eq!(disk.lock().unwrap().entries.len(), entries + 2);
    let away = PutError::Unavailable(Unavailable::CannotWrite);
    disk.lock().unwrap().fault = Fault::Before;
    assert_eq!(world.put("a", minute(500)).await, Err(away.clone()));
    disk.lock().unwrap().fault = Fault::None;
    until_healthy(&world).await;
    disk.lock().unwrap().fault = Fault::Before;
    assert_eq!(world.ledger.delete("b".into(), None).await, Err(away));
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_was_put_back_under_its_writer_is_quarantined() {
    let mut world = World::in_memory(1).await;
    world.put("a", minute(1_000)).await.unwrap();
    world.take("a", 100).await.unwrap();
    world.take("a", 800).await.unwrap();
    let disk = world.memory()[0].disk.clone();
    {
        let mut disk = disk.lock().unwrap();
        disk.entries.pop_last();
        disk.fault = Fault::Before;
    }
    assert!(cannot_write(&world.take("a", 1).await));
    disk.lock().unwrap().fault = Fault::None;
    for start in 0..2 {
        for _ in 0..10 {
            assert!(cannot_write(&world.take("a", 1).await), "start {start}");
            sleep(Duration::from_millis(500)).await;
        }
        world.clock.advance(60_000);
        assert!(cannot_write(&world.take("a", 1).await), "start {start}");
        // It finds the doubt.
        world.crash().await;
    }
    for _ in 0..2 {
        assert!(cannot_write(&world.take("a", 1).await));
        world.clock.advance(60_000);
    }
    until_healthy(&world).await;
    assert_eq!(world.take("a", 1_000).await.unwrap().granted.amount.tokens(), 1_000);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_written_did_not_happen() {
    let (mut world, outstanding) = broken(Fault::Before).await;
    assert_eq!(outstanding, 100);
    let lease = world.take_as(&gw(1), "a", 300, 77).await.unwrap();
    assert!(!lease.granted.repeated);
    assert!(is_denied(&world.take("a", 100).await));
    world.crash().await;
    assert!(is_denied(&world.take("a", 100).await));
}

#[tokio::test(start_paused = true)]
async fn what_was_written_after_all_is_charged_and_found_by_its_request() {
    let (mut world, outstanding) = broken(Fault::After).await;
    assert_eq!(outstanding, 400);
    let lease = world.take_as(&gw(1), "a", 300, 77).await.unwrap();
    assert!(lease.granted.repeated);
    assert!(is_denied(&world.take("a", 100).await));
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_fails_is_made_later() {
    let mut world = World::in_memory(1).await;
    world.put("a", minute(500)).await.unwrap();
    let lease = world.take("a", 100).await.unwrap().lease;
    world.windows_pass(1).await;
    let disk = world.memory()[0].disk.clone();
    for fault in [Fault::Before, Fault::After] {
        disk.lock().unwrap().fault = fault;
        world.clock.advance(60_000);
        assert!(cannot_write(&world.take("a", 1).await));
        disk.lock().unwrap().fault = Fault::None;
        until_healthy(&world).await;
        world.take("a", 500).await.unwrap();
    }
    world.report(lease, 60, 0).await.unwrap();
    let pages = world.pages("a").await;
    let used: Vec<_> =
        pages.iter().map(|page| (page.granted.tokens(), page.used.tokens())).collect();
    assert_eq!(used, [(500, 0), (500, 0), (100, 60)]);
}

#[tokio::test]
async fn a_full_queue_is_said_at_once_and_the_rest_is_answered() {
    let journal = MemoryJournal::default();
    let gate = journal.gate.clone();
    let world = World::new(Store::Memory(vec![journal]), 1, 1).await;
    world.put("a", minute(500)).await.unwrap();
    let closed = gate.lock().await;
    let asker = gw(1);
    let calls = (0..10).map(|request| world.take_as(&asker, "a", 10, request));
    let open = async {
        // The calls are polled first, in their order, so all have been put or refused.
        tokio::task::yield_now().await;
        drop(closed);
    };
    let (results, ()) = tokio::join!(join_all(calls), open);
    let granted = results.iter().filter(|result| result.is_ok()).count();
    let refused = results
        .iter()
        .filter(|result| matches!(result, Err(OpError::Unavailable(Unavailable::Overloaded))));
    assert!(granted >= 1);
    assert_eq!(granted + refused.count(), 10);
    assert_eq!(world.pages("a").await[0].granted.tokens(), 10 * granted as u64);
}

#[tokio::test(start_paused = true)]
async fn answers_leave_while_the_next_commit_is_on_its_way() {
    let world = World::in_memory(1).await;
    world.put("a", minute(500)).await.unwrap();
    let gate = world.memory()[0].gate.clone();
    let closed = gate.lock().await;
    let mut first = world.ledger.run(gw(1), vec![acquire("a", 10, 1)]);
    assert!(poll!(&mut first).is_pending());
    // Until the first commit waits at the gate: then what comes is of the second.
    sleep(Duration::from_millis(1)).await;
    let mut second = world.ledger.run(gw(1), vec![acquire("a", 10, 2)]);
    assert!(poll!(&mut second).is_pending());
    drop(closed);
    // Waiters pass in their order: the first commit, this, the second commit.
    let closed = gate.lock().await;
    let answered = timeout(Duration::from_secs(10), &mut first).await;
    assert!(answered.expect("told before the second commit is made")[0].is_ok());
    assert!(poll!(&mut second).is_pending());
    drop(closed);
    assert!(second.await[0].is_ok());
}

#[tokio::test]
async fn a_stop_answers_what_it_took_and_refuses_the_rest() {
    let world = World::in_memory(1).await;
    world.put("a", minute(500)).await.unwrap();
    let gate = world.memory()[0].gate.clone();
    let closed = gate.lock().await;
    let first = world.ledger.run(gw(1), vec![acquire("a", 10, 1)]);
    let stop = async {
        tokio::task::yield_now().await;
        drop(closed);
        world.ledger.stop().await;
    };
    let (results, ()) = tokio::join!(first, stop);
    assert!(results[0].is_ok());
    let after = world.take_as(&gw(1), "a", 10, 2).await;
    assert!(matches!(after, Err(OpError::Unavailable(Unavailable::Stopping))));
    assert_eq!(world.ledger.health().await, Err(Unavailable::Stopping));
    world.ledger.stop().await;
}

#[tokio::test]
async fn a_writer_that_dies_is_noticed_and_holds_nobody_up() {
    let mut world = World::in_memory(1).await;
    world.put("a", minute(500)).await.unwrap();
    world.memory()[0].disk.lock().unwrap().fault = Fault::Panic;
    for _ in 0..3 {
        assert!(cannot_write(&world.take("a", 100).await));
        assert_eq!(world.ledger.health().await, Err(Unavailable::CannotWrite));
    }
    world.ledger.died().await;
    world.ledger.stop().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_granted_to_a_caller_that_is_gone() {
    let world = World::in_memory(1).await;
    world.put("a", minute(500)).await.unwrap();
    let gate = world.memory()[0].gate.clone();
    let closed = gate.lock().await;
    let mut first = world.ledger.run(gw(1), vec![acquire("a", 10, 1)]);
    assert!(poll!(&mut first).is_pending());
    // Until the first commit waits at the gate.
    sleep(Duration::from_millis(1)).await;
    let mut second = world.ledger.run(gw(1), vec![acquire("a", 10, 2)]);
    assert!(poll!(&mut second).is_pending());
    drop(second);
    drop(closed);
    assert!(first.await[0].is_ok());
    assert_eq!(world.pages("a").await[0].granted.tokens(), 10);
}
