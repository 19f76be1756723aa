//! What Redis forgets is never granted twice.

use super::world::{Server, World, denial, is_quarantined};
use crate::ledger::redis::testing::{DURABLE, TestRedis, TestSentinel, until};
use crate::ledger::{FIRST_LEASE, Ledger, OpError};

/// Two servers; the first has spent 900 of 1 000.
async fn two_servers(redis: &TestRedis) -> (World, Server, Server) {
    let world = World::new(redis.address()).await;
    let (one, other) = (world.server().await, world.server().await);
    one.put("m", 1_000).await;
    one.granted("m", 1, 900).await;
    assert!(other.acquire("m", 2, 101).await.is_err());
    (world, one, other)
}

async fn back(server: &Server) {
    until("Redis is back", || server.works()).await;
}

#[tokio::test]
async fn a_restart_with_an_empty_memory_is_a_quarantine() {
    let mut redis = TestRedis::start().await;
    let (world, one, other) = two_servers(&redis).await;
    redis.restart_empty().await;
    for server in [&one, &other] {
        back(server).await;
        let denied = denial(server.acquire("m", 3, 1).await);
        assert_eq!(denied.state, quota_core::State::Quarantined);
        assert!(denied.retry_after_ms <= 122_000, "{denied:?}");
    }
    assert!(is_quarantined(world.server().await.acquire("m", 4, 1).await), "a fresh server too");
}

#[tokio::test]
async fn flushall_is_a_quarantine_and_leases_stay_valid() {
    let redis = TestRedis::start().await;
    let (_world, one, other) = two_servers(&redis).await;
    let lease = one.granted("m", 5, 10).await;
    redis.ask("FLUSHALL").await;
    assert!(is_quarantined(other.acquire("m", 3, 1).await));
    assert_eq!(one.give_back(lease, 10).await.tokens(), 0, "nothing is credited, and no error");
    one.put("new", 10).await;
    one.granted("new", 6, 10).await;
}

#[tokio::test]
async fn an_evicted_book_is_a_quarantine() {
    let redis = TestRedis::start().await;
    let (_world, one, _) = two_servers(&redis).await;
    redis.ask("DEL tl:{1}:book").await;
    assert!(is_quarantined(one.acquire("m", 3, 1).await));
}

#[tokio::test]
async fn an_old_snapshot_is_a_quarantine() {
    let mut redis = TestRedis::start_with(&["--save", ""]).await;
    let (world, one, other) = two_servers(&redis).await;
    redis.ask("SAVE").await;
    one.granted("m", 3, 50).await;
    redis.restart().await;
    back(&other).await;
    let fresh = world.server().await;
    assert!(is_quarantined(fresh.acquire("m", 4, 1).await));
    back(&one).await;
    assert!(is_quarantined(one.acquire("m", 4, 1).await));
}

#[tokio::test]
async fn what_a_durable_redis_had_is_there_after_a_crash() {
    let mut redis = TestRedis::start_durable().await;
    let (world, one, other) = two_servers(&redis).await;
    redis.kill();
    assert!(one.acquire("m", 3, 100).await.is_err());
    redis.restart().await;
    for server in [&one, &other] {
        back(server).await;
    }
    assert!(other.acquire("m", 4, 101).await.is_err(), "what was granted is still charged");
    other.granted("m", 5, 100).await;
    let fresh = world.server().await;
    assert!(fresh.acquire("m", 6, 1).await.is_err());
}

#[tokio::test]
async fn a_durable_redis_that_lost_its_disk_is_a_quarantine() {
    let mut redis = TestRedis::start_durable().await;
    let (_world, one, _) = two_servers(&redis).await;
    redis.restart_empty().await;
    back(&one).await;
    assert!(is_quarantined(one.acquire("m", 3, 1).await));
}

#[tokio::test]
async fn a_durable_redis_on_an_old_copy_of_its_disk_is_a_quarantine() {
    let mut redis = TestRedis::start_durable().await;
    let (_world, one, other) = two_servers(&redis).await;
    let kept = redis.copied().await;
    one.granted("m", 3, 100).await;
    redis.restart_with(&kept).await;
    back(&one).await;
    assert!(is_quarantined(one.acquire("m", 4, 1).await), "it saw more than there is");
    back(&other).await;
    assert!(is_quarantined(other.acquire("m", 4, 1).await), "and nobody is granted anything");
}

/// It alone asks after the loss, and was answered everything that the copy has.
#[tokio::test]
async fn an_old_copy_is_a_quarantine_also_for_a_server_that_saw_no_more_of_the_book() {
    let mut redis = TestRedis::start_durable().await;
    let (_world, one, other) = two_servers(&redis).await;
    let kept = redis.copied().await;
    one.granted("m", 3, 100).await;
    other.0.inner.look().await.unwrap();
    redis.restart_with(&kept).await;
    back(&other).await;
    assert!(is_quarantined(other.acquire("m", 4, 1).await));
    back(&one).await;
    assert!(is_quarantined(one.acquire("m", 4, 1).await));
}

