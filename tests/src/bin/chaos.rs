//! `cargo run --release -p tests --bin chaos -- --runs 200`: lost, repeated and reordered messages
//! and `kill -9` at random points; with `--ledger redis-sentinel --servers 3`, a store or an active
//! server that dies instead, or what `--blow` names; with `--changes`, limits that change,
//! deployments that are deleted and made again, denials and restarts, on any rung. Exits with 1
//! when a rule is broken, with 2 when a run fails.

#![expect(clippy::print_stdout, reason = "a command: a line for each run on its standard output")]

use std::{collections::BTreeMap, ffi::OsString, fmt::Display, process::ExitCode, time::Duration};

use clap::{CommandFactory as _, Parser, error::ErrorKind};
use futures_util::{StreamExt, stream};
use tests::{
    chaos::{self, Blow, ChangesVerdict, Fate, OutageVerdict, RunError, Verdict},
    clock,
    harness::Rung,
};

/// Mistreats messages and kills the server at random points, then reads the journal and adds up
/// what was really drawn. On another rung than the embedded one: the store dies, or the active one
/// of several servers.
#[derive(Debug, Parser)]
#[command(name = "chaos")]
struct Arguments {
    /// How many runs.
    #[arg(long, default_value_t = 200)]
    runs: u64,
    /// Instead: as many runs as begin within so many minutes.
    #[arg(long)]
    minutes: Option<u64>,
    /// Limits that change, deployments that are deleted and made again, denials and restarts.
    #[arg(long)]
    changes: bool,
    /// The first run's seed; each next run has the next one.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many runs at once.
    #[arg(long, default_value_t = 8)]
    at_once: usize,
    /// On which rung of the storage ladder.
    #[arg(long, value_enum, default_value_t)]
    ledger: Rung,
    /// What befalls the store or the active server; each run chooses its own unless it is told.
    #[arg(long, value_enum, conflicts_with = "changes")]
    blow: Option<Blow>,
    /// How many quota servers, where there can be more than one.
    #[arg(long, default_value_t = 3)]
    servers: usize,
}

/// What came of all runs.
#[derive(Debug, Default)]
struct Sum {
    clean: u64,
    broken: u64,
    failed: u64,
    /// Draws that were made; with `--changes`, leases that were granted.
    draws: u64,
    kills: u64,
    faults: u64,
    changes: u64,
}

/// Times without grants, and without any answer, by what befell; in ms.
type Gaps = BTreeMap<String, [Vec<u64>; 2]>;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::read(std::env::args_os()).unwrap_or_else(|wrong| wrong.exit());
    let sum = match arguments.ledger {
        _ if arguments.changes => changes(&arguments).await,
        Rung::Embedded if arguments.blow.is_none() => mistreat(&arguments).await,
        _ => outages(&arguments).await,
    };
    println!("{sum:?}");
    match sum {
        Sum { failed: 1.., .. } => ExitCode::from(2),
        Sum { broken: 1.., .. } => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

async fn mistreat(arguments: &Arguments) -> Sum {
    let mut sum = Sum::default();
    let run = |seed| async move { (seed, chaos::run(seed).await) };
    let mut runs = stream::iter(arguments.seeds()).map(run).buffer_unordered(arguments.at_once());
    while let Some((seed, result)) = runs.next().await {
        if let Some(Verdict { draws, kills, faults, broken, .. }) = told(seed, result, &mut sum) {
            sum.count(draws, broken.is_empty());
            sum.kills += u64::from(kills);
            sum.faults += faults;
        }
    }
    sum
}

async fn changes(arguments: &Arguments) -> Sum {
    let mut sum = Sum::default();
    let (rung, servers) = (arguments.ledger, arguments.servers());
    let run =
        |seed| async move { (seed, Box::pin(chaos::changes(Fate { rung, servers, seed })).await) };
    let mut runs = stream::iter(arguments.seeds()).map(run).buffer_unordered(arguments.at_once());
    while let Some((seed, result)) = runs.next().await {
        if let Some(ChangesVerdict { grants, changes, restarts, broken, .. }) =
            told(seed, result, &mut sum)
        {
            sum.count(grants, broken.is_empty());
            sum.kills += restarts;
            sum.changes += changes;
        }
    }
    sum
}

async fn outages(arguments: &Arguments) -> Sum {
    let (mut sum, mut gaps) = (Sum::default(), Gaps::new());
    let (rung, blow) = (arguments.ledger, arguments.blow);
    let servers = arguments.servers();
    let run = |seed| async move { (seed, chaos::outage(Fate { rung, servers, seed }, blow).await) };
    let mut runs = stream::iter(arguments.seeds()).map(run).buffer_unordered(arguments.at_once());
    while let Some((seed, result)) = runs.next().await {
        if let Some(verdict) = told(seed, result, &mut sum) {
            let OutageVerdict { blow, gap_ms, silence_ms, draws, broken, .. } = verdict;
            sum.count(draws, broken.is_empty());
            sum.kills += 1;
            let [without_grants, without_answers] = gaps.entry(format!("{blow:?}")).or_default();
            without_grants.push(gap_ms);
            without_answers.push(silence_ms);
        }
    }
    for (blow, [without_grants, without_answers]) in gaps {
        println!("{blow}, {} runs", without_grants.len());
        println!("  without grants: {}", distribution(without_grants));
        println!("  without any answer: {}", distribution(without_answers));
    }
    sum
}

/// Says what came of a run, and gives its verdict if there is one.
fn told<V: Display>(seed: u64, result: Result<V, RunError>, sum: &mut Sum) -> Option<V> {
    match result {
        Ok(verdict) => {
            println!("{verdict}");
            Some(verdict)
        }
        Err(why) => {
            println!("seed {seed}: could not be run: {why}");
            sum.failed += 1;
            None
        }
    }
}

fn distribution(mut ms: Vec<u64>) -> String {
    ms.sort_unstable();
    let at = |percent: usize| ms[(ms.len() - 1) * percent / 100];
    let [least, p50, p90, most] = [0, 50, 90, 100].map(at);
    format!("{least} to {most} ms, median {p50} ms, p90 {p90} ms")
}

impl Arguments {
    /// From the words of a command line, or why they cannot be followed.
    fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let arguments = Self::try_parse_from(words)?;
        match (arguments.blow, arguments.ledger) {
            (Some(blow), rung) if !blow.is_possible(rung) => {
                let impossible = RunError::Impossible { blow, rung };
                Err(Self::command().error(ErrorKind::ValueValidation, impossible))
            }
            _ => Ok(arguments),
        }
    }

    /// Of the runs, each when it is to begin.
    fn seeds(&self) -> impl Iterator<Item = u64> {
        let minutes = self.minutes.map(|minutes| Duration::from_secs(minutes * 60));
        let end = minutes.map(|span| clock::instant() + span);
        let last = if end.is_some() { u64::MAX } else { self.seed + self.runs };
        (self.seed..last).take_while(move |_| end.is_none_or(|end| clock::instant() < end))
    }

    fn servers(&self) -> usize {
        if self.ledger == Rung::Embedded { 1 } else { self.servers }
    }

    fn at_once(&self) -> usize {
        self.at_once.max(1)
    }
}

impl Sum {
    fn count(&mut self, draws: u64, is_clean: bool) {
        self.draws += draws;
        *if is_clean { &mut self.clean } else { &mut self.broken } += 1;
    }
}
