use quota_core::Amount;

use super::world::{Store, World, is_denied, minute};
use crate::ledger::Op;

use super::world::gw;

pub(super) async fn the_history_adds_up(mut world: World) {
    world.put("a", minute(500)).await.unwrap();
    let lease = world.take("a", 300).await.unwrap().lease;
    world.give_back(lease, 100).await.unwrap();
    world.report(lease, 120, 9).await.unwrap();
    assert!(is_denied(&world.take("a", 400).await));
    let denied = Op::Denied { deployment: "a".into(), amount: Amount::new(40, 4) };
    world.one(gw(1), denied).await.unwrap();
    let live = world.pages("a").await;
    assert_eq!((live.len(), live[0].over, live[0].held.tokens()), (1, false, 80));
    for passed in 1..6 {
        world.windows_pass(1).await;
        if passed == 4 {
            world.crash().await;
        }
        let pages = world.pages("a").await;
        assert_eq!(pages.len(), 1);
        let page = pages[0];
        assert_eq!(page.granted, Amount::new(300, 1));
        assert_eq!(page.given_back, Amount::new(100, 0));
        assert_eq!(page.used, Amount::new(120, 1));
        assert_eq!((page.held, page.burnt), (Amount::ZERO, Amount::new(80, 0)));
        assert_eq!((page.overrun, page.denied), (Amount::new(9, 0), Amount::new(440, 5)));
        assert!(page.over);
        assert_eq!(page.limit, minute(500).limit);
    }
    assert!(world.ledger.windows("b".into(), 9).await.unwrap().is_none());
    assert_eq!(world.ledger.windows("a".into(), 5).await.unwrap().unwrap(), []);
    world.windows_pass(62).await;
    world.take("a", 1).await.unwrap();
    world.windows_pass(3).await;
    assert_eq!(world.ledger.windows("a".into(), 1_000).await.unwrap().unwrap().len(), 1, "pruned");
}

pub(super) async fn late_usage_moves_from_burnt_to_used(mut world: World) {
    world.put("a", minute(500)).await.unwrap();
    let lease = world.take("a", 300).await.unwrap().lease;
    for late in 1..=8 {
        world.windows_pass(1).await;
        world.report(lease, 30 * late, late).await.unwrap();
        world.report(lease, 30 * late, late).await.unwrap();
        let page = world.pages("a").await[0];
        assert_eq!(page.used, Amount::new(30 * late, 1));
        assert_eq!(page.burnt.tokens(), 300 - 30 * late);
        assert_eq!(page.overrun.tokens(), late);
    }
    world.windows_pass(5).await;
    assert!(world.report(lease, 300, 0).await.is_err(), "nobody waits for it any more");
}

pub(super) async fn late_usage_is_known_after_restarts(mut world: World) {
    world.put("a", minute(500)).await.unwrap();
    let lease = world.take("a", 300).await.unwrap().lease;
    for late in 1..=8 {
        world.windows_pass(1).await;
        world.crash().await;
        world.report(lease, 30 * late, 0).await.unwrap();
        world.crash().await;
        let repeated = world.report(lease, 30 * late, 0).await.unwrap();
        assert_eq!(repeated.late, None, "counted once");
        assert_eq!(world.pages("a").await[0].used.tokens(), 30 * late);
    }
}

pub(super) async fn a_clock_step_opens_no_window_again(mut world: World) {
    world.put("a", minute(500)).await.unwrap();
    world.take("a", 500).await.unwrap();
    let before = world.now().await.window;
    for step_ms in [-3_600_000, 40_000, 7_200_000, -9_999_999] {
        world.clock.step_wall(step_ms);
        world.crash().await;
        assert_eq!(world.now().await.window, before);
        assert!(is_denied(&world.take("a", 1).await));
    }
    world.clock.advance(50_000);
    let next = world.now().await.window;
    assert_eq!(next.number, before.number + 1);
    assert!(next.minute > before.minute);
    world.take("a", 500).await.unwrap();
}

pub(super) async fn an_idle_ledger_writes_nothing(mut world: World) {
    world.put("a", minute(500)).await.unwrap();
    let lease = world.take("a", 300).await.unwrap().lease;
    world.give_back(lease, 300).await.unwrap();
    world.windows_pass(20).await;
    let Store::Memory(journals) = &world.store else { return };
    let disks: Vec<_> = journals.iter().map(|journal| journal.disk.clone()).collect();
    let entries = || disks.iter().map(|disk| disk.lock().unwrap().entries.clone());
    let before: Vec<_> = entries().collect();
    assert!(before.iter().all(|entries| entries.len() <= 2), "{before:?}");
    world.windows_pass(20).await;
    assert_eq!(entries().collect::<Vec<_>>(), before);
}
