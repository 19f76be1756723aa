//! Measures the quota server, each figure beside a floor of the same run, and prints what came out.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use tests::bench::{self, Effort};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

/// Measures the quota server beside its floors.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    /// How long one round lasts, in s.
    #[arg(long, default_value_t = 3, global = true)]
    seconds: u64,
    /// How many rounds, each beside its floor.
    #[arg(long, default_value_t = 5, global = true)]
    rounds: usize,
    /// Another build of the server, measured in the same rounds (`singles`, `batches`).
    #[arg(long, global = true)]
    beside: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum What {
    /// Everything about the embedded ledger but `recovery` (the default).
    All,
    /// Single acquires, beside a bare axum echo.
    Singles,
    /// Acquires in batches, beside SQLite alone.
    Batches,
    /// The memory of an idle deployment.
    Memory,
    /// Single acquires beside 100 000 idle deployments.
    Crowd,
    /// The time to be back after `kill -9` under full load; takes minutes.
    Recovery,
    /// The memory of a server that callers fill as far as they may, under the chart's limit; takes
    /// minutes.
    Bounds,
    /// Each operation with 1, 1 000 and 1 000 000 leases out, for both kinds of window; takes
    /// minutes.
    Operations,
    /// Acquires through 1 to 3 servers on Redis, beside bare script calls.
    Redis,
    /// Acquires through a server on PostgreSQL, beside updates of one hot row.
    Postgres,
    /// The bare axum echo: what `singles` starts as its floor.
    Echo,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let effort = Effort { round: Duration::from_secs(arguments.seconds), rounds: arguments.rounds };
    let beside = arguments.beside.as_deref();
    match arguments.what.unwrap_or(What::All) {
        What::All => {
            for what in [What::Singles, What::Batches, What::Memory, What::Crowd] {
                measure(what, effort, beside).await?;
            }
            Ok(())
        }
        What::Echo => echo().await,
        what => measure(what, effort, beside).await,
    }
}

async fn measure(what: What, effort: Effort, beside: Option<&Path>) -> anyhow::Result<()> {
    let lines = match what {
        What::Singles => {
            let (_floor, address) = start_echo().await?;
            bench::singles(effort, address, beside).await?
        }
        What::Batches => bench::batches(effort, beside).await?,
        What::Memory => bench::memory().await?,
        What::Crowd => bench::crowd(effort).await?,
        What::Recovery => bench::recovery().await?,
        What::Bounds => bench::bounds().await?,
        What::Operations => bench::operations().await?,
        What::Redis => bench::redis(effort).await?,
        What::Postgres => bench::postgres(effort).await?,
        What::All | What::Echo => Vec::new(),
    };
    lines.iter().for_each(|line| say(line));
    Ok(())
}

/// The floor is a process of its own, as the server is; it ends with the value.
async fn start_echo() -> anyhow::Result<(Child, SocketAddr)> {
    let own = std::env::current_exe()?;
    let mut floor =
        Command::new(own).arg("echo").stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let stdout = floor.stdout.take().context("the echo has an output")?;
    let line = BufReader::new(stdout)
        .lines()
        .next_line()
        .await?
        .context("the echo says where it listens")?;
    Ok((floor, line.parse()?))
}

async fn echo() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    say(&listener.local_addr()?.to_string());
    bench::floor::echo(listener).await
}

#[expect(clippy::print_stdout, reason = "a command prints what it was asked for")]
fn say(line: &str) {
    println!("{line}");
}
