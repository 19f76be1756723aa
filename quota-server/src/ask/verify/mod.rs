//! `quota-server verify`: the books add up.
//!
//! Of a server that runs, whatever its ledger, the books of the last windows are added up from its
//! answers. Of an embedded ledger that does not run, the whole journal is replayed and added up by
//! `crate::verify`, which also shows that no grant was ever above the limit of its moment.

mod folder;
mod sums;

use std::path::PathBuf;

use clap::value_parser;

use super::{Refusal, ServerArgs};
use sums::Sums;

/// What is to be verified.
#[derive(Debug, clap::Args)]
pub struct Verify {
    /// Deployments, by id [default: all]
    #[arg(value_name = "ID", conflicts_with = "data_dir")]
    ids: Vec<String>,
    /// How many minutes back
    #[arg(long, value_name = "MINUTES", default_value_t = 60, value_parser = value_parser!(u32).range(1..=10_080))]
    last: u32,
    /// Show every window, not only those that do not add up
    #[arg(short, long)]
    all: bool,
    /// Data directory of an embedded ledger that does not run, instead of a server; it is left as
    /// it is
    #[arg(long, value_name = "DIR", conflicts_with = "last")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

impl Verify {
    pub(super) async fn run(self, env: impl Fn(&str) -> Option<String>) -> Result<String, Refusal> {
        if let Some(folder) = &self.data_dir {
            return folder::verify(folder, self.all).await;
        }
        let server = self.server.server(env)?;
        let mut ids = self.ids;
        if ids.is_empty() {
            let list = server.deployments().await?;
            ids = list.deployments.into_iter().map(|deployment| deployment.id).collect();
        }
        let mut sums = Sums::default();
        for id in ids {
            for book in server.windows(&id, self.last).await?.windows {
                sums.add(&id, &book);
            }
        }
        sums.verdict(self.all)
    }
}
