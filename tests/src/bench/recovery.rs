//! How long a server takes to be back after `kill -9` at the end of a minute of full load.

use std::time::Duration;

use super::server::{self, BATCH};
use super::{Effort, load};
use crate::clock;

const MINUTE: Duration = Duration::from_secs(60);

/// A whole minute's load, a kill, and the start after it until the server listens again: with single
/// acquires over 64 connections, and with batches.
///
/// # Errors
/// The server does not come up, or refuses something.
pub async fn recovery() -> anyhow::Result<Vec<String>> {
    let effort = Effort { round: MINUTE, rounds: 1 };
    let mut lines = Vec::new();
    for (name, grants_each) in [("single acquires", 1), ("batches", BATCH)] {
        let mut server = server::start().await?;
        clock::sleep_until_unix_ms((clock::unix_minute() + 1) * clock::MINUTE_MS).await;
        let load = match grants_each {
            1 => server::singles(&server, effort, 0),
            _ => server::batches(&server, effort, 0),
        };
        let grants = server::all_good(load::run(&load).await?)?.good * grants_each as u64;
        server.process.kill()?;
        let began = clock::instant();
        server.start_again().await?;
        let seconds = began.elapsed().as_secs_f64();
        lines.push(format!("recovery after a minute of {name}, {grants} grants: {seconds:.2} s"));
    }
    Ok(lines)
}
