//! `cargo run --release -p tests --bin chaos -- --runs 200`: lost, repeated and reordered messages and
//! `kill -9` at random points. Exits with 1 when a rule is broken, with 2 when a run fails.

#![expect(clippy::print_stdout, reason = "a command: a line for each run on its standard output")]

use std::process::ExitCode;

use clap::Parser;
use futures_util::{StreamExt, stream};
use tests::chaos::{RunError, Verdict, run};

/// Mistreats messages and kills the server at random points, then reads the journal and adds up
/// what was really drawn.
#[derive(Debug, Parser)]
#[command(name = "chaos")]
struct Arguments {
    /// How many runs.
    #[arg(long, default_value_t = 200)]
    runs: u64,
    /// The first run's seed; each next run has the next one.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many runs at once.
    #[arg(long, default_value_t = 8)]
    at_once: usize,
}

#[derive(Debug, Default)]
struct Sum {
    clean: u64,
    broken: u64,
    failed: u64,
    draws: u64,
    kills: u64,
    faults: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let seeds = arguments.seed..arguments.seed + arguments.runs;
    let runs = stream::iter(seeds).map(|seed| async move { (seed, run(seed).await) });
    let mut runs = runs.buffer_unordered(arguments.at_once.max(1));
    let mut sum = Sum::default();
    while let Some((seed, result)) = runs.next().await {
        sum.add(seed, &result);
    }
    println!("{sum:?}");
    match sum {
        Sum { failed: 1.., .. } => ExitCode::from(2),
        Sum { broken: 1.., .. } => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

impl Sum {
    fn add(&mut self, seed: u64, result: &Result<Verdict, RunError>) {
        match result {
            Ok(verdict) => {
                println!("{verdict}");
                self.draws += verdict.draws;
                self.kills += u64::from(verdict.kills);
                self.faults += verdict.faults;
                let is_clean = verdict.broken.is_empty();
                *if is_clean { &mut self.clean } else { &mut self.broken } += 1;
            }
            Err(why) => {
                println!("seed {seed}: could not be run: {why}");
                self.failed += 1;
            }
        }
    }
}
