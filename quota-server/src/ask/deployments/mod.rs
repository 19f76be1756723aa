//! `quota-server deployments`.

mod change;
mod declared;
mod limit;
mod list;
mod rm;
mod set;
mod show;

use clap::{Subcommand, ValueEnum};
use serde::Serialize;

use super::{EXITS, Refusal, ServerArgs};
use change::Change;

/// What there is to do with deployments.
#[derive(Debug, Subcommand)]
pub enum Deployments {
    /// List all deployments with their limits
    ///
    /// DECLARED says how each stands to the servers' deployments file: `yes`, as it says; `drift`
    /// with what differs; `once`, it has left the file; `-`, it was never in it.
    #[command(after_help = EXITS)]
    List {
        /// How they are shown
        #[arg(short, long, value_name = "FORMAT", default_value = "table")]
        output: Output,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Show all that is set of one deployment
    #[command(after_help = EXITS)]
    Show {
        /// Its id
        id: String,
        /// How it is shown
        #[arg(short, long, value_name = "FORMAT", default_value = "table")]
        output: Output,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Make a deployment, or change what is named of one and leave the rest as it is
    ///
    /// The change holds for the next grant. If somebody else changes the deployment in the same
    /// moment nothing is done, and the exit code is 1.
    #[command(after_help = format!("{EXAMPLES_OF_SET}\n\n{EXITS}"))]
    Set {
        /// Its id
        id: String,
        #[command(flatten)]
        change: Box<Change>,
        /// Only if it is of this version still; 0: only if there is none of this id
        #[arg(long, value_name = "VERSION")]
        if_version: Option<u64>,
        /// How the result is shown
        #[arg(short, long, value_name = "FORMAT", default_value = "table")]
        output: Output,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Put a deployment back to what the servers' deployments file said of it last
    ///
    /// If somebody else changes the deployment in the same moment nothing is done, and the exit
    /// code is 1.
    #[command(after_help = EXITS)]
    Revert {
        /// Its id
        id: String,
        /// How the result is shown
        #[arg(short, long, value_name = "FORMAT", default_value = "table")]
        output: Output,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Remove the deployments that the servers' deployments file named once and does not name any
    /// more
    ///
    /// Servers never do that by themselves. One that somebody changes in the same moment stays, and
    /// the exit code is 1.
    #[command(after_help = EXITS)]
    Prune {
        /// Say which, and remove none
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Remove a deployment: nothing more is granted of it, leases in hand stay valid
    #[command(after_help = EXITS)]
    Rm {
        /// Its id
        id: String,
        /// Only if it is of this version still
        #[arg(long, value_name = "VERSION")]
        if_version: Option<u64>,
        #[command(flatten)]
        server: ServerArgs,
    },
}

const EXAMPLES_OF_SET: &str = "\
Examples:
  quota-server deployments set gpt-4o-eu --tpm 150_000 --rpm 900 --model-group gpt-4o
  quota-server deployments set gpt-4o-eu --rpm none
  quota-server deployments set gpt-4o-eu --limit tokens/day=5_000_000 --limit requests/24h=10_000
  quota-server deployments set gpt-4o-eu --label region=westeurope --if-version 7";

/// How something is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Table,
    /// For programs: as the API has it.
    Json,
}

impl Deployments {
    pub(super) async fn run(self, env: impl Fn(&str) -> Option<String>) -> Result<String, Refusal> {
        match self {
            Self::List { output, server } => list::list(&server.server(env)?, output).await,
            Self::Show { id, output, server } => {
                show::show(&server.server(env)?, &id, output).await
            }
            Self::Set { id, change, if_version, output, server } => {
                set::set(&server.server(env)?, &id, &change, if_version, output).await
            }
            Self::Revert { id, output, server } => {
                declared::revert(&server.server(env)?, &id, output).await
            }
            Self::Prune { dry_run, server } => declared::prune(&server.server(env)?, dry_run).await,
            Self::Rm { id, if_version, server } => {
                rm::rm(&server.server(env)?, &id, if_version).await
            }
        }
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).map_or_else(|error| error.to_string(), |text| text + "\n")
}
