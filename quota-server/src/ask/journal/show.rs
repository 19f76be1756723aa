use clap::value_parser;
use quota_core::Event;
use serde::Serialize;

use super::Store;
use crate::ask::Refusal;
use crate::journal::{self, Shard};
use crate::ledger::journaled::{EntryReader, Record};
use crate::mistake::Mistake;

/// Which entries are shown.
#[derive(Debug, clap::Args)]
pub struct Show {
    /// Only what is of this deployment
    #[arg(long, value_name = "ID")]
    deployment: Option<String>,
    /// The number of the first entry [default: so many before the last]
    #[arg(long, value_name = "SEQ")]
    from: Option<u64>,
    /// How many entries of each shard
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = value_parser!(u64).range(1..=1_000))]
    count: u64,
    #[command(flatten)]
    store: Store,
}

/// An entry.
#[derive(Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Entry {
        journal: &'a str,
        seq: u64,
        window: u64,
        minute: u64,
        steady_ms: u64,
        records: Vec<Shown<'a>>,
    },
    Unreadable {
        journal: &'a str,
        seq: u64,
        unreadable: String,
    },
}

/// What is in it.
#[derive(Serialize)]
#[serde(untagged)]
enum Shown<'a> {
    Holder {
        holder: u32,
        name: &'a str,
        credential: &'a str,
    },
    Event {
        deployment: &'a str,
        number: u32,
        event: Event,
    },
    /// `None`: all of the shard.
    Quarantine {
        quarantine: Option<&'a str>,
    },
    Unreadable {
        unreadable: String,
    },
}

impl Show {
    pub(super) async fn run(self, env: impl Fn(&str) -> Option<String>) -> Result<String, Refusal> {
        let Self { deployment, from, count, store } = self;
        let mut told = String::new();
        for mut shard in journal::open(&store.place(env)?).await? {
            shard.hold_still().await?;
            let last = shard.last_seq().await?;
            let first = from.unwrap_or_else(|| (last + 1).saturating_sub(count));
            let mut entries = Vec::new();
            shard
                .read(first, |seq, entry| {
                    entries.push((seq, entry.to_vec()));
                    (entries.len() as u64) < count
                })
                .await?;
            for (seq, entry) in entries.iter().take(usize::try_from(count).unwrap_or(usize::MAX)) {
                let line = line(&shard, *seq, entry, deployment.as_deref());
                let text = serde_json::to_string(&line);
                told.push_str(&text.map_err(|error| Mistake::at("entry", error.to_string()))?);
                told.push('\n');
            }
        }
        Ok(told)
    }
}

fn line<'a>(shard: &'a Shard, seq: u64, entry: &'a [u8], only: Option<&str>) -> Line<'a> {
    let journal = shard.name.as_str();
    match EntryReader::new(entry) {
        Ok(reader) => {
            let now = reader.stamp.now;
            let records =
                reader.map(|record| shown(shard, record)).filter(|shown| shown.is_of(only));
            let records = records.collect();
            let (window, minute, steady_ms) = (now.window.number, now.window.minute, now.steady_ms);
            Line::Entry { journal, seq, window, minute, steady_ms, records }
        }
        Err(error) => Line::Unreadable { journal, seq, unreadable: error.to_string() },
    }
}

fn shown<'a>(shard: &'a Shard, record: Result<Record<'a>, impl ToString>) -> Shown<'a> {
    match record {
        Ok(Record::Holder { holder, credential, name }) => {
            Shown::Holder { holder: holder.0, name, credential }
        }
        Ok(Record::Event { deployment, event }) => {
            Shown::Event { deployment: shard.id_of(deployment), number: deployment, event }
        }
        Ok(Record::Doubt { deployment, .. }) => {
            Shown::Quarantine { quarantine: deployment.map(|no| shard.id_of(no)) }
        }
        Err(error) => Shown::Unreadable { unreadable: error.to_string() },
    }
}

impl Shown<'_> {
    fn is_of(&self, only: Option<&str>) -> bool {
        match self {
            Self::Event { deployment, .. } => only.is_none_or(|only| only == *deployment),
            Self::Quarantine { quarantine } => {
                only.is_none_or(|only| quarantine.is_none_or(|id| id == only))
            }
            Self::Holder { .. } => only.is_none(),
            Self::Unreadable { .. } => true,
        }
    }
}
