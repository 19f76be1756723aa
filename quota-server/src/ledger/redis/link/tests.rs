use std::time::Duration;

use redis::cmd;

use super::super::testing::{TestCluster, TestRedis, until};
use super::*;

const LIBRARY: &str = "#!lua name=links
redis.register_function('links_count', function(keys) return redis.call('INCR', keys[1]) end)
redis.register_function('tl_test_probe', function() return 1 end)";

/// What is known of a Redis that keeps everything, at first.
const NEW: Trust = Trust { keeps: true, vouched: None, term: 0 };

struct World {
    link: Link,
    stop: CancellationToken,
}

impl World {
    fn new(address: RedisAddress) -> Self {
        let stop = CancellationToken::new();
        Self {
            link: Link::begin(
                address,
                Library::of(LIBRARY, "test"),
                &TaskTracker::new(),
                stop.clone(),
            ),
            stop,
        }
    }

    async fn reached(address: RedisAddress) -> Self {
        let world = Self::new(address);
        world.link.reached(Duration::from_secs(10)).await.unwrap();
        world
    }

    async fn count(&self, keys: &[&str]) -> Vec<Result<Value, LinkError>> {
        let calls: Vec<Cmd> =
            keys.iter().map(|key| cmd("FCALL").arg("links_count").arg(1).arg(key).take()).collect();
        self.link.run(calls).await
    }

    /// What is known of the Redis of the next call.
    async fn trust(&self) -> Trust {
        let mut told = Trust::default();
        self.link.agree(self.link.process().map(|process| Agreed { process, term: 0 }));
        self.link
            .call(|trust| {
                told = trust.clone();
                vec![cmd("PING")]
            })
            .await;
        told
    }

