//! A journal in which limits change, one that cannot be followed, and a server that comes back
//! under its own address.

use super::site::{Site, cannot_write, is_denied, machine, take, until};
use crate::ledger::{Ledger, OpError, Unavailable};

#[tokio::test]
async fn a_limit_that_is_lowered_below_what_is_out_is_followed_and_read_back() {
    let mut site = Site::new().await;
    let a = site.server("a", &machine(1, 0)).await;
    a.put(100).await;
    assert!(site.take(&a, 150).await.is_err(), "it never fits");
    a.put(1_000).await;
    site.take(&a, 900).await.unwrap();
    a.put(50).await;
    let b = site.server("b", &machine(2, 0)).await;
    assert_eq!(b.granted().await, 900, "a standby that joins follows");
    a.ledger.stop().await;
    until("b takes over", || async { b.is_active() }).await;
    assert!(is_denied(&site.take(&b, 1).await));
    b.ledger.stop().await;
    let c = site.server("c", &machine(3, 0)).await;
    assert!(c.is_active());
    assert!(is_denied(&site.take(&c, 1).await));
    c.put(1_000).await;
    site.take(&c, 100).await.unwrap();
    assert!(is_denied(&site.take(&c, 1).await));
    c.ledger.stop().await;
}

#[tokio::test]
async fn a_server_that_is_started_again_sends_nobody_to_itself() {
    let site = Site::new().await;
    let clock = machine(1, 0);
    let a = site.server("a", &clock).await;
    a.put(500).await;
    a.kill().await;
    let again = site.server("a", &clock).await;
    let refused = take(&again, 1, 7).await;
    assert!(
        matches!(refused, Ok(_) | Err(OpError::Unavailable(Unavailable::CannotWrite))),
        "{refused:?}"
    );
    until("it writes again", || async { take(&again, 1, 7).await.is_ok() }).await;
    again.ledger.stop().await;
}

#[tokio::test]
async fn a_journal_that_cannot_be_followed_is_quarantined_and_gone_on_with() {
    let mut site = Site::new().await;
    let clock = machine(1, 0);
    let a = site.server("a", &clock).await;
    a.put(500).await;
    for _ in 0..3 {
        site.take(&a, 100).await.unwrap();
    }
    a.ledger.stop().await;
    site.on.sql("DELETE FROM journal WHERE seq = (SELECT max(seq) - 1 FROM journal)").await;
    let b = site.server("b", &clock).await;
    for _ in 0..2 {
        until("it takes over", || async { b.is_active() }).await;
        cannot_write(&site.take(&b, 1).await);
        assert!(b.ledger.deployment("a".into()).await.unwrap().is_some());
        clock.advance(60_000);
    }
    until("it is over", || async { b.ledger.health().await.is_ok() }).await;
    site.take(&b, 500).await.unwrap();
    assert!(is_denied(&site.take(&b, 1).await));
    b.ledger.stop().await;
}
