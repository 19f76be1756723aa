//! A Redis that takes no writes refuses them before anything changed.

use quota_core::{Amount, WindowKind};
use redis::{Cmd, Value};

use super::world::{World, gw, policy};
use crate::ledger::redis::book::{Answer, Operation, Reply};
use crate::ledger::redis::testing::{TestRedis, until};

fn denied(world: &World) -> Cmd {
    let denied = Operation::Denied(Amount::new(1, 1));
    world.call().run(&world.library, [(&gw(1), denied)])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_redis() {
    let redis = TestRedis::start().await;
    let mut world = World::of(&redis, 1);
    world.open(&policy(WindowKind::Minute, 1_000), true);
    redis.ask("CONFIG SET maxmemory 1").await;
    let command = denied(&world);
    let refused = command.query::<Value>(&mut world.redis).unwrap_err();
    assert_eq!(refused.code(), Some("OOM"));
    redis.ask("CONFIG SET maxmemory 0").await;
    let pages = world.call().pages(&world.library);
    let (_, Answer::Pages(_, pages)) = world.ask(&pages) else { panic!("no pages") };
    assert_eq!(pages, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica() {
    let primary = TestRedis::start().await;
    let replica = TestRedis::start().await;
    let mut world = World::of(&primary, 1);
    world.open(&policy(WindowKind::Minute, 1_000), true);
    replica.ask(&format!("REPLICAOF 127.0.0.1 {}", primary.port)).await;
    until("the replica is there", || async {
        format!("{:?}", replica.ask("INFO replication").await).contains("master_link_status:up")
    })
    .await;
    world.reconnect(&replica);
    let command = denied(&world);
    let refused = command.query::<Value>(&mut world.redis).unwrap_err();
    assert_eq!(refused.code(), Some("READONLY"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_too_old_changes_nothing() {
    let redis = TestRedis::start().await;
    let mut world = World::of(&redis, 1);
    let command = denied(&world);
    assert_eq!(world.send(&command), Reply::Missing);
    world.open(&policy(WindowKind::Minute, 1_000), true);
    world.version = 2;
    let command = denied(&world);
    assert!(matches!(world.send(&command), Reply::Outdated(mark) if mark.version == 1));
    world.version = 1;
    assert_eq!(world.configure(&policy(WindowKind::Minute, 500)), Answer::Configured);
    // A late one of before.
    world.version = 1;
    let command = world.call().configure(&world.library, &policy(WindowKind::Minute, 900));
    assert_eq!(world.ask(&command).1, Answer::Configured);
    let command = world.call().standing(&world.library);
    let (_, Answer::Standing(_, standing)) = world.ask(&command) else { panic!("no standing") };
    assert_eq!(standing.limit.tokens(), Some(500));
}
