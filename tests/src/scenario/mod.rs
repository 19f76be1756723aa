//! The scenarios, played with real processes and judged by the upstream's audit.
//!
//! Each is a file here: what it sets up, what it offers, what it demands. All of them give a
//! [`Report`]; a demand that does not hold is the scenario lost. To add one: its file, and its name
//! in [`Name`].

mod faults;
mod kills;
mod minute;
mod report;
mod s1;
mod s2;
mod s3;
mod s5;
mod s6;
mod s7;

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
    S1,
    /// 5.5 million tokens a minute against a limit of 1.5 million.
    S2,
    /// Batches of 600 chat requests from OpenAI's own client, against two limits of 100 requests.
    S3,
    /// Two deployments chosen by usage, over all gateways, while the quota server restarts.
    S5,
    /// 300 requests at once, from cold.
    S6,
    /// The quota server is killed and stays away for a minute.
    S7,
}

impl Name {
    /// Whether it can be played for more or fewer minutes.
    #[must_use]
    pub fn has_minutes(self) -> bool {
        matches!(self, Self::S1 | Self::S2 | Self::S5)
    }

    /// Whether servers can suffer while it is played.
    #[must_use]
    pub fn has_faults(self) -> bool {
        !matches!(self, Self::S5 | Self::S7)
    }

    /// Whether processes can be killed while it is played.
    #[must_use]
    pub fn has_kills(self) -> bool {
        self == Self::S1
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
    /// Kill Redis's primary with -9 while the first minute's quota is drawn; its replica is promoted.
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
        Name::S1 => s1::play(options, watch).await,
        Name::S2 => s2::play(options, watch).await,
        Name::S3 => s3::play(options, watch).await,
        Name::S5 => s5::play(options, watch).await,
        Name::S6 => s6::play(options, watch).await,
        Name::S7 => s7::play(options, watch).await,
    }
}
