//! Whatever becomes of the active server, another goes on with what was left.

use std::time::Duration;

use quota_core::{Amount, State};
use sqlx::Executor;
use tokio::time::sleep;

use super::site::{Server, Site, cannot_write, is_denied, machine, take, until};
use crate::ledger::{Ledger, OpError, Reply, Unavailable};

#[tokio::test]
async fn a_killed_server_is_taken_over_and_its_leases_can_be_given_back_once() {
    let mut site = Site::new().await;
    let (a, b) = (site.server("a", &machine(1, 0)).await, site.server("b", &machine(2, 0)).await);
    a.put(500).await;
    let lease = take(&a, 300, 77).await.unwrap();
    a.kill().await;
    until("b takes over", || async { b.is_active() }).await;
    assert_eq!(take(&b, 300, 77).await.unwrap(), lease, "found by its request");
    assert!(is_denied(&site.take(&b, 201).await));
    for credited in [120, 0] {
        let total = Amount::new(120, 0);
        let reply = b.one(lease.give_back(total, false)).await.unwrap();
        let Reply::Returned(returned) = reply else { panic!("{reply:?}") };
        assert_eq!(returned.credited.tokens(), credited);
    }
    site.take(&b, 320).await.unwrap();
    assert!(is_denied(&site.take(&b, 1).await));
    b.ledger.stop().await;
}

#[tokio::test]
async fn a_server_that_stops_is_taken_over_at_the_next_look() {
    let mut site = Site::new().await;
    let (a, b) = (site.server("a", &machine(1, 0)).await, site.server("b", &machine(2, 0)).await);
    a.put(500).await;
    site.take(&a, 300).await.unwrap();
    a.ledger.stop().await;
    until("b is elected", || async { b.is_active() }).await;
    assert!(is_denied(&site.take(&b, 201).await));
    site.take(&b, 200).await.unwrap();
    b.ledger.stop().await;
}

#[tokio::test]
async fn a_server_that_was_held_up_for_long_finds_itself_a_standby() {
    let mut site = Site::new().await;
    let (a, b) = (site.server("a", &machine(1, 0)).await, site.server("b", &machine(2, 0)).await);
    a.put(500).await;
    site.take(&a, 300).await.unwrap();
    // Its commit waits, its sign of life too; the other takes over meanwhile.
    let mut holder = site.on.connect().await;
    holder.execute("BEGIN; LOCK TABLE journal IN SHARE MODE").await.unwrap();
    let (late, ()) = tokio::join!(take(&a, 150, 78), async {
        until("b is elected", || async { b.is_active() }).await;
        holder.execute("COMMIT").await.unwrap();
    });
    cannot_write(&late);
    assert!(is_denied(&site.take(&b, 201).await));
    site.take(&b, 200).await.unwrap();
    until("a stands by", || async { !a.is_active() && a.granted().await == 500 }).await;
    let elsewhere = take(&a, 150, 78).await;
    assert!(
        matches!(&elsewhere, Err(OpError::Unavailable(Unavailable::Standby(url))) if *url == b.url),
        "{elsewhere:?}"
    );
    // And back again.
    b.ledger.stop().await;
    until("a takes over", || async { a.is_active() }).await;
    assert!(is_denied(&site.take(&a, 1).await));
    a.ledger.stop().await;
}

