use quota_core::Amount;

use super::world::{World, gw, is_denied, minute, rolling};

pub(super) async fn the_same_minute_grants_only_what_was_left(mut world: World) {
    for policy in [minute(500), rolling(500)] {
        let id = format!("{:?}", policy.kind);
        world.put(&id, policy).await.unwrap();
        let mut taken = 0;
        for round in 0..6 {
            let lease = world.take(&id, 70).await.unwrap();
            taken += 70;
            assert_eq!(lease.standing.outstanding.tokens(), taken);
            if round % 2 == 0 {
                world.crash().await;
            } else {
                world.restart().await;
            }
            assert!(is_denied(&world.take(&id, 501 - taken).await), "round {round}");
        }
        world.take(&id, 500 - taken).await.unwrap();
    }
}

pub(super) async fn returns_after_a_restart_are_credited_once(mut world: World) {
    world.put("a", minute(500)).await.unwrap();
    let lease = world.take_as(&gw(1), "a", 500, 1).await.unwrap().lease;
    world.crash().await;
    let known = world.take_as(&gw(1), "a", 500, 1).await.unwrap();
    assert_eq!((known.lease, known.granted.repeated), (lease, true));
    assert_eq!(world.give_back(lease, 200).await.unwrap().credited, Amount::new(200, 0));
    world.crash().await;
    assert_eq!(world.give_back(lease, 200).await.unwrap().credited, Amount::ZERO);
    world.take("a", 200).await.unwrap();
    assert!(is_denied(&world.take("a", 1).await));
}

pub(super) async fn another_run_of_the_machine_goes_on(mut world: World) {
    world.put("a", minute(500)).await.unwrap();
    world.put("r", rolling(500)).await.unwrap();
    world.take("a", 300).await.unwrap();
    world.take("r", 300).await.unwrap();
    let before = world.now().await;
    world.clock.reboot(3_000);
    world.crash().await;
    let after = world.now().await;
    assert_eq!(after.window.number, before.window.number);
    assert!(after.steady_ms >= before.steady_ms);
    assert!(is_denied(&world.take("a", 201).await));
    assert!(is_denied(&world.take("r", 201).await));
    world.take("a", 200).await.unwrap();
}

pub(super) async fn a_lowered_limit_is_replayed_after_what_it_came_after(mut world: World) {
    world.put("a", minute(500)).await.unwrap();
    let lease = world.take("a", 400).await.unwrap().lease;
    world.put("a", minute(100)).await.unwrap();
    for _ in 0..2 {
        world.crash().await;
        assert!(is_denied(&world.take("a", 1).await));
    }
    world.give_back(lease, 350).await.unwrap();
    world.crash().await;
    assert!(is_denied(&world.take("a", 51).await));
    world.take("a", 50).await.unwrap();
}

/// A refused ask makes a book, a restart drops it, and the limit is changed before and after.
pub(super) async fn a_limit_that_is_changed_around_a_dropped_book_is_replayed(mut world: World) {
    for (id, [first, second, last]) in [("up", [100, 200, 1_000]), ("down", [1_000, 2_000, 100])] {
        world.put(id, minute(first)).await.unwrap();
        assert!(world.take(id, first + 50).await.is_err());
        world.put(id, minute(second)).await.unwrap();
        world.crash().await;
        world.put(id, minute(last)).await.unwrap();
        world.take(id, last - 10).await.unwrap();
        for _ in 0..2 {
            world.crash().await;
            assert!(is_denied(&world.take(id, 11).await), "{id}");
        }
        world.take(id, 10).await.unwrap();
    }
}

/// Over many windows, with a crash in each: the entries of old windows are gone, and what they left
/// open is still known.
pub(super) async fn a_compacted_journal_is_read_back(mut world: World) {
    world.put("a", minute(500)).await.unwrap();
    world.put("r", rolling(500)).await.unwrap();
    let mut old = Vec::new();
    for window in 0..9_u64 {
        let lease = world.take("a", 100 + window).await.unwrap().lease;
        let other = world.take("r", 200).await.unwrap().lease;
        world.report(other, 150, 7).await.unwrap();
        old.push(lease);
        world.crash().await;
        assert!(is_denied(&world.take("a", 401 - window).await));
        world.windows_pass(1).await;
        assert_eq!(world.give_back(lease, 1).await.unwrap().credited, Amount::ZERO, "too late");
        // Late by one window, two, three ..: in the book, or carried.
        for (late, lease) in old.iter().enumerate() {
            world.report(*lease, 10 + window, 0).await.unwrap_or_else(|error| {
                panic!("lease {late} in window {window}: {error}");
            });
        }
    }
    let pages = world.pages("a").await;
    assert_eq!(pages.len(), 9);
    for (window, page) in (0..9).zip(pages.iter().rev()) {
        assert_eq!(page.granted.tokens(), 100 + window);
        assert_eq!(page.used.tokens(), 18, "{page:?}");
    }
    assert_eq!(world.pages("r").await.len(), 9);
    world.ledger.stop().await;
}
