//! What an operator does to the journal beside the servers.

use super::site::{Site, machine, until};
use crate::journal::{self, Place};
use crate::ledger::Ledger;

#[tokio::test]
async fn a_quarantine_by_hand_is_noticed_by_the_active_server_and_by_who_takes_over() {
    let mut site = Site::new().await;
    let (a, b) = (site.server("a", &machine(1, 0)).await, site.server("b", &machine(2, 0)).await);
    a.put(500).await;
    site.take(&a, 100).await.unwrap();
    let mut shard = journal::open(&Place::Postgres(site.on.url.clone())).await.unwrap().remove(0);
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

#[tokio::test]
async fn what_cannot_be_followed_is_kept_in_a_table() {
    let mut site = Site::new().await;
    let a = site.server("a", &machine(1, 0)).await;
    a.put(500).await;
    site.take(&a, 100).await.unwrap();
    a.kill().await;
    let mut connection = site.on.connect().await;
    let damage = "UPDATE journal SET entry = set_byte(entry, 9, get_byte(entry, 9) # 1)
         WHERE seq = (SELECT max(seq) FROM journal) RETURNING seq, entry";
    let (seq, entry): (i64, Vec<u8>) =
        sqlx::query_as(damage).fetch_one(&mut connection).await.unwrap();
    for _ in 0..2 {
        let again = site.server("again", &machine(1, 0)).await;
        until("it is active", || async { again.is_active() }).await;
        let kept = "SELECT seq, entry FROM quarantine WHERE why LIKE '%checksum%'";
        until("it is kept", || async {
            let mut connection = site.on.connect().await;
            let kept: Vec<(i64, Vec<u8>)> =
                sqlx::query_as(kept).fetch_all(&mut connection).await.unwrap();
            kept == [(seq, entry.clone())]
        })
        .await;
        again.kill().await;
    }
}
