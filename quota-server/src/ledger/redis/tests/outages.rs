//! A Redis that does not answer, or refuses.

use super::world::{World, denial};
use crate::ledger::redis::testing::{TestRedis, until};
use crate::ledger::{Ledger, OpError, Unavailable};

fn cannot_write(outcome: &super::world::Outcome) -> bool {
    matches!(outcome, Err(OpError::Unavailable(Unavailable::CannotWrite)))
}

#[tokio::test]
async fn a_redis_that_hangs_hangs_nobody() {
    let redis = TestRedis::start().await;
    let world = World::new(redis.address()).await;
    let server = world.server().await;
    server.put("m", 100).await;
    redis.pause();
    assert!(cannot_write(&server.acquire("m", 1, 60).await));
    assert!(!server.works().await);
    redis.resume();
    until("Redis is back", || server.works()).await;
    // It happened when Redis went on, and the same request finds it.
    server.granted("m", 1, 60).await;
    assert!(denial(server.acquire("m", 2, 41).await).retry_after_ms > 0);
}

#[tokio::test]
async fn a_redis_that_takes_no_writes_is_not_ready() {
    let redis = TestRedis::start().await;
    let world = World::new(redis.address()).await;
    let server = world.server().await;
    server.put("m", 100).await;
    redis.ask("CONFIG SET min-replicas-to-write 1").await;
    assert!(!server.works().await);
    assert!(cannot_write(&server.acquire("m", 1, 1).await));
    redis.ask("CONFIG SET min-replicas-to-write 0").await;
    assert!(server.works().await);
    server.granted("m", 1, 1).await;
}

#[tokio::test]
async fn a_full_redis_refuses_and_changes_nothing() {
    let redis = TestRedis::start().await;
    let world = World::new(redis.address()).await;
    let server = world.server().await;
    server.put("m", 100).await;
    redis.ask("CONFIG SET maxmemory 1").await;
    assert!(cannot_write(&server.acquire("m", 1, 100).await));
    redis.ask("CONFIG SET maxmemory 0").await;
    server.granted("m", 2, 100).await;
}

#[tokio::test]
async fn a_stopped_ledger_says_so() {
    let redis = TestRedis::start().await;
    let world = World::new(redis.address()).await;
    let server = world.server().await;
    server.put("m", 100).await;
    server.0.stop().await;
    let refused = server.acquire("m", 1, 1).await;
    assert!(matches!(refused, Err(OpError::Unavailable(Unavailable::Stopping))), "{refused:?}");
}
