//! The scenarios, played with real processes and judged by the upstream's audit.
//!
//! Each is a file here: what it sets up, what it offers, what it demands. All of them give a
//! [`Report`]; a demand that does not hold is the scenario lost. To add one: its file, and its name
//! in [`Name`].

mod cold_burst;
mod faults;
mod kills;
mod minute;
mod overload;
mod report;
mod server_death;
mod shared_usage;
mod slow_stream;
mod stock_client;

use std::fmt;

use crate::{
    harness::{HarnessError, Rung},
    load::Progress,
};

pub use report::{Demand, Report, Row};

/// A scenario that can be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Name {
    /// A slow stream against a limit of 500 tokens, on all gateways in turn.
    #[value(alias = "s1")]
    SlowStream,
    /// 5.5 million tokens a minute against a limit of 1.5 million.
    #[value(alias = "s2")]
    Overload,
    /// Batches of 600 chat requests from OpenAI's own client, against two limits of 100 requests.
    #[value(alias = "s3")]
    StockClient,
    /// Two deployments chosen by usage, over all gateways, while the quota server restarts.
    #[value(alias = "s5")]
    SharedUsage,
    /// 300 requests at once, from cold.
    #[value(alias = "s6")]
    ColdBurst,
    /// The quota server is killed and stays away for a minute.
    #[value(alias = "s7")]
    ServerDeath,
}

impl Name {
    /// Whether it can be played for more or fewer minutes.
    #[must_use]
    pub fn has_minutes(self) -> bool {
        matches!(self, Self::SlowStream | Self::Overload | Self::SharedUsage)
    }

    /// Whether servers can suffer while it is played.
    #[must_use]
    pub fn has_faults(self) -> bool {
        !matches!(self, Self::SharedUsage | Self::ServerDeath)
    }

    /// Whether processes can be killed while it is played.
    #[must_use]
    pub fn has_kills(self) -> bool {
        self == Self::SlowStream
    }
}

/// How a scenario is to be played.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// How many gateways; without it as many as the scenario has.
    pub gateways: Option<usize>,
    /// How many minutes, where a scenario can be longer or shorter.
    pub minutes: Option<u64>,
    /// On which rung of the storage ladder.
    pub rung: Rung,
    /// How many quota servers; one without it.
    pub servers: usize,
    /// Have one server after another killed, paused, and cut off.
    pub faults: bool,
    /// Kill a quota server with -9 in the middle of every minute's quota, and start it again.
    pub kill_server: bool,
    /// Kill Redis's primary with -9 while the first minute's quota is drawn; its replica is
    /// promoted.
    pub fail_over: bool,
    /// Kill a gateway with -9 in the middle of the first minute's quota.
    pub kill_gateway: bool,
    /// Seeds what is random.
    pub seed: u64,
}

impl Options {
    /// `embedded`, or the rung with its servers, for a report's title.
    fn stage(&self) -> String {
        let servers = self.servers.max(1);
        let faults = if self.faults { " with faults" } else { "" };
        let plural = if servers == 1 { "" } else { "s" };
        format!("{servers} server{plural} on {}{faults}", self.rung)
    }
}

/// Where a scenario tells how it goes.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    /// The requests so far.
    pub progress: Progress,
    stage: std::sync::Arc<std::sync::Mutex<String>>,
}

impl Watch {
    /// Says what is going on now.
    pub fn enter(&self, stage: impl Into<String>) {
        *self.stage.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = stage.into();
    }
}

impl fmt::Display for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = self.stage.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        write!(f, "{stage}: {}", self.progress)
    }
}

/// Plays a scenario.
///
/// # Errors
/// When a process does not come up or does not answer; a demand that does not hold is no error but
/// stands in the report.
pub async fn play(name: Name, options: &Options, watch: &Watch) -> Result<Report, HarnessError> {
    match name {
        Name::SlowStream => slow_stream::play(options, watch).await,
        Name::Overload => overload::play(options, watch).await,
        Name::StockClient => stock_client::play(options, watch).await,
        Name::SharedUsage => shared_usage::play(options, watch).await,
        Name::ColdBurst => cold_burst::play(options, watch).await,
        Name::ServerDeath => server_death::play(options, watch).await,
    }
}
