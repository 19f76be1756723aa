//! Grants a second: one a request, and in batches.

use std::iter;
use std::net::SocketAddr;
use std::path::Path;

use tempfile::TempDir;

use super::load::{self, Load};
use super::rounds::{Figure, median};
use super::server::{self, BATCH};
use super::{Effort, floor};
use crate::harness::QuotaServer;

/// What one grant adds to a journal row, in bytes, about: for SQLite's floor.
const GRANT_BYTES: usize = 64;

/// Single acquires over 64 keep-alive connections, beside a bare axum echo of the same bodies, and
/// beside a server of another build, if there is one.
///
/// # Errors
/// A server does not come up, or refuses something.
pub async fn singles(
    effort: Effort,
    echo: SocketAddr,
    beside: Option<&Path>,
) -> anyhow::Result<Vec<String>> {
    let contest = Contest::start(beside).await?;
    let mut sums = contest.runs("single acquires, durable", "requests/s", "bare axum echo");
    for round in 0..effort.rounds {
        let load = server::singles(contest.ours.address(), effort, round);
        let floor = load::run(&Load { to: echo, ..load.clone() }).await?.per_second();
        for (server, sum) in contest.servers().zip(&mut sums) {
            let load = Load { to: server.address(), ..load.clone() };
            let outcome = server::all_good(load::run(&load).await?)?;
            sum.figure.round(outcome.per_second(), floor);
            sum.p99_us.push(outcome.latency_us.value_at_quantile(0.99) as f64);
        }
    }
    Ok(lines(&sums))
}

/// Acquires in batches, beside what SQLite itself commits in rows of the same size, and beside a
/// server of another build, if there is one.
///
/// # Errors
/// A server does not come up, or refuses something.
pub async fn batches(effort: Effort, beside: Option<&Path>) -> anyhow::Result<Vec<String>> {
    let contest = Contest::start(beside).await?;
    let room = TempDir::new()?;
    let mut sums = contest.runs("acquires in batches, durable", "grants/s", "SQLite alone");
    for round in 0..effort.rounds {
        let floor = sqlite(&room, effort).await?;
        for (server, sum) in contest.servers().zip(&mut sums) {
            let load = server::batches(server.address(), effort, round);
            let outcome = server::all_good(load::run(&load).await?)?;
            sum.figure.round(outcome.per_second() * BATCH as f64, floor);
            sum.p99_us.push(outcome.latency_us.value_at_quantile(0.99) as f64);
        }
    }
    Ok(lines(&sums))
}

/// This build, and another if it is asked for.
struct Contest {
    ours: QuotaServer,
    other: Option<QuotaServer>,
}

/// What one of them did.
struct Run {
    figure: Figure,
    p99_us: Vec<f64>,
}

impl Contest {
    async fn start(beside: Option<&Path>) -> anyhow::Result<Self> {
        let ours = server::start().await?;
        let other = match beside {
            Some(program) => Some(server::start_other(program).await?),
            None => None,
        };
        Ok(Self { ours, other })
    }

    fn servers(&self) -> impl Iterator<Item = &QuotaServer> {
        iter::once(&self.ours).chain(&self.other)
    }

    fn runs(&self, what: &str, unit: &'static str, floor: &'static str) -> Vec<Run> {
        let run = |name| Run { figure: Figure::new(name, unit, floor), p99_us: Vec::new() };
        let other = self.other.iter().map(|_| run(format!("{what}, the other build")));
        iter::once(run(what.to_owned())).chain(other).collect()
    }
}

fn lines(runs: &[Run]) -> Vec<String> {
    let of_each = runs.iter().flat_map(|Run { figure, p99_us }| {
        let p99_ms = median(p99_us.iter().copied()) / 1_000.0;
        [figure.line(), format!("  p99: {p99_ms:.2} ms")]
    });
    let against = match runs {
        [ours, other] => {
            Some(format!("  beside the other build: {:.2}", ours.figure.beside(&other.figure)))
        }
        _ => None,
    };
    of_each.chain(against).collect()
}

async fn sqlite(room: &TempDir, effort: Effort) -> anyhow::Result<f64> {
    let commits = u32::try_from(effort.round.as_millis() / 10)?;
    let commits_per_second =
        floor::sqlite_commits_per_second(room.path(), BATCH * GRANT_BYTES, commits).await?;
    Ok(commits_per_second * BATCH as f64)
}
