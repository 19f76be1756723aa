//! A journal that cannot be followed: the server starts all the same, and grants nothing that it
//! cannot vouch for.

use quota_core::{Denial, Event, LeaseId, Refusal, RequestKey, State};

use std::time::Duration;

use tokio::time::sleep;

use super::super::entry::{EntryReader, EntryWriter, Record};
use super::faults::until_healthy;
use super::memory::Fault;
use super::world::{Store, World, cannot_write, is_denied, minute, rolling};
use crate::journal::{self, Place};
use crate::ledger::OpError;
use crate::metrics;

/// Two deployments with grants in the open window, and the number of the last entry.
async fn granted() -> (World, u64) {
    let mut world = World::in_memory(1).await;
    world.put("a", minute(500)).await.unwrap();
    world.put("b", minute(500)).await.unwrap();
    world.put("r", rolling(500)).await.unwrap();
    for id in ["b", "a", "a"] {
        world.take(id, 100).await.unwrap();
    }
    let last = *world.memory()[0].disk().entries.keys().last().unwrap();
    (world, last)
}

fn is_quarantined<T: std::fmt::Debug>(result: &Result<T, OpError>) -> bool {
    matches!(
        result,
        Err(OpError::Refused {
            refusal: Refusal::Denied(Denial { state: State::Quarantined, .. }),
            ..
        })
    )
}

/// Nothing is granted for two windows, then all of the limit, and a restart says the same.
async fn the_shard_is_quarantined(mut world: World) {
    world.crash().await;
    for _ in 0..2 {
        assert!(cannot_write(&world.take("a", 1).await));
        assert!(world.ledger.health().await.is_err());
        assert_eq!(world.ledger.deployments().await.unwrap().len(), 3, "reads are answered");
        world.crash().await;
        assert!(cannot_write(&world.take("b", 1).await));
        world.windows_pass(1).await;
    }
    for id in ["a", "b"] {
        world.take(id, 500).await.unwrap();
    }
    assert!(is_quarantined(&world.take("r", 1).await), "its charges last a window longer");
    world.windows_pass(1).await;
    world.take("r", 500).await.unwrap();
    world.crash().await;
    world.take("a", 500).await.unwrap();
    assert!(is_denied(&world.take("a", 1).await));
}

#[tokio::test]
async fn an_unreadable_entry_quarantines_the_shard() {
    for back in [0, 1] {
        let (world, last) = granted().await;
        world.memory()[0].disk().entries.get_mut(&(last - back)).unwrap()[9] ^= 1;
        the_shard_is_quarantined(world).await;
    }
}

#[tokio::test]
async fn a_quarantine_outlasts_the_entries_that_it_is_for() {
    let (world, last) = granted().await;
    world.memory()[0].disk().entries.get_mut(&last).unwrap()[9] ^= 1;
    world.ledger.stop().await;
    // The start is two windows later, so the damaged entry is removed in the next one.
    world.clock.advance(120_000);
    the_shard_is_quarantined(world).await;
}

#[tokio::test]
async fn a_missing_entry_quarantines_the_shard() {
    let (world, last) = granted().await;
    world.memory()[0].disk().entries.remove(&(last - 1)).unwrap();
    the_shard_is_quarantined(world).await;
}

#[tokio::test]
async fn an_entry_of_a_deployment_that_there_is_not_quarantines_the_shard() {
    let (world, _) = granted().await;
    let row = world.memory()[0].disk().deployments.remove(&1).unwrap();
    let mut again = world;
    again.crash().await;
    assert!(cannot_write(&again.take("a", 1).await));
    again.memory()[0].disk().deployments.insert(1, row);
}

/// Writes an entry that grants once more what `a` granted first.
fn contradict(world: &World, last: u64) {
    let mut disk = world.memory()[0].disk();
    let stamp = EntryReader::new(&disk.entries[&last]).unwrap().stamp;
    let mut writer = EntryWriter::default();
    writer.begin(&stamp);
    let lease = LeaseId { window: stamp.now.window.number, number: 0 };
    let mut records = EntryReader::new(&disk.entries[&last]).unwrap().map(Result::unwrap);
    let holder = records.find_map(|record| holder_of(&record)).unwrap();
    let (starts_ms, ends_ms) = (stamp.now.steady_ms, stamp.now.steady_ms + 2_000);
    let (request, amount) = (RequestKey(9), quota_core::Amount::new(7, 1));
    writer.event(0, Event::Granted { lease, holder, request, amount, starts_ms, ends_ms });
    disk.entries.insert(last + 1, writer.finish());
}

