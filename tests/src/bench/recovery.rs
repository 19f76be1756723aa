//! How long a server takes to be back after `kill -9` at the end of a minute of full load.

use std::net::SocketAddr;
use std::time::Duration;

use super::Effort;
use super::load::{self, Load};
use super::server::{self, BATCH, BATCH_CONNECTIONS};
use crate::clock;

const MINUTE: Duration = Duration::from_secs(60);

/// The rate of durable grants that a server must keep up, per second.
const DEMANDED: u64 = 200_000;

/// What a server did in the minute before it was killed.
struct Case {
    name: &'static str,
    load: fn(SocketAddr, Effort, usize) -> Load,
    grants_each: u64,
    turns: u64,
}

const CASES: [Case; 3] = [
    Case { name: "single acquires", load: server::singles, grants_each: 1, turns: u64::MAX },
    Case {
        name: "200 000 grants a second",
        load: server::batches,
        grants_each: BATCH as u64,
        turns: DEMANDED * MINUTE.as_secs() / (BATCH * BATCH_CONNECTIONS) as u64 + 1,
    },
    Case { name: "batches", load: server::batches, grants_each: BATCH as u64, turns: u64::MAX },
];

/// A minute's load, a kill, and the start after it until the server listens again: with single
/// acquires over 64 connections, with as many grants as are demanded, and with all the batches that
/// it takes.
///
/// # Errors
/// The server does not come up, or refuses something.
pub async fn recovery() -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    for case in CASES {
        lines.push(one(case).await?);
    }
    Ok(lines)
}

async fn one(case: Case) -> anyhow::Result<String> {
    let mut server = server::start().await?;
    clock::sleep_until_unix_ms((clock::unix_minute() + 1) * clock::MINUTE_MS).await;
    let effort = Effort { round: MINUTE, rounds: 1 };
    let load = Load { turns: case.turns, ..(case.load)(server.address(), effort, 0) };
    let grants = server::all_good(load::run(&load).await?)?.good * case.grants_each;
    server.process.kill()?;
    let began = clock::instant();
    server.start_again().await?;
    let seconds = began.elapsed().as_secs_f64();
    Ok(format!("recovery after a minute of {}, {grants} grants: {seconds:.2} s", case.name))
}
