use std::fmt::Write as _;

use super::JournalSource;
use crate::ask::Refusal;
use crate::journal::{self, JournalToolError, Shard};

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
    store: JournalSource,
}

impl Quarantine {
    /// Whatever becomes of one, the others are quarantined, and what was done is told.
    pub(super) async fn run(self, env: impl Fn(&str) -> Option<String>) -> Result<String, Refusal> {
        let Self { ids, all, store } = self;
        let mut shards = journal::open(&store.place(env)?).await?;
        let (mut told, mut is_any, mut has_failed) = (String::new(), false, false);
        for (at, id) in orders(&shards, ids)? {
            let shard = &mut shards[at];
            let number = id.as_deref().and_then(|id| shard.number_of(id));
            // Writing into a String does not fail.
            let _ = match shard.quarantine(number).await {
                Ok(seq) => {
                    is_any = true;
                    let what = id.as_deref().unwrap_or("all deployments");
                    writeln!(told, "{}: entry {seq} quarantines {what}", shard.name)
                }
                Err(error) => {
                    // One of many shards may have no deployments.
                    has_failed |= !(all && matches!(error, JournalToolError::NoEntry(_)));
                    writeln!(told, "{error}")
                }
            };
        }
        if is_any && !has_failed { Ok(told) } else { Err(Refusal::No(told.trim_end().to_owned())) }
    }
}

/// Which shards are to be written to, and for which deployment: none, where one is not there.
/// Without any: each shard, for all of its deployments.
fn orders(
    shards: &[Shard],
    ids: Vec<String>,
) -> Result<Vec<(usize, Option<String>)>, JournalToolError> {
    if ids.is_empty() {
        return Ok((0..shards.len()).map(|at| (at, None)).collect());
    }
    let found = ids.into_iter().map(|id| {
        let at = shards.iter().position(|shard| shard.number_of(&id).is_some());
        at.map(|at| (at, Some(id.clone()))).ok_or(JournalToolError::NoSuchDeployment(id))
    });
    found.collect()
}
