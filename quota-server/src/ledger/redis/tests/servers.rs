//! Several servers on one Redis.

use quota_core::{Limit, State, WindowKind};

use super::world::{World, acquire, caller, denial, granted, put};
use crate::ledger::redis::testing::{TestCluster, TestRedis};
use crate::ledger::{Expected, Ledger, OpError, PutError};

#[tokio::test]
async fn a_lease_of_one_server_is_returned_through_another() {
    let redis = TestRedis::start().await;
    let world = World::new(redis.address()).await;
    let (one, other) = (world.server().await, world.server().await);
    one.put("m", 1_000).await;
    let lease = one.granted("m", 1, 1_000).await;
    assert_eq!(denial(other.acquire("m", 2, 1).await).state, State::Endgame);
    assert_eq!(other.give_back(lease, 400).await.tokens(), 400);
    assert_eq!(one.give_back(lease, 400).await.tokens(), 0, "once");
    assert_eq!(other.granted("m", 1, 1_000).await, lease, "the same request, the same lease");
    other.granted("m", 3, 400).await;
    assert!(one.acquire("m", 4, 1).await.is_err());
}

#[tokio::test]
async fn a_limit_changed_through_one_holds_for_the_other_at_once() {
    let redis = TestRedis::start().await;
    let world = World::new(redis.address()).await;
    let (one, other) = (world.server().await, world.server().await);
    one.put("m", 1_000).await;
    other.granted("m", 1, 100).await;
    assert_eq!(one.put("m", 100).await.version, 2);
    assert!(other.acquire("m", 2, 1).await.is_err());
    other.put("m", 300).await;
    granted(one.acquire("m", 3, 200).await);
    assert!(one.acquire("m", 4, 1).await.is_err());
}

