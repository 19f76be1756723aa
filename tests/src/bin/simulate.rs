//! `cargo run --release -p tests --bin simulate -- --minutes 1000000`: the ledger in virtual time,
//! from one seed after another. Prints what it went through, and shrinks what breaks a rule. Exits
//! with 1 when one is broken.

#![expect(clippy::print_stdout, reason = "a command: its findings on its standard output")]

use std::process::ExitCode;

use clap::Parser;
use tests::ledger_simulation::{Coverage, Plan, Step, Violation, play, shrink};

/// Simulates the ledger: its real writers, recoveries and take-overs, on a store, a network and
/// clocks that fail.
#[derive(Debug, Parser)]
#[command(name = "simulate")]
struct Arguments {
    /// How many ledger minutes.
    #[arg(long, default_value_t = 10_000)]
    minutes: u64,
    /// The first run's seed; each next run has the next one.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// After so many broken runs it ends.
    #[arg(long, default_value_t = 1)]
    findings: u64,
    /// Only runs with so many servers: 1 to 3.
    #[arg(long)]
    servers: Option<usize>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (mut sum, mut broken) = (Coverage::default(), 0);
    let mut seeds = arguments.seed..;
    while sum.minutes() < arguments.minutes && broken < arguments.findings {
        let Some(seed) = seeds.next() else { break };
        let plan = Plan::random(seed);
        if arguments.servers.is_some_and(|servers| servers != plan.servers) {
            continue;
        }
        let played = play(&plan);
        sum.add(&played.coverage);
        if !played.violations.is_empty() {
            broken += 1;
            println!("seed {seed}, after {} minutes:", sum.minutes());
            tell(&plan, &played.violations);
        }
    }
    println!("{sum}violations:\n  {broken:>10} runs broke a rule");
    if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn tell(plan: &Plan, violations: &[Violation]) {
    for Violation { rule, at_ms, what } in violations {
        println!("  {rule:?} at {at_ms} ms: {what}");
    }
    let small = shrink(plan);
    let Plan { seed, servers, into_minute_ms, is_rough, length_ms, steps } = &small;
    println!("shrunk from {} steps to {}:", plan.steps.len(), steps.len());
    println!(
        "  seed: {seed}, servers: {servers}, into_minute_ms: {into_minute_ms}, is_rough: {is_rough}, length_ms: {length_ms}"
    );
    for Step { at_ms, what } in steps {
        println!("  ({at_ms}, {what:?}),");
    }
    for Violation { rule, at_ms, what } in play(&small).violations {
        println!("  breaks {rule:?} at {at_ms} ms: {what}");
    }
}
