//! What an operator does to the journal beside the servers.

use super::site::{Site, machine, take, until};
use crate::journal::{self, Place};
use crate::ledger::Ledger;

#[tokio::test]
async fn a_quarantine_by_hand_is_noticed_by_the_active_server_and_by_who_takes_over() {
    let mut site = Site::new().await;
    let (a, b) = (site.server("a", &machine(1, 0)).await, site.server("b", &machine(2, 0)).await);
    a.put(500).await;
    site.take(&a, 100).await.unwrap();
    let mut shard = journal::open(&Place::Postgres((&site.on.url).into())).await.unwrap().remove(0);
    let number = shard.number_of("a").unwrap();
    let seq = shard.quarantine(Some(number)).await.unwrap();
    // Its next commit finds the number taken: a commit that fails.
    assert!(site.take(&a, 1).await.is_err());
    let warned = ["1 deployments are quarantined: a".to_owned()];
    until("a has read it", || async { a.ledger.warnings() == warned }).await;
    assert!(a.is_active() && site.take(&a, 1).await.is_err());
    a.kill().await;
    until("b takes over", || async { b.is_active() }).await;
    until("b quarantines", || async { b.ledger.warnings() == warned }).await;
    assert!(site.take(&b, 1).await.is_err());
    shard.hold_still().await.unwrap();
    let followed = shard.follow().await.unwrap();
    assert!(followed.first_fault.is_none() && followed.entries > seq, "{followed:?}");
    assert_eq!(followed.in_doubt, ["a"]);
}

/// A database whose last entry is damaged, and that entry.
async fn damaged() -> (Site, (i64, Vec<u8>)) {
    let mut site = Site::new().await;
    let a = site.server("a", &machine(1, 0)).await;
    a.put(500).await;
    site.take(&a, 100).await.unwrap();
    a.kill().await;
    let mut connection = site.on.connect().await;
    let damage = "UPDATE journal SET entry = set_byte(entry, 9, get_byte(entry, 9) # 1)
         WHERE seq = (SELECT max(seq) FROM journal) RETURNING seq, entry";
    let entry = sqlx::query_as(damage).fetch_one(&mut connection).await.unwrap();
    (site, entry)
}

#[tokio::test]
async fn what_cannot_be_followed_is_kept_in_a_table() {
    let (site, entry) = damaged().await;
    for _ in 0..2 {
        let again = site.server("again", &machine(1, 0)).await;
        until("it is active", || async { again.is_active() }).await;
        let kept = "SELECT seq, entry FROM quarantine WHERE why LIKE '%checksum%'";
        until("it is kept", || async {
            let mut connection = site.on.connect().await;
            let kept: Vec<(i64, Vec<u8>)> =
                sqlx::query_as(kept).fetch_all(&mut connection).await.unwrap();
            kept == [entry.clone()]
        })
        .await;
        again.kill().await;
    }
}

#[tokio::test]
async fn a_server_that_may_not_keep_what_cannot_be_followed_serves_all_the_same() {
    let (mut site, _) = damaged().await;
    // As after an update by the owner, and no grant on the table that is new.
    site.on
        .sql(
            "CREATE ROLE another LOGIN; GRANT ALL ON SCHEMA public TO another;
             GRANT ALL ON ALL TABLES IN SCHEMA public TO another;
             REVOKE ALL ON quarantine FROM another",
        )
        .await;
    site.on.url = site.on.url.replace("tokenlease@", "another@");
    let again = site.server("again", &machine(1, 0)).await;
    until("it is active", || async { again.is_active() }).await;
    until("the quarantine is over", || async {
        again.clock.advance(1_000);
        take(&again, 500, 99).await.is_ok()
    })
    .await;
    let kept = sqlx::query_scalar("SELECT count(*) FROM quarantine");
    let kept: i64 = kept.fetch_one(&mut site.on.connect().await).await.unwrap();
    assert_eq!(kept, 0, "it may not");
    again.kill().await;
}
