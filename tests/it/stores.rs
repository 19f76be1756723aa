//! The stores of the harness do what the checks that use them rely on.

use tests::harness::{Cable, Postgres, Redis, RedisCluster, RedisPair, wait};

#[tokio::test]
async fn redis_keeps_every_write_over_a_kill() {
    let mut redis = Redis::builder().start().await.unwrap();
    let _: () = redis.ask(&["SET", "a", "1"]).await.unwrap();
    redis.process.kill().unwrap();
    redis.ask::<String>(&["GET", "a"]).await.unwrap_err();
    redis.start_again().await.unwrap();
    assert_eq!(redis.ask::<u8>(&["GET", "a"]).await.unwrap(), 1);
}

#[tokio::test]
async fn a_replica_whose_cable_is_silent_misses_writes_and_is_promoted() {
    let mut pair = RedisPair::start().await.unwrap();
    let _: () = pair.primary.ask(&["SET", "a", "1"]).await.unwrap();
    wait::until("the replica's copy", wait::START, || async {
        pair.replica.ask::<u8>(&["GET", "a"]).await.ok()
    })
    .await
    .unwrap();
    pair.cable.fall_silent();
    let _: () = pair.primary.ask(&["SET", "a", "2"]).await.unwrap();
    pair.fail_over().await.unwrap();
    assert_eq!(pair.replica.ask::<u8>(&["GET", "a"]).await.unwrap(), 1);
    wait::until("a replica that takes writes", wait::START, || async {
        pair.replica.ask::<String>(&["SET", "a", "3"]).await.ok()
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_cluster_shares_the_slots() {
    let cluster = RedisCluster::start().await.unwrap();
    let mut taken = 0;
    for node in &cluster.nodes {
        taken += usize::from(node.ask::<String>(&["SET", "a", "1"]).await.is_ok());
    }
    assert_eq!(taken, 1);
}

#[tokio::test]
async fn postgres_is_killed_and_there_again_and_can_be_cut_off() {
    let mut postgres = Postgres::start().await.unwrap();
    postgres.process.kill().unwrap();
    postgres.start_again().await.unwrap();
    let cable = Cable::to(postgres.address()).await.unwrap();
    assert_ne!(cable.address(), postgres.address());
    assert!(postgres.process.log().contains("automatic recovery in progress"));
}
