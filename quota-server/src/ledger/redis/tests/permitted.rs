//! What a user of Redis must be permitted, as docs/redis.md says it.

use quota_core::WindowKind;

use super::world::{World, put};
use crate::ledger::redis::RedisAddress;
use crate::ledger::redis::functions::Library;
use crate::ledger::redis::testing::{TestCluster, TestRedis, until};
use crate::ledger::{Ledger, Unavailable};

/// The words of `ACL SETUSER` on the page, under this heading.
fn permissions(heading: &str) -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/redis.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, rest) = page.split_once(heading).expect("the page has it");
    let (_, rest) = rest.split_once("ACL SETUSER quota on >secret ").expect("the page has it");
    let (line, _) = rest.split_once("\n```").expect("it ends");
    line.replace("\\\n", " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn as_quota(address: &RedisAddress) -> RedisAddress {
    address.to_string().replace("://", "://quota:secret@").parse().unwrap()
}

async fn permit(redis: &TestRedis, permissions: &str) {
    redis.ask(&format!("ACL SETUSER quota on >secret {permissions}")).await;
}

async fn load(redis: &TestRedis) {
    redis.load(Library::new().code()).await;
}

/// All that a server does in its life.
async fn live(world: &World) {
    let server = world.server().await;
    for (id, kind) in [("m", WindowKind::Minute), ("r", WindowKind::Rolling)] {
        server.0.put(put(id, 1_000, kind)).await.unwrap();
        let lease = server.granted(id, 1, 600).await;
        assert_eq!(server.give_back(lease, 100).await.tokens(), 100);
        assert!(server.acquire(id, 2, 600).await.is_err());
        server.0.put(put(id, 900, kind)).await.unwrap();
        server.0.windows(id.into(), 5).await.unwrap().unwrap();
        server.0.leases(id.into(), crate::ledger::FIRST_LEASE).await.unwrap().unwrap();
    }
    assert_eq!(server.0.overview().await.unwrap().len(), 2);
    server.0.inner.harvest_in_turn().await;
    server.0.health().await.unwrap();
    server.0.delete("m".into(), None).await.unwrap();
    server.0.inner.harvest_deleted().await;
}

/// But what a server asks for in vain, and what Redis 7.0 does not know.
async fn nothing_was_refused(redis: &TestRedis) {
    let log = format!("{:?}", redis.ask("ACL LOG").await);
    let refused = log.matches("reason").count();
    let known =
        ["\"config|get\"", "\"client|setinfo\""].map(|command| log.matches(command).count());
    assert_eq!(refused, known.iter().sum::<usize>(), "{log}");
}

#[tokio::test]
async fn the_shortest_list_is_enough() {
    let redis = TestRedis::start().await;
    permit(&redis, &permissions("### The shortest list")).await;
    load(&redis).await;
    let world = World::new(as_quota(&redis.address())).await;
    live(&world).await;
    nothing_was_refused(&redis).await;
}

#[tokio::test]
async fn all_but_what_is_dangerous_is_enough() {
    let redis = TestRedis::start().await;
    permit(&redis, &permissions("### All but what is dangerous")).await;
    let world = World::new(as_quota(&redis.address())).await;
    live(&world).await;
    nothing_was_refused(&redis).await;
}

#[tokio::test]
async fn the_shortest_list_is_enough_in_a_cluster() {
    let cluster = TestCluster::start().await;
    for node in &cluster.nodes {
        permit(node, &permissions("### The shortest list")).await;
        load(node).await;
    }
    let world = World::new(as_quota(&cluster.address())).await;
    live(&world).await;
    for node in &cluster.nodes {
        nothing_was_refused(node).await;
    }
}

#[tokio::test]
async fn a_library_that_is_missing_and_may_not_be_loaded_is_told() {
    let redis = TestRedis::start().await;
    permit(&redis, &permissions("### The shortest list")).await;
    let world = World::new(as_quota(&redis.address())).await;
    let trouble = world.try_server().await.err().unwrap().to_string();
    assert!(trouble.contains("quota-server redis-library"), "{trouble}");
    load(&redis).await;
    let server = world.server().await;
    server.put("m", 100).await;
    redis.ask("FUNCTION FLUSH").await;
    assert_eq!(server.0.health().await, Err(Unavailable::CannotWrite));
    load(&redis).await;
    until("it is there again", || server.works()).await;
    server.granted("m", 1, 10).await;
}

#[tokio::test]
async fn what_a_user_lacks_is_told_by_its_name() {
    let redis = TestRedis::start().await;
    permit(&redis, "~tl:* +@all -@dangerous").await;
    let world = World::new(as_quota(&redis.address())).await;
    let trouble = world.try_server().await.err().unwrap().to_string();
    assert!(trouble.contains("'info'"), "{trouble}");
}
