//! Redis alone: the same number of script calls in a pipeline, each of one small write, through the
//! same crate.

use std::net::SocketAddr;

use tokio::task::JoinSet;

use crate::bench::Effort;

/// The script that everybody writes who counts in Redis.
const LIBRARY: &str = "#!lua name=floor
redis.register_function('count', function(keys, args)
    return redis.call('HINCRBY', keys[1], 'tokens', args[1])
end)";

/// How many calls a second Redis answers, over so many connections with so many calls in each
/// pipeline.
///
/// # Errors
/// Redis fails.
pub async fn calls_per_second(
    redis: SocketAddr,
    effort: Effort,
    (connections, in_pipeline): (usize, usize),
) -> anyhow::Result<f64> {
    let client = redis::Client::open(format!("redis://{redis}"))?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    let load = redis::cmd("FUNCTION").arg(&["LOAD", "REPLACE", LIBRARY]).to_owned();
    load.exec_async(&mut connection).await?;
    let began = crate::clock::instant();
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        tasks.spawn(count(client.clone(), began + effort.round, in_pipeline));
    }
    let mut calls = 0;
    while let Some(done) = tasks.join_next().await {
        calls += done??;
    }
    Ok(calls as f64 / began.elapsed().as_secs_f64())
}

async fn count(
    client: redis::Client,
    until: std::time::Instant,
    in_pipeline: usize,
) -> redis::RedisResult<usize> {
    let mut connection = client.get_multiplexed_async_connection().await?;
    let mut calls = 0;
    while crate::clock::instant() < until {
        let mut pipeline = redis::pipe();
        for _ in 0..in_pipeline {
            pipeline.cmd("FCALL").arg(&["count", "1", "floor", "100"]);
        }
        let answers: Vec<u64> = pipeline.query_async(&mut connection).await?;
        calls += answers.len();
    }
    Ok(calls)
}
