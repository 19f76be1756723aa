use std::fmt::Write as _;

use super::Store;
use crate::ask::Refusal;
use crate::journal::{self, JournalToolError};

/// What is quarantined.
#[derive(Debug, clap::Args)]
pub struct Quarantine {
    /// Deployments, by id
    #[arg(value_name = "ID", required_unless_present = "all")]
    ids: Vec<String>,
    /// All deployments
    #[arg(short, long, conflicts_with = "ids")]
    all: bool,
    #[command(flatten)]
    store: Store,
}

impl Quarantine {
    pub(super) async fn run(self, env: impl Fn(&str) -> Option<String>) -> Result<String, Refusal> {
        let Self { ids, all, store } = self;
        let mut shards = journal::open(&store.place(env)?).await?;
        let mut told = String::new();
        if all {
            for shard in &mut shards {
                let seq = shard.quarantine(None).await?;
                let _ = writeln!(told, "{}: entry {seq} quarantines all deployments", shard.name);
            }
        }
        // None is quarantined where one is not there.
        let mut found = Vec::new();
        for id in ids {
            let of = shards.iter().position(|shard| shard.number_of(&id).is_some());
            found.push((of.ok_or_else(|| JournalToolError::NoSuchDeployment(id.clone()))?, id));
        }
        for (at, id) in found {
            let shard = &mut shards[at];
            let seq = shard.quarantine(shard.number_of(&id)).await?;
            let _ = writeln!(told, "{}: entry {seq} quarantines {id}", shard.name);
        }
        Ok(told)
    }
}