    async fn one(&self) -> Result<Value, LinkError> {
        self.count(&["one"]).await.remove(0)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn numbers(answers: Vec<Result<Value, LinkError>>) -> Vec<i64> {
    let number = |answer: Result<Value, _>| match answer.unwrap() {
        Value::Int(number) => number,
        other => panic!("{other:?}"),
    };
    answers.into_iter().map(number).collect()
}

#[tokio::test]
async fn commands_are_answered_in_their_order() {
    let redis = TestRedis::start().await;
    let world = World::reached(redis.address()).await;
    assert_eq!(numbers(world.count(&["a", "b", "a", "a"]).await), [1, 1, 2, 3]);
    redis.ask("SET text no").await;
    let mixed = world.count(&["a", "text", "a"]).await;
    assert!(matches!(mixed[1], Err(LinkError::Failed(_))), "{mixed:?}");
    assert!(mixed[0].is_ok() && mixed[2].is_ok(), "an error of one is not the others'");
}

#[tokio::test]
async fn a_cluster_is_asked_where_the_key_is() {
    let cluster = TestCluster::start().await;
    let world = World::reached(cluster.address()).await;
    let keys: Vec<String> = (0..40).map(|no| format!("key-{}", no % 20)).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let counted = numbers(world.count(&keys).await);
    assert_eq!(counted, [[1; 20], [2; 20]].concat());
    let names = world.link.everywhere(cmd("PING")).await.unwrap();
    assert_eq!(names.len(), 3, "every master is asked");
}

#[tokio::test]
async fn a_redis_that_starts_empty_gets_the_library_again() {
    let mut redis = TestRedis::start().await;
    let world = World::reached(redis.address()).await;
    numbers(world.count(&["one"]).await);
    redis.ask("FUNCTION FLUSH").await;
    assert_eq!(numbers(world.count(&["one", "one"]).await), [2, 3], "nothing was done twice");
    redis.restart_empty().await;
    let world = &world;
    until("the link is back", || async move { world.one().await.is_ok() }).await;
    assert!(numbers(world.count(&["one"]).await)[0] >= 2);
}

#[tokio::test]
async fn a_dead_redis_refuses_at_once_and_is_found_again() {
    let mut redis = TestRedis::start().await;
    let world = World::reached(redis.address()).await;
    redis.kill();
    let world = &world;
    until("it is known", || async move { matches!(world.one().await, Err(LinkError::Down)) }).await;
    redis.restart().await;
    until("the link is back", || async move { world.one().await.is_ok() }).await;
}

#[tokio::test]
async fn a_redis_that_hangs_holds_nobody_up_for_long() {
    let redis = TestRedis::start().await;
    let world = World::reached(redis.address()).await;
    redis.pause();
    assert!(matches!(world.one().await, Err(LinkError::Failed(_))), "it may have happened");
    assert!(matches!(world.one().await, Err(LinkError::Down)), "others are told at once");
    redis.resume();
    let world = &world;
    until("the link is back", || async move { world.one().await.is_ok() }).await;
}

#[tokio::test]
async fn the_first_try_is_over_whatever_it_comes_to() {
    let mut redis = TestRedis::start().await;
    World::new(redis.address()).link.tried().await;
    let hanging = World::new(redis.address());
    redis.pause();
    hanging.link.tried().await;
    redis.resume();
    redis.kill();
    let world = World::new(redis.address());
    world.link.tried().await;
    assert!(world.link.process().is_none() && world.link.refusal().is_some());
    redis.restart().await;
    world.link.reached(Duration::from_secs(10)).await.unwrap();
    world.link.tried().await;
}

#[tokio::test]
async fn a_replica_is_not_taken_for_the_one_that_writes() {
    let primary = TestRedis::start().await;
    let replica = TestRedis::start().await;
    replica.ask(&format!("REPLICAOF 127.0.0.1 {}", primary.port)).await;
    let world = World::new(replica.address());
    let early = world.link.reached(Duration::from_millis(300)).await;
    assert!(early.is_err(), "it refuses writes");
    replica.ask("REPLICAOF NO ONE").await;
    world.link.reached(Duration::from_secs(10)).await.unwrap();
    numbers(world.count(&["one"]).await);
    replica.ask(&format!("REPLICAOF 127.0.0.1 {}", primary.port)).await;
    assert!(world.one().await.is_err());
    assert!(matches!(world.one().await, Err(LinkError::Down)), "it is not asked again");
}

#[tokio::test]
async fn settings_are_read_and_warned_of() {
    let redis = TestRedis::start_durable().await;
    let world = World::reached(redis.address()).await;
    assert_eq!(world.link.warnings().await.unwrap(), []);
    assert_eq!(world.trust().await, NEW, "its past is not known");
    world.link.probe().await.unwrap();
    redis.ask("CONFIG SET appendfsync everysec maxmemory 100mb maxmemory-policy allkeys-lru").await;
    let warnings = world.link.warnings().await.unwrap();
    assert_eq!(warnings, [Warning::Evicts, Warning::SyncsLate]);
    assert!(!world.trust().await.keeps);
    redis.ask("CONFIG SET min-replicas-to-write 1").await;
    let refused = world.link.probe().await.unwrap().remove(0);
    assert!(refused.to_string().contains("NOREPLICAS"), "{refused}");
}

#[tokio::test]
async fn a_log_whose_rewrite_holds_back_the_disk_keeps_nothing_for_sure() {
    let redis = TestRedis::start_durable().await;
    let world = World::reached(redis.address()).await;
    redis.ask("CONFIG SET no-appendfsync-on-rewrite yes").await;
    assert_eq!(world.link.warnings().await.unwrap(), [Warning::RewritesUnsynced]);
    assert!(!world.trust().await.keeps);
}

#[tokio::test]
async fn settings_of_replication_are_read_beside_the_replicas_that_there_are() {
    let (primary, replica) = (TestRedis::start_durable().await, TestRedis::start().await);
    let world = World::reached(primary.address()).await;
    replica.ask(&format!("REPLICAOF 127.0.0.1 {}", primary.port)).await;
    let is_there = || primary.says("INFO replication", "connected_slaves:1");
    until("the replica is there", is_there).await;
    let warnings = async || world.link.warnings().await.unwrap();
    assert_eq!(warnings().await, [Warning::AloneWithReplicas]);
    primary.ask("CONFIG SET min-replicas-to-write 1 min-replicas-max-lag 10").await;
    assert_eq!(warnings().await, [Warning::LateCutOff, Warning::NoReplicaToSpare]);
    primary.ask("CONFIG SET min-replicas-max-lag 0").await;
    assert_eq!(warnings().await, [Warning::AloneWithReplicas], "then no replica must have it");
}

#[tokio::test]
async fn a_redis_that_did_not_keep_everything_before_is_not_trusted_after() {
    let mut redis = TestRedis::start().await;
    let world = World::reached(redis.address()).await;
    assert!(!world.trust().await.keeps, "it keeps nothing");
    redis.reconfigure(&["--appendonly", "yes", "--appendfsync", "always"]).await;
    let world = &world;
    until("the link is back", || async move { world.one().await.is_ok() }).await;
    assert_eq!(world.trust().await, NEW);
    redis.restart().await;
    until("the link is back", || async move { world.one().await.is_ok() }).await;
    assert!(world.trust().await.vouched.is_some());
}

#[tokio::test]
async fn a_redis_whose_settings_were_unsafe_for_a_while_is_not_trusted_after() {
    let mut redis = TestRedis::start_durable().await;
    let world = World::reached(redis.address()).await;
    redis.ask("CONFIG SET appendfsync everysec").await;
    world.link.warnings().await.unwrap();
    redis.ask("CONFIG SET appendfsync always").await;
    let world = &world;
    for trusted in [false, true] {
        redis.restart().await;
        until("the link is back", || async move { world.one().await.is_ok() }).await;
        assert_eq!(world.trust().await.vouched.is_some(), trusted);
    }
}
