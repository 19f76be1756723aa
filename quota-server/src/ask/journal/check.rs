use std::fmt::Write as _;

use super::JournalSource;
use crate::ask::Refusal;
use crate::journal::{self, Followed, Shard};

/// Which journal is checked.
#[derive(Debug, clap::Args)]
pub struct Check {
    #[command(flatten)]
    store: JournalSource,
}

impl Check {
    pub(super) async fn run(self, env: impl Fn(&str) -> Option<String>) -> Result<String, Refusal> {
        let place = self.store.place(env)?;
        let (mut told, mut is_wrong) = (String::new(), false);
        for mut shard in journal::open(&place).await? {
            shard.hold_still().await?;
            let followed = shard.follow().await?;
            is_wrong |= followed.first_fault.is_some();
            tell(&mut told, &shard, &followed);
        }
        if is_wrong { Err(Refusal::No(told.trim_end().to_owned())) } else { Ok(told) }
    }
}

fn tell(told: &mut String, shard: &Shard, followed: &Followed) {
    let Followed { entries, first_fault, faults, in_doubt, is_all_in_doubt } = followed;
    let name = &shard.name;
    // Writing into a String does not fail.
    let _ = match first_fault {
        None => write!(told, "{name}: {entries} entries can be followed"),
        Some(fault) => {
            write!(told, "{name}: {faults} of {entries} entries cannot be followed: {fault}")
        }
    };
    if *is_all_in_doubt {
        told.push_str("; all deployments are in doubt");
    } else if !in_doubt.is_empty() {
        let _ = write!(told, "; in doubt: {}", in_doubt.join(", "));
    }
    told.push('\n');
}