#[tokio::test]
async fn a_grant_that_does_not_follow_quarantines_its_deployment_alone() {
    let (mut world, last) = granted().await;
    contradict(&world, last);
    for _ in 0..2 {
        world.crash().await;
        assert!(is_quarantined(&world.take("a", 1).await));
        assert!(world.ledger.health().await.is_ok());
        assert_eq!(world.ledger.warnings(), ["1 deployments are quarantined: a"]);
        world.take("b", 10).await.unwrap();
        world.windows_pass(1).await;
    }
    world.take("a", 500).await.unwrap();
    assert!(world.ledger.warnings().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_followed_is_counted_once_whatever_fails_later() {
    let recorder = metrics::exposition().unwrap().build_recorder();
    let _here = ::metrics::set_default_local_recorder(&recorder);
    let (mut world, last) = granted().await;
    contradict(&world, last);
    world.crash().await;
    for _ in 0..3 {
        assert!(is_quarantined(&world.take("a", 1).await));
        world.memory()[0].disk().fault = Fault::Before;
        assert!(cannot_write(&world.take("b", 1).await));
        world.memory()[0].disk().fault = Fault::None;
        until_healthy(&world).await;
    }
    assert!(is_quarantined(&world.take("a", 1).await));
    let counted = recorder.handle().render();
    for counter in ["quota_quarantines_total 1\n", "quota_journal_faults_total 1\n"] {
        assert!(counted.contains(counter), "{counter}: {counted}");
    }
}

/// By hand, beside the server.
async fn quarantine(world: &World, id: Option<&str>) {
    let Store::Disk(folder) = &world.store else { panic!("not on disk") };
    let place = Place::Folder(folder.path().to_owned());
    let mut shard = journal::open(&place).await.unwrap().remove(0);
    let number = id.map(|id| shard.number_of(id).unwrap());
    shard.quarantine(number).await.unwrap();
}

/// A server that runs notices at its next commit, which fails.
async fn until_noticed(world: &mut World) {
    assert!(cannot_write(&world.take("b", 1).await));
    for _ in 0..200 {
        let answer = world.take("b", 1).await;
        if answer.is_ok() || is_quarantined(&answer) {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("it does not serve again");
}

#[tokio::test]
async fn one_deployment_is_quarantined_by_hand() {
    for is_running in [true, false] {
        let mut world = World::on_disk(1).await;
        for id in ["a", "b"] {
            world.put(id, minute(500)).await.unwrap();
            world.take(id, 100).await.unwrap();
        }
        if is_running {
            quarantine(&world, Some("a")).await;
            until_noticed(&mut world).await;
        } else {
            world.ledger.stop().await;
            quarantine(&world, Some("a")).await;
            // The window of the doubt is that of the next entry, whenever that is.
            world.clock.advance(120_000);
            world.restart().await;
        }
        for _ in 0..2 {
            assert!(is_quarantined(&world.take("a", 1).await), "{is_running}");
            world.take("b", 10).await.unwrap();
            world.restart().await;
            assert!(is_quarantined(&world.take("a", 1).await), "also after a restart");
            world.windows_pass(1).await;
        }
        world.take("a", 500).await.unwrap();
    }
}

#[tokio::test]
async fn a_shard_is_quarantined_by_hand() {
    let mut world = World::on_disk(1).await;
    world.put("b", minute(500)).await.unwrap();
    world.take("b", 100).await.unwrap();
    quarantine(&world, None).await;
    for _ in 0..2 {
        assert!(cannot_write(&world.take("b", 1).await));
        world.restart().await;
        assert!(cannot_write(&world.take("b", 1).await));
        world.windows_pass(1).await;
    }
    world.take("b", 500).await.unwrap();
}

fn holder_of(record: &Record<'_>) -> Option<quota_core::HolderId> {
    match record {
        Record::Event { event: Event::Granted { holder, .. }, .. } => Some(*holder),
        _ => None,
    }
}