#[tokio::test]
async fn deployments_are_the_same_everywhere() {
    let redis = TestRedis::start().await;
    let world = World::new(redis.address()).await;
    let (one, other) = (world.server().await, world.server().await);
    assert!(one.put("a", 5).await.created);
    assert!(!other.put("a", 5).await.created);
    other.put("b", 5).await;
    let ids = |stored: Vec<crate::ledger::Stored>| {
        stored.iter().map(|one| one.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids(one.0.deployments().await.unwrap()), ["a", "b"]);
    let stale = Some(Expected::Version(7));
    assert_eq!(one.0.delete("b".into(), stale).await, Err(PutError::Unexpected));
    assert_eq!(one.0.delete("b".into(), None).await, Ok(Some(())));
    assert_eq!(other.0.delete("b".into(), None).await, Ok(None));
    assert_eq!(ids(other.0.deployments().await.unwrap()), ["a"]);
    let none = other.acquire("b", 1, 1).await;
    assert!(matches!(none, Err(OpError::NoSuchDeployment)), "{none:?}");
}

#[tokio::test]
async fn what_is_made_elsewhere_is_found_though_it_was_missing_a_moment_ago() {
    let redis = TestRedis::start().await;
    let world = World::new(redis.address()).await;
    let (one, other) = (world.server().await, world.server().await);
    for request in 0..3 {
        let id = format!("m-{request}");
        assert!(matches!(other.acquire(&id, request, 1).await, Err(OpError::NoSuchDeployment)));
        one.put(&id, 100).await;
        other.granted(&id, request, 100).await;
    }
}

#[tokio::test]
async fn a_deleted_deployment_comes_back_with_what_it_was_granted() {
    let redis = TestRedis::start().await;
    let world = World::new(redis.address()).await;
    let server = world.server().await;
    server.put("m", 1_000).await;
    let lease = server.granted("m", 1, 900).await;
    server.0.delete("m".into(), None).await.unwrap();
    assert_eq!(server.give_back(lease, 100).await.tokens(), 100, "leases stay valid");
    assert!(server.put("m", 1_000).await.created);
    assert!(server.acquire("m", 2, 201).await.is_err());
    server.granted("m", 3, 200).await;
}

#[tokio::test]
async fn the_kind_of_window_changes_only_at_rest() {
    let redis = TestRedis::start().await;
    let world = World::new(redis.address()).await;
    let server = world.server().await;
    server.put("idle", 100).await;
    server.put("busy", 100).await;
    server.granted("busy", 1, 1).await;
    server.0.put(put("idle", 100, WindowKind::Rolling)).await.unwrap();
    let refused = server.0.put(put("busy", 100, WindowKind::Rolling)).await;
    assert_eq!(refused, Err(PutError::KindIsFixed));
    server.put("busy", 1).await;
    assert!(server.acquire("busy", 2, 1).await.is_err(), "a later limit still reaches the book");
}

#[tokio::test]
async fn a_batch_is_answered_in_order_over_a_cluster() {
    let cluster = TestCluster::start().await;
    let world = World::new(cluster.address()).await;
    let server = world.server().await;
    let ids: Vec<String> = (0..12).map(|no| format!("m-{no}")).collect();
    for id in &ids {
        server.put(id, 100).await;
    }
    let wishes = (0..36).map(|no| acquire(&ids[no % 12], 50 + no as u128, 40)).collect();
    let outcomes = server.0.run(caller(), wishes).await;
    for (no, outcome) in outcomes.into_iter().enumerate() {
        assert_eq!(outcome.is_ok(), no < 24, "two of three fit: {no}");
    }
    assert!(server.works().await);
}

#[tokio::test]
async fn another_catalogue_keeps_off() {
    use crate::ledger::redis::{RedisConfig, RedisLedger};
    let redis = TestRedis::start().await;
    let world = World::new(redis.address()).await;
    let _first = world.server().await;
    let folder = tempfile::TempDir::new().unwrap();
    let config = RedisConfig::new(redis.address(), folder.path(), "other".to_owned());
    let clock = std::sync::Arc::new(crate::clock::SystemClock::new());
    let opened = RedisLedger::open(&config, clock, &Default::default(), Default::default()).await;
    let ledger = opened.unwrap();
    assert!(ledger.health().await.is_err());
    let trouble = ledger.trouble().unwrap();
    assert!(trouble.contains("another catalogue"), "{trouble}");
    ledger.stop().await;
}

#[tokio::test]
async fn a_limit_reaches_a_book_that_is_ahead_of_the_catalogue() {
    let redis = TestRedis::start().await;
    let world = World::new(redis.address()).await;
    let server = world.server().await;
    server.put("m", 1_000).await;
    // A change that reached the book, and that the catalogue has lost.
    let inner = &server.0.inner;
    let mut lost = inner.register.live("m").unwrap().entry.clone();
    lost.row.version = 5;
    lost.row.policy.limit = Limit::new(Some(500), None);
    inner.configure(std::sync::Arc::new(inner.register.beside(lost))).await.unwrap();
    assert!(server.acquire("m", 1, 501).await.is_err());
    assert_eq!(server.put("m", 50).await.version, 6);
    assert!(server.acquire("m", 2, 51).await.is_err());
    server.granted("m", 3, 50).await;
}

#[tokio::test]
async fn a_put_that_changes_nothing_still_tells_a_book_that_was_not_told() {
    let redis = TestRedis::start().await;
    let world = World::new(redis.address()).await;
    let (one, other) = (world.server().await, world.server().await);
    one.put("m", 1_000).await;
    other.granted("m", 1, 1).await;
    for (version, limit) in [(2, 100), (3, 50)] {
        // Redis went away after the catalogue was written.
        let lowered = put("m", limit, WindowKind::Minute);
        one.0
            .inner
            .catalogue
            .put(&lowered, crate::store::catalogue::InBook::default())
            .await
            .unwrap();
        let again = one.put("m", limit).await;
        assert_eq!((again.version, again.created), (version, false));
        assert!(other.acquire("m", 2, limit).await.is_err(), "though it knows nothing of it");
    }
}
