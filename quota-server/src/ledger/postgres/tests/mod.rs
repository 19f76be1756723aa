//! Several servers on one PostgreSQL: who writes, and that nobody else does.

mod by_hand;
mod limits;
mod site;
mod takeover;
mod time;

use crate::clock::manual::ManualClock;
use crate::ledger::{FIRST_LEASE, Ledger, OpError, PutError, Unavailable};
use site::{Site, is_denied, machine, take, until};

#[tokio::test]
async fn a_standby_reads_and_sends_writers_to_the_active_server() {
    let mut site = Site::new().await;
    let (a, b) = (site.server("a", &machine(1, 0)).await, site.server("b", &machine(2, 0)).await);
    assert!(a.is_active() && !b.is_active());
    a.put(500).await;
    let lease = site.take(&a, 300).await.unwrap();
    until("b follows", || async { b.granted().await == 300 }).await;
    let held = b.ledger.leases("a".into(), FIRST_LEASE).await.unwrap().unwrap().leases;
    assert_eq!(held.iter().map(|held| held.name).collect::<Vec<_>>(), [lease]);
    assert_eq!(&*held[0].holder, "gw-1/5f");
    assert_eq!(b.ledger.overview().await.unwrap()[0].1.standing.outstanding.tokens(), 300);
    assert_eq!(b.ledger.deployments().await, a.ledger.deployments().await);
    assert_eq!(b.ledger.deployment("a".into()).await, a.ledger.deployment("a".into()).await);
    assert!(b.ledger.health().await.is_ok());
    let elsewhere = Unavailable::Standby(a.url.clone());
    let refused = site.take(&b, 1).await;
    assert!(matches!(refused, Err(OpError::Unavailable(there)) if there == elsewhere));
    let deleted = b.ledger.delete("a".into(), None).await;
    assert_eq!(deleted, Err(PutError::Unavailable(elsewhere)));
    a.ledger.stop().await;
    b.ledger.stop().await;
    assert_eq!(b.ledger.health().await, Err(Unavailable::Stopping));
}

#[tokio::test]
async fn a_standby_follows_over_windows_as_a_restart_would_read_them() {
    let mut site = Site::new().await;
    let clock = ManualClock::new();
    let (a, b) = (site.server("a", &clock).await, site.server("b", &clock).await);
    a.put(500).await;
    for window in 0..6 {
        site.take(&a, 100 + window).await.unwrap();
        a.put(500 + window).await;
        if window == 3 {
            a.ledger.delete("a".into(), None).await.unwrap();
            a.put(700).await;
        }
        clock.advance(60_000);
        a.ledger.deployments().await.unwrap();
    }
    site.take(&a, 7).await.unwrap();
    until("b follows", || async { b.granted().await == 7 }).await;
    a.kill().await;
    until("b takes over", || async { b.is_active() }).await;
    let pages = b.ledger.windows("a".into(), 60).await.unwrap().unwrap();
    let granted: Vec<_> = pages.iter().map(|page| page.granted.tokens()).collect();
    assert_eq!(granted, [7, 105, 104, 103, 102, 101, 100]);
    assert_eq!(
        b.ledger.deployment("a".into()).await.unwrap().unwrap().policy.limit.tokens(),
        Some(505)
    );
    assert!(is_denied(&site.take(&b, 499).await));
    site.take(&b, 498).await.unwrap();
    b.ledger.stop().await;
}

#[tokio::test]
async fn a_standby_whose_entries_were_removed_reads_all_again() {
    let mut site = Site::new().await;
    let (a, b) = (site.server("a", &machine(1, 0)).await, site.server("b", &machine(2, 0)).await);
    a.put(500).await;
    site.take(&a, 100).await.unwrap();
    until("b follows", || async { b.granted().await == 100 }).await;
    // As if it had slept while entries were written and removed: two pass, the first is gone.
    site.on.sql(
        "BEGIN; LOCK TABLE journal IN ACCESS EXCLUSIVE MODE;
         INSERT INTO journal SELECT seq + 2, entry FROM journal WHERE seq = (SELECT max(seq) FROM journal);
         COMMIT",
    )
    .await;
    until("b notices", || async { b.ledger.health().await.is_err() || b.granted().await != 100 })
        .await;
    site.on.sql("DELETE FROM journal WHERE seq = (SELECT max(seq) FROM journal)").await;
    until("b reads all again", || async { b.granted().await == 100 }).await;
    site.take(&a, 50).await.unwrap();
    until("b follows", || async { b.granted().await == 150 }).await;
    b.ledger.stop().await;
    a.ledger.stop().await;
    let again = take(&a, 1, 99).await;
    assert!(matches!(again, Err(OpError::Unavailable(Unavailable::Stopping))));
}
