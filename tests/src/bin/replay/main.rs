//! Plays one scenario of the field with real processes and says whether it is won.
//!
//! `cargo run --release -p tests --bin replay -- slow-stream --gateways 5 --kill-server`, or `.. --
//! overload --ledger redis --servers 3 --faults`. It exits with 0 when every demand holds, with 1
//! when one does not, and with 2 when it could not be played.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command: its table goes to standard output, its progress to standard error"
)]

mod progress;
mod table;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, error::ErrorKind};
use tests::{
    harness::Rung,
    scenario::{self, Name, Options, Report, Watch},
};

/// Plays one scenario with real processes: quota server, gateways and an upstream that counts what
/// reaches it. It begins with a minute, so the start may have to be waited for.
#[derive(Debug, Parser)]
#[command(name = "replay")]
struct Arguments {
    /// Which scenario.
    scenario: Name,
    /// How many gateways, instead of as many as the scenario has.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
    gateways: Option<u16>,
    /// How many minutes (slow-stream, overload, shared-usage).
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=60))]
    minutes: Option<u64>,
    /// On which rung of the storage ladder.
    #[arg(long, value_enum, default_value_t)]
    ledger: Rung,
    /// How many quota servers; one unless told otherwise.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=16))]
    servers: u16,
    /// Have one server after another killed, paused for longer than a lease, and cut off from its
    /// clients and from the store (not for shared-usage and server-death).
    #[arg(long)]
    faults: bool,
    /// Kill the quota server with -9 while each minute's quota is drawn, and start it again
    /// (slow-stream).
    #[arg(long)]
    kill_server: bool,
    /// Kill Redis's primary with -9 while the first minute's quota is drawn, so that its replica is
    /// promoted (slow-stream on redis-sentinel).
    #[arg(long)]
    fail_over: bool,
    /// Kill a gateway with -9 while the first minute's quota is drawn (slow-stream).
    #[arg(long)]
    kill_gateway: bool,
    /// Seeds what is random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Arguments {
    /// A flag that would change nothing is a mistake.
    fn checked(self) -> Result<Self, clap::Error> {
        let kills = self.kill_server || self.kill_gateway;
        let wrong = match self.scenario {
            name if self.minutes.is_some() && !name.has_minutes() => {
                "--minutes is for slow-stream, overload and shared-usage"
            }
            name if kills && !name.has_kills() => {
                "--kill-server and --kill-gateway are for slow-stream"
            }
            name if self.faults && !name.has_faults() => {
                "--faults is not for shared-usage and server-death"
            }
            name if self.fail_over && !(name.has_kills() && self.ledger == Rung::RedisSentinel) => {
                "--fail-over is for slow-stream on redis-sentinel"
            }
            _ if self.ledger == Rung::Embedded && self.servers > 1 => {
                "the embedded ledger is for one server"
            }
            _ => return Ok(self),
        };
        Err(Self::command().error(ErrorKind::ArgumentConflict, wrong))
    }

    fn options(&self) -> Options {
        Options {
            gateways: self.gateways.map(usize::from),
            minutes: self.minutes,
            kill_server: self.kill_server,
            fail_over: self.fail_over,
            kill_gateway: self.kill_gateway,
            seed: self.seed,
            rung: self.ledger,
            servers: self.servers.into(),
            faults: self.faults,
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse().checked().unwrap_or_else(|wrong| wrong.exit());
    let watch = Watch::default();
    let options = arguments.options();
    let play = scenario::play(arguments.scenario, &options, &watch);
    match progress::shown(play, &watch).await {
        Ok(report) => verdict(&report),
        Err(why) => {
            eprintln!("the scenario could not be played: {why}");
            ExitCode::from(2)
        }
    }
}

fn verdict(report: &Report) -> ExitCode {
    println!("{}", table::of(report));
    let broken = report.broken();
    for demand in &broken {
        println!("broken: {}: {}", demand.text, demand.found);
    }
    if broken.is_empty() {
        println!("won");
        ExitCode::SUCCESS
    } else {
        println!("lost");
        ExitCode::FAILURE
    }
}
