//! Redis alone, through the same crate: script calls of one small write each, in pipelines made by
//! hand, or by many callers of one connection, which the crate pipelines.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use redis::{AsyncConnectionConfig, Cmd, RedisResult, aio::MultiplexedConnection};
use tokio::task::JoinSet;

use crate::bench::Effort;

/// The script that everybody writes who counts in Redis.
const LIBRARY: &str = "#!lua name=floor
redis.register_function('count', function(keys, args)
    return redis.call('HINCRBY', keys[1], 'tokens', args[1])
end)";

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a Redis is called.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// So many connections, with so many calls in each pipeline.
    Pipelines(usize, usize),
    /// So many callers of one connection, each with one call under way.
    Callers(usize),
}

/// How many calls a second Redis answers.
///
/// # Errors
/// Redis fails.
pub async fn calls_per_second(
    redis: SocketAddr,
    effort: Effort,
    shape: Shape,
) -> anyhow::Result<f64> {
    let client = redis::Client::open(format!("redis://{redis}"))?;
    // The crate gives up after half a second unless told: too soon for a busy machine.
    let patient = AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE));
    let mut connection = client.get_multiplexed_async_connection_with_config(&patient).await?;
    let mut load = redis::cmd("FUNCTION");
    load.arg(&["LOAD", "REPLACE", LIBRARY]).exec_async(&mut connection).await?;
    let began = crate::clock::instant();
    let until = began + effort.round;
    let mut tasks = JoinSet::new();
    match shape {
        Shape::Pipelines(connections, calls) => {
            for _ in 0..connections {
                let own = client.get_multiplexed_async_connection_with_config(&patient).await?;
                tasks.spawn(pipelines(own, until, calls));
            }
        }
        Shape::Callers(callers) => {
            for _ in 0..callers {
                tasks.spawn(calls(connection.clone(), until));
            }
        }
    }
    let mut calls = 0;
    while let Some(done) = tasks.join_next().await {
        calls += done??;
    }
    Ok(calls as f64 / began.elapsed().as_secs_f64())
}

async fn pipelines(
    mut connection: MultiplexedConnection,
    until: Instant,
    in_pipeline: usize,
) -> RedisResult<usize> {
    let mut calls = 0;
    while crate::clock::instant() < until {
        let mut pipeline = redis::pipe();
        for _ in 0..in_pipeline {
            pipeline.add_command(call());
        }
        let answers: Vec<u64> = pipeline.query_async(&mut connection).await?;
        calls += answers.len();
    }
    Ok(calls)
}

async fn calls(mut connection: MultiplexedConnection, until: Instant) -> RedisResult<usize> {
    let mut calls = 0;
    while crate::clock::instant() < until {
        let _: u64 = call().query_async(&mut connection).await?;
        calls += 1;
    }
    Ok(calls)
}

fn call() -> Cmd {
    let mut call = redis::cmd("FCALL");
    call.arg(&["count", "1", "floor", "100"]);
    call
}
