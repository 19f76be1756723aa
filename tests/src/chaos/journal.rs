//! The first witness: the journal on the disk of a server that was killed, or in PostgreSQL, added
//! up step by step by the plainest arithmetic there is, not by the server's books.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use quota_api::{Amount, WindowKind};
use sqlx::{ConnectOptions, Connection, postgres::PgConnectOptions, sqlite::SqliteConnectOptions};

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

/// What a database has of a journal.
struct Rows {
    deployments: Vec<(i64, String)>,
    entries: Vec<(i64, Vec<u8>)>,
}

const DEPLOYMENTS: &str = "SELECT no, id FROM deployments";
const ENTRIES: &str = "SELECT seq, entry FROM journal ORDER BY seq";

/// Reads every shard. All deployments have this limit; their ids tell their kind.
pub(super) async fn replay(
    data_dir: &Path,
    limit: Amount,
    kind: impl Fn(&str) -> WindowKind,
) -> Result<Witness, JournalError> {
    let mut witness = Witness::default();
    for file in shards(data_dir)? {
        let mut shard = SqliteConnectOptions::new().filename(file).connect().await?;
        let rows = Rows {
            deployments: sqlx::query_as(DEPLOYMENTS).fetch_all(&mut shard).await?,
            entries: sqlx::query_as(ENTRIES).fetch_all(&mut shard).await?,
        };
        shard.close().await?;
        witness.books.extend(rows.add_up(limit, &kind)?);
    }
    Ok(witness)
}

/// The same of the journal in PostgreSQL.
pub(super) async fn replay_postgres(
    url: &str,
    limit: Amount,
    kind: impl Fn(&str) -> WindowKind,
) -> Result<Witness, JournalError> {
    let mut database = url.parse::<PgConnectOptions>()?.connect().await?;
    let rows = Rows {
        deployments: sqlx::query_as(DEPLOYMENTS).fetch_all(&mut database).await?,
        entries: sqlx::query_as(ENTRIES).fetch_all(&mut database).await?,
    };
    database.close().await?;
    Ok(Witness { books: rows.add_up(limit, &kind)? })
}

impl Rows {
    fn add_up(
        self,
        limit: Amount,
        kind: &impl Fn(&str) -> WindowKind,
    ) -> Result<BTreeMap<String, Ledger>, JournalError> {
        self.check_order()?;
        let with_ledger = |(number, id): (i64, String)| {
            let ledger = Ledger::new(kind(&id), limit);
            (number, (id, ledger))
        };
        let mut books: BTreeMap<_, _> = self.deployments.into_iter().map(with_ledger).collect();
        for (seq, bytes) in self.entries {
            let entry =
                Entry::read(&bytes).map_err(|source| JournalError::Entry { seq, source })?;
            for (number, event) in &entry.events {
                if let Some((_, ledger)) = books.get_mut(&i64::from(*number)) {
                    ledger.apply(&entry.now, event);
                }
            }
        }
        Ok(books.into_values().collect())
    }

    /// In order, and without a gap.
    fn check_order(&self) -> Result<(), JournalError> {
        match self.entries.windows(2).find(|pair| pair[1].0 != pair[0].0 + 1) {
            Some(pair) => Err(JournalError::Gap(pair[0].0)),
            None => Ok(()),
        }
    }
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
