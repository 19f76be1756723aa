use std::collections::VecDeque;

use clap::value_parser;
use quota_core::Event;
use serde::Serialize;

use super::JournalSource;
use crate::ask::Refusal;
use crate::journal::{self, JournalToolError, Shard};
use crate::ledger::journaled::{EntryError, EntryReader, Record};
use crate::mistake::Mistake;

/// Which entries are shown.
#[derive(Debug, clap::Args)]
pub struct Show {
    /// Only what is of this deployment, and entries that have something of it
    #[arg(long, value_name = "ID")]
    deployment: Option<String>,
    /// The number of the first entry that may be shown [default: the last ones are shown]
    #[arg(long, value_name = "SEQ")]
    from: Option<u64>,
    /// How many entries of each shard
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = value_parser!(u16).range(1..=1_000))]
    count: u16,
    #[command(flatten)]
    store: JournalSource,
}

/// An entry.
#[derive(Serialize)]
#[serde(untagged)]
enum EntryLine<'a> {
    Entry {
        journal: &'a str,
        seq: u64,
        window: u64,
        minute: u64,
        steady_ms: u64,
        records: Vec<EntryContent<'a>>,
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
enum EntryContent<'a> {
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
        let mut shards = journal::open(&store.place(env)?).await?;
        if let Some(id) = deployment.as_deref() {
            shards.retain(|shard| shard.known(id).is_some());
            if shards.is_empty() {
                return Err(JournalToolError::NoSuchDeployment(id.to_owned()).into());
            }
        }
        let mut told = String::new();
        for mut shard in shards {
            shard.hold_still().await?;
            let only = deployment.as_deref().and_then(|id| shard.known(id));
            for (seq, entry) in entries(&mut shard, only, from, count.into()).await? {
                let line = line(&shard, seq, &entry, only);
                let text = serde_json::to_string(&line);
                told.push_str(&text.map_err(|error| Mistake::at("entry", error.to_string()))?);
                told.push('\n');
            }
        }
        Ok(told)
    }
}

/// The entries to show: the first ones `from` there on, or the last ones.
async fn entries(
    shard: &mut Shard,
    only: Option<u32>,
    from: Option<u64>,
    count: usize,
) -> Result<VecDeque<(u64, Vec<u8>)>, JournalToolError> {
    let first = match (from, only) {
        (Some(from), _) => from,
        // Nobody knows how far back the last ones of a deployment are.
        (None, Some(_)) => 0,
        (None, None) => (shard.last_seq().await? + 1).saturating_sub(count as u64),
    };
    let mut entries = VecDeque::new();
    let each = |seq, entry: &[u8]| {
        if has_some_of(entry, only) {
            if entries.len() == count {
                entries.pop_front();
            }
            entries.push_back((seq, entry.to_vec()));
        }
        from.is_none() || entries.len() < count
    };
    shard.read(first, each).await?;
    Ok(entries)
}

fn has_some_of(entry: &[u8], only: Option<u32>) -> bool {
    let reader = EntryReader::new(entry);
    only.is_none() || reader.map_or(true, |mut of| of.any(|record| is_of(&record, only)))
}

/// What cannot be read may be of any deployment.
fn is_of(record: &Result<Record<'_>, EntryError>, only: Option<u32>) -> bool {
    let Some(only) = only else { return true };
    match record {
        Ok(Record::Event { deployment, .. }) => *deployment == only,
        Ok(Record::Doubt { deployment, .. }) => deployment.is_none_or(|no| no == only),
        Ok(Record::Holder { .. }) => false,
        Err(_) => true,
    }
}

fn line<'a>(shard: &'a Shard, seq: u64, entry: &'a [u8], only: Option<u32>) -> EntryLine<'a> {
    let journal = shard.name.as_str();
    match EntryReader::new(entry) {
        Ok(reader) => {
            let now = reader.stamp.now;
            let records = reader.filter(|record| is_of(record, only));
            let records = records.map(|record| shown(shard, record)).collect();
            let (window, minute, steady_ms) = (now.window.number, now.window.minute, now.steady_ms);
            EntryLine::Entry { journal, seq, window, minute, steady_ms, records }
        }
        Err(error) => EntryLine::Unreadable { journal, seq, unreadable: error.to_string() },
    }
}

fn shown<'a>(shard: &'a Shard, record: Result<Record<'a>, EntryError>) -> EntryContent<'a> {
    match record {
        Ok(Record::Holder { holder, credential, name }) => {
            EntryContent::Holder { holder: holder.0, name, credential }
        }
        Ok(Record::Event { deployment, event }) => {
            EntryContent::Event { deployment: shard.id_of(deployment), number: deployment, event }
        }
        Ok(Record::Doubt { deployment, .. }) => {
            EntryContent::Quarantine { quarantine: deployment.map(|no| shard.id_of(no)) }
        }
        Err(error) => EntryContent::Unreadable { unreadable: error.to_string() },
    }
}