/// The server that grants: after an outage both may believe for a moment that they write.
async fn who_grants(servers: [&Server; 2], request: u128) -> &Server {
    for _ in 0..500 {
        for server in servers {
            if take(server, 1, request).await.is_ok() {
                return server;
            }
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("neither goes on");
}

/// As a restore does that keeps the timeline: the last entry is gone, and so are all connections.
async fn put_back(site: &Site) {
    let last_and_connections = "BEGIN;
        LOCK TABLE journal;
        DELETE FROM journal WHERE seq = (SELECT max(seq) FROM journal);
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE pid <> pg_backend_pid() AND datname = current_database();
        COMMIT";
    site.on.sql(last_and_connections).await;
}

#[tokio::test]
async fn a_database_that_was_put_back_under_its_writer_is_quarantined() {
    let mut site = Site::new().await;
    let clock = machine(1, 0);
    let a = site.server("a", &clock).await;
    a.put(1_000).await;
    site.take(&a, 100).await.unwrap();
    site.take(&a, 900).await.unwrap();
    put_back(&site).await;
    until("a notices", || async { a.ledger.health().await.is_err() }).await;
    for _ in 0..50 {
        cannot_write(&site.take(&a, 900).await);
        sleep(Duration::from_millis(20)).await;
    }
    // Who takes over finds the doubt.
    let b = site.server("b", &clock).await;
    a.ledger.stop().await;
    until("b takes over", || async { b.is_active() }).await;
    cannot_write(&site.take(&b, 900).await);
    b.ledger.stop().await;
}

/// The writer is gone by then, or is fenced before it has compared.
#[tokio::test]
async fn a_database_that_was_put_back_is_quarantined_by_who_had_followed_it() {
    let mut site = Site::new().await;
    let clock = machine(1, 0);
    let (a, b) = (site.server("a", &clock).await, site.server("b", &clock).await);
    a.put(1_000).await;
    site.take(&a, 100).await.unwrap();
    site.take(&a, 900).await.unwrap();
    until("b follows", || async { b.granted().await == 1_000 }).await;
    a.kill().await;
    put_back(&site).await;
    until("b takes over", || async { b.is_active() }).await;
    for _ in 0..2 {
        cannot_write(&site.take(&b, 1).await);
        clock.advance(60_000);
    }
    until("it is over", || async { b.ledger.health().await.is_ok() }).await;
    site.take(&b, 1_000).await.unwrap();
    b.ledger.stop().await;
}

/// Then the writer is no writer any more, by the row that it finds.
#[tokio::test]
async fn a_database_from_before_its_writer_was_elected_is_quarantined() {
    let mut site = Site::new().await;
    let clock = machine(1, 0);
    let a = site.server("a", &clock).await;
    a.put(1_000).await;
    site.take(&a, 900).await.unwrap();
    site.on
        .sql("UPDATE leader SET epoch = epoch - 1, server = 'x', renewed_at = '-infinity'")
        .await;
    put_back(&site).await;
    until("it is quarantined", || async {
        let refused = take(&a, 900, 900).await;
        assert!(refused.is_err(), "{refused:?}");
        let overview = a.ledger.overview().await.unwrap_or_default();
        overview.iter().any(|(_, seen)| seen.standing.state == State::Quarantined)
    })
    .await;
    a.ledger.stop().await;
}

#[tokio::test]
async fn a_restart_of_postgresql_loses_nothing() {
    let mut site = Site::alone().await;
    let (a, b) = (site.server("a", &machine(1, 0)).await, site.server("b", &machine(2, 0)).await);
    a.put(10_000).await;
    let (mut writer, mut granted) = (&a, 0);
    for round in 1..=3 {
        for _ in 0..5 {
            site.take(writer, 100).await.unwrap();
        }
        site.on.postgres.restart().await;
        writer = who_grants([&a, &b], 1_000 + round).await;
        granted += 501;
        assert_eq!(writer.granted().await, granted, "round {round}");
    }
    assert!(is_denied(&site.take(writer, 10_001 - granted).await));
    site.take(writer, 10_000 - granted).await.unwrap();
    a.ledger.stop().await;
    b.ledger.stop().await;
}

#[tokio::test]
async fn after_a_promotion_nothing_is_granted_until_no_lost_grant_can_count() {
    let mut site = Site::new().await;
    let clock = machine(1, 0);
    let (a, b) = (site.server("a", &clock).await, site.server("b", &clock).await);
    a.put(500).await;
    site.take(&a, 100).await.unwrap();
    // As the replica has it: an older journal, which nobody knows to be older.
    site.on.sql("UPDATE leader SET timeline = '00000000'").await;
    a.ledger.stop().await;
    until("b takes over", || async { b.is_active() }).await;
    for _ in 0..2 {
        cannot_write(&site.take(&b, 1).await);
        assert_eq!(b.ledger.health().await, Err(Unavailable::CannotWrite));
        assert!(b.ledger.deployment("a".into()).await.unwrap().is_some());
        assert_eq!(b.ledger.overview().await.unwrap()[0].1.standing.state, State::Quarantined);
        clock.advance(60_000);
    }
    until("it is over", || async { b.ledger.health().await.is_ok() }).await;
    assert_eq!(b.ledger.overview().await.unwrap()[0].1.standing.state, State::Ok);
    site.take(&b, 500).await.unwrap();
    b.ledger.stop().await;
}
