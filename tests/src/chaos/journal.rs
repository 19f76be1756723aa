//! The first witness: the journal on the disk of a server that was killed, added up step by step by
//! the plainest arithmetic there is, not by the server's books.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use quota_api::{Amount, WindowKind};
use sqlx::{
    ConnectOptions, Connection,
    sqlite::{SqliteConnectOptions, SqliteConnection},
};

use super::{
    entry::{Entry, EntryError},
    ledger::Ledger,
};

/// What every file of SQLite begins with.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Why a journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The data directory cannot be read.
    #[error("the data directory: {0}")]
    Folder(#[from] io::Error),
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] sqlx::Error),
    /// An entry cannot be read.
    #[error("entry {seq}: {source}")]
    Entry {
        /// Its number.
        seq: i64,
        /// Why not.
        source: EntryError,
    },
    /// An entry is missing.
    #[error("after entry {0} one is missing")]
    Gap(i64),
}

/// What the journal of a data directory says, by deployment.
#[derive(Debug, Default)]
pub(super) struct Witness {
    pub(super) books: BTreeMap<String, Ledger>,
}

/// Reads every shard. All deployments have this limit; their ids tell their kind.
pub(super) async fn replay(
    data_dir: &Path,
    limit: Amount,
    kind: impl Fn(&str) -> WindowKind,
) -> Result<Witness, JournalError> {
    let mut witness = Witness::default();
    for file in shards(data_dir)? {
        let mut shard = SqliteConnectOptions::new().filename(file).connect().await?;
        let mut books: BTreeMap<u32, (String, Ledger)> = BTreeMap::new();
        for (number, id) in deployments(&mut shard).await? {
            let ledger = Ledger::new(kind(&id), limit);
            books.insert(number, (id, ledger));
        }
        for (seq, bytes) in entries(&mut shard).await? {
            let entry =
                Entry::read(&bytes).map_err(|source| JournalError::Entry { seq, source })?;
            for (number, event) in &entry.events {
                if let Some((_, ledger)) = books.get_mut(number) {
                    ledger.apply(&entry.now, event);
                }
            }
        }
        shard.close().await?;
        witness.books.extend(books.into_values());
    }
    Ok(witness)
}

fn shards(data_dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut shards = Vec::new();
    for file in std::fs::read_dir(data_dir)? {
        let path = file?.path();
        if path.is_file() && std::fs::read(&path)?.starts_with(MAGIC) {
            shards.push(path);
        }
    }
    Ok(shards)
}

async fn deployments(shard: &mut SqliteConnection) -> Result<Vec<(u32, String)>, sqlx::Error> {
    sqlx::query_as("SELECT no, id FROM deployments").fetch_all(shard).await
}

/// In order, and without a gap.
async fn entries(shard: &mut SqliteConnection) -> Result<Vec<(i64, Vec<u8>)>, JournalError> {
    let entries: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT seq, entry FROM journal ORDER BY seq").fetch_all(shard).await?;
    match entries.windows(2).find(|pair| pair[1].0 != pair[0].0 + 1) {
        Some(pair) => Err(JournalError::Gap(pair[0].0)),
        None => Ok(entries),
    }
}
