//! Grants a second: one a request, and in batches.

use std::net::SocketAddr;

use tempfile::TempDir;

use super::load::{self, Load};
use super::rounds::Figure;
use super::server::{self, BATCH};
use super::{Effort, floor};
use crate::harness::QuotaServer;

/// What one grant adds to a journal row, in bytes, about: for SQLite's floor.
const GRANT_BYTES: usize = 64;

/// Single acquires over 64 keep-alive connections, beside a bare axum echo of the same bodies.
///
/// # Errors
/// The server does not come up, or refuses something.
pub async fn singles(effort: Effort, echo: SocketAddr) -> anyhow::Result<Vec<String>> {
    let server = server::start().await?;
    let mut figure = Figure::new("single acquires, durable", "requests/s", "bare axum echo");
    let mut p99_us = Vec::new();
    for round in 0..effort.rounds {
        let load = server::singles(server.address(), effort, round);
        let ours = server::all_good(load::run(&load).await?)?;
        let floor = load::run(&Load { to: echo, ..load }).await?;
        figure.round(ours.per_second(), floor.per_second());
        p99_us.push(ours.latency_us.value_at_quantile(0.99) as f64);
    }
    let p99_ms = super::rounds::median(p99_us.into_iter()) / 1_000.0;
    Ok(vec![figure.line(), format!("single acquires, p99: {p99_ms:.2} ms")])
}

/// Acquires in batches, beside what SQLite itself commits in rows of the same size.
///
/// # Errors
/// The server does not come up, or refuses something.
pub async fn batches(effort: Effort) -> anyhow::Result<Vec<String>> {
    let server = server::start().await?;
    let room = TempDir::new()?;
    let mut figure = Figure::new("acquires in batches, durable", "grants/s", "SQLite alone");
    for round in 0..effort.rounds {
        figure
            .round(grants_per_second(&server, effort, round).await?, sqlite(&room, effort).await?);
    }
    Ok(vec![figure.line()])
}

async fn grants_per_second(
    server: &QuotaServer,
    effort: Effort,
    round: usize,
) -> anyhow::Result<f64> {
    let load = server::batches(server.address(), effort, round);
    Ok(server::all_good(load::run(&load).await?)?.per_second() * BATCH as f64)
}

async fn sqlite(room: &TempDir, effort: Effort) -> anyhow::Result<f64> {
    let commits = u32::try_from(effort.round.as_millis() / 10)?;
    let commits_per_second =
        floor::sqlite_commits_per_second(room.path(), BATCH * GRANT_BYTES, commits).await?;
    Ok(commits_per_second * BATCH as f64)
}
