//! The ledger's time goes on at another machine, whatever its clocks say.

use futures_util::future::join_all;
use quota_core::{Now, WindowSpan};

use super::site::{Server, Site, is_denied, machine, until};
use crate::clock::manual::ManualClock;
use crate::ledger::Ledger;

/// Moves both machines' clocks until the standby has seen a few signs of life.
async fn live(clocks: [&ManualClock; 2], ms: u64) {
    for _ in 0..ms / 100 {
        clocks.into_iter().for_each(|clock| clock.advance(100));
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// The server that took over, the ledger's time when the old one died, and how much longer the
/// window lasts than it would have there.
async fn taken_over(site: &mut Site, wall_off_ms: i64) -> (Server, Now, u64) {
    let (here, there) = (machine(1, 0), machine(2, wall_off_ms));
    let (a, b) = (site.server("a", &here).await, site.server("b", &there).await);
    a.put(500).await;
    site.take(&a, 300).await.unwrap();
    live([&here, &there], 2_000).await;
    let before = a.ledger.health().await.unwrap();
    a.kill().await;
    there.advance(2_500);
    until("b takes over", || async { b.is_active() }).await;
    let left_ms = b.ledger.health().await.unwrap().window_ends_in_ms();
    let lag_ms = left_ms.checked_sub(before.window_ends_in_ms() - 2_500);
    (b, before, lag_ms.expect("a window is never shortened"))
}

#[tokio::test]
async fn a_window_goes_on_to_its_end_at_another_machine() {
    let offs_ms = [0, -7_000, 7_000, 50_000, -3_600_000, 3_600_000];
    join_all(offs_ms.map(goes_on_to_its_end)).await;
}

async fn goes_on_to_its_end(wall_off_ms: i64) {
    let mut site = Site::new().await;
    let (b, before, lag_ms) = taken_over(&mut site, wall_off_ms).await;
    let after = b.ledger.health().await.unwrap();
    // By another machine's wall clock it may reach into a later minute, which it then stands for.
    let minute = after.window.minute.clamp(before.window.minute, before.window.minute + 2);
    let same = WindowSpan { minute, ..before.window };
    assert_eq!(after.window, same, "{wall_off_ms}");
    // A sign of life is up to 400 ms old, a look up to 250 ms later.
    assert!(lag_ms < 1_000, "{wall_off_ms}: {lag_ms} ms longer");
    assert!(is_denied(&site.take(&b, 201).await));
    site.take(&b, 200).await.unwrap();
    // Not too near to its end, where leases of the next are granted.
    b.clock.advance(after.window_ends_in_ms() - 5_000);
    assert!(is_denied(&site.take(&b, 1).await));
    b.clock.advance(5_000);
    site.take(&b, 500).await.unwrap();
    let next = b.ledger.health().await.unwrap().window;
    assert_eq!(next.number, before.window.number + 1);
    assert!(next.ends_ms - next.opens_ms >= 59_940, "{next:?}");
    b.ledger.stop().await;
}

#[tokio::test]
async fn a_server_that_saw_none_alive_leaves_the_window_open() {
    let mut site = Site::new().await;
    let a = site.server("a", &machine(1, 0)).await;
    a.put(500).await;
    site.take(&a, 300).await.unwrap();
    let before = a.ledger.health().await.unwrap().window;
    a.ledger.stop().await;
    let b = site.server("b", &machine(2, -5_000)).await;
    assert!(b.is_active());
    assert_eq!(b.ledger.health().await.unwrap().window.number, before.number);
    assert!(is_denied(&site.take(&b, 201).await));
    b.ledger.stop().await;
}