/// What a fresh server meets may be older than what was answered, whatever it says of itself now.
#[tokio::test]
async fn a_replica_that_lagged_is_a_quarantine_when_it_comes_up_as_the_primary() {
    let primary = TestRedis::start_durable().await;
    let mut replica = TestRedis::start_durable().await;
    let (world, one, _) = two_servers(&primary).await;
    replica.ask(&format!("REPLICAOF 127.0.0.1 {}", primary.port)).await;
    until("the replica has it", || replica.says("EXISTS tl:{1}:book", "1")).await;
    replica.kill();
    one.granted("m", 3, 100).await;
    replica.restart().await;
    let moved = world.moved(replica.address()).server().await;
    assert!(is_quarantined(moved.acquire("m", 4, 1).await), "it lacks the last grant");
}

#[tokio::test]
async fn a_redis_that_comes_back_durable_without_its_last_writes_is_a_quarantine() {
    let mut redis =
        TestRedis::start_with(&["--save", "", "--appendonly", "yes", "--appendfsync", "no"]).await;
    let (world, one, _) = two_servers(&redis).await;
    let kept = redis.copied().await;
    one.granted("m", 3, 100).await;
    redis.restart_with(&kept).await;
    redis.reconfigure(&DURABLE).await;
    assert!(is_quarantined(world.server().await.acquire("m", 4, 1).await));
}

/// Numbers are given again.
#[tokio::test]
async fn a_catalogue_from_a_backup_meets_books_of_other_deployments() {
    let redis = TestRedis::start().await;
    let (world, one, _) = two_servers(&redis).await;
    let lease = one.granted("m", 5, 50).await;
    let restored = World::restored(redis.address()).await;
    let server = restored.server().await;
    server.put("other", 100).await;
    for tokens in [50, 100] {
        assert!(is_quarantined(server.acquire("other", u128::from(tokens), tokens).await));
    }
    assert_eq!(server.give_back(lease, 50).await.tokens(), 0, "it is another deployment's");
    let shown = server.0.overview().await.unwrap().remove(0).1;
    assert_eq!(shown.standing.limit.tokens(), Some(100));
    drop(world);
}

/// The book has a limit that the catalogue lacks: whoever puts the one that is shown means it.
#[tokio::test]
async fn a_limit_that_is_put_again_after_a_restore_is_in_force() {
    let redis = TestRedis::start().await;
    let world = World::new(redis.address()).await;
    let server = world.server().await;
    server.put("m", 100).await;
    server.granted("m", 1, 10).await;
    let backup = world.backup();
    server.put("m", 1_000).await;
    drop(server);
    let server = world.on_backup(backup).await.server().await;
    let shown = server.0.deployment("m".into()).await.unwrap().unwrap();
    assert_eq!(shown.policy.limit.tokens(), Some(100));
    server.put("m", 100).await;
    let denied = denial(server.acquire("m", 2, 91).await);
    assert_ne!(denied.state, quota_core::State::Quarantined);
    server.granted("m", 3, 90).await;
    let again = server.put("m", 100).await;
    assert_eq!(again.version, server.put("m", 100).await.version, "nothing changes any more");
}

#[tokio::test]
async fn a_promoted_replica_is_a_quarantine() {
    let mut primary = TestRedis::start().await;
    let replica = TestRedis::start().await;
    replica.ask(&format!("REPLICAOF 127.0.0.1 {}", primary.port)).await;
    until("the replica follows", || replica.says("INFO replication", "master_link_status:up"))
        .await;
    let (world, one, _) = two_servers(&primary).await;
    until("the replica has it", || replica.says("EXISTS tl:{1}:book", "1")).await;
    primary.kill();
    replica.ask("REPLICAOF NO ONE").await;
    // As Sentinel would have it: the same servers, told of another address.
    let moved = world.moved(replica.address()).server().await;
    assert!(is_quarantined(moved.acquire("m", 3, 1).await), "it may have missed writes");
    drop(one);
    let held = moved.0.leases("m".into(), FIRST_LEASE).await.unwrap().unwrap().leases;
    assert_eq!(held.len(), 1, "leases stay valid");
}

#[tokio::test]
async fn sentinel_names_the_next_primary_and_its_window_is_a_quarantine() {
    let mut site = TestSentinel::start().await;
    let world = World::new(site.address()).await;
    let server = world.server().await;
    server.put("m", 1_000).await;
    server.granted("m", 1, 900).await;
    until("the replica has it", || site.replica.says("EXISTS tl:{1}:book", "1")).await;
    site.lose_primary().await;
    let acquire = || async {
        let outcome = server.acquire("m", 2, 1).await;
        assert!(outcome.is_err(), "never granted");
        matches!(outcome, Err(OpError::Refused { .. }))
    };
    until("the promoted one answers", acquire).await;
    assert!(is_quarantined(server.acquire("m", 3, 1).await));
    assert!(server.works().await);
}
