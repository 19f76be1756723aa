//! A journal as it lies in its store, for operators: read by itself, whether a server runs on it or
//! not, and quarantined by hand.
//!
//! What is read is what a start would read. A quarantine (R7) is an entry of its own, after the
//! last one, by whoever writes it: a server that runs on the store finds its next commit's number
//! taken, which is a commit that fails. So it reads the journal again, comes upon that entry, and
//! grants nothing of what is in doubt (`ledger/journaled/doubt.rs`). No grant can be in between: it
//! would have had that number. A ledger that commits nothing for hours notices nothing either, and
//! what is in doubt is the window of then.

use std::path::PathBuf;

use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;

use crate::ledger::journaled::{
    Catalogue, EntryError, EntryReader, JournalError, RecoveryError, Replay, ShardNo, doubt_entry,
};
use crate::store::DatabaseUrl;
use crate::store::postgres::{self, Database};
use crate::store::sqlite::{self, shard_files};

/// Where journals are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A data directory of the embedded ledger.
    Folder(PathBuf),
    /// A PostgreSQL database.
    Postgres(DatabaseUrl),
}

/// Why nothing can be told or done.
#[derive(Debug, thiserror::Error)]
pub enum JournalToolError {
    /// There is no journal.
    #[error("there is no ledger in {}", .0.display())]
    Empty(PathBuf),
    /// The store does not answer.
    #[error("{name}: {source}")]
    Store {
        /// Which one.
        name: String,
        /// What it said.
        source: JournalError,
    },
    /// No journal has this deployment.
    #[error("there is no deployment `{0}`")]
    NoSuchDeployment(String),
    /// There is nothing that could be in doubt.
    #[error("{0}: the journal has no entry")]
    NoEntry(String),
    /// Its last entry does not say what time it is.
    #[error(
        "{name}: the last entry, {seq}, cannot be read ({source}): a start quarantines the whole shard by itself"
    )]
    LastEntry {
        /// Which journal.
        name: String,
        /// Which entry.
        seq: u64,
        /// Why not.
        source: EntryError,
    },
}

/// The journal of one shard.
#[derive(Debug)]
pub struct Shard {
    /// Its file, or its database.
    pub name: String,
    pub(crate) catalogue: Catalogue,
    connection: Connected,
}

#[derive(Debug)]
enum Connected {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Why no more entries are read.
enum End {
    Enough,
    Failed(JournalError),
}

impl From<JournalError> for End {
    fn from(source: JournalError) -> Self {
        Self::Failed(source)
    }
}

/// Opens the journals of a place, for reading and for [`Shard::quarantine`].
///
/// # Errors
/// There are none, or the store does not answer.
pub async fn open(place: &Place) -> Result<Vec<Shard>, JournalToolError> {
    match place {
        Place::Folder(folder) => open_folder(folder.clone()).await,
        Place::Postgres(url) => {
            let failed = |source| JournalToolError::Store { name: "PostgreSQL".into(), source };
            let database = Database::new(url.clone()).map_err(failed)?;
            let name = database.name().to_owned();
            let failed = |source| JournalToolError::Store { name: name.clone(), source };
            let mut connection = database.connect().await.map_err(failed)?;
            let catalogue = postgres::read_catalogue(&mut connection).await.map_err(failed)?;
            Ok(vec![Shard { name, catalogue, connection: Connected::Postgres(connection) }])
        }
    }
}

async fn open_folder(folder: PathBuf) -> Result<Vec<Shard>, JournalToolError> {
    let files = shard_files(&folder);
    if files.is_empty() {
        return Err(JournalToolError::Empty(folder));
    }
    let mut shards = Vec::new();
    for file in files {
        let name = file.display().to_string();
        let failed = |source| JournalToolError::Store { name: name.clone(), source };
        let connected = sqlite::connect(&file).await.map_err(JournalError::new);
        let mut connection = connected.map_err(failed)?;
        let catalogue = sqlite::read_catalogue(&mut connection).await.map_err(failed)?;
        let connection = Connected::Sqlite(connection);
        shards.push(Shard { name, catalogue, connection });
    }
    Ok(shards)
}

impl Shard {
    /// The number of its last entry; 0: there is none.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn last_seq(&mut self) -> Result<u64, JournalToolError> {
        let last = match &mut self.connection {
            Connected::Sqlite(connection) => sqlite::last_seq(connection).await,
            Connected::Postgres(connection) => postgres::last_seq(connection).await,
        };
        last.map_err(|source| self.failed(source))
    }

    /// Gives each entry from `first_seq` on to `each`, in order, until it says that it is enough.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn read(
        &mut self,
        first_seq: u64,
        mut each: impl FnMut(u64, &[u8]) -> bool + Send,
    ) -> Result<(), JournalToolError> {
        let each = |seq, entry: &[u8]| each(seq, entry).then_some(()).ok_or(End::Enough);
        let read = match &mut self.connection {
            Connected::Sqlite(connection) => {
                sqlite::read_entries(connection, first_seq, each).await
            }
            Connected::Postgres(connection) => {
                postgres::read_entries(connection, first_seq, None, each).await
            }
        };
        match read {
            Ok(()) | Err(End::Enough) => Ok(()),
            Err(End::Failed(source)) => Err(self.failed(source)),
        }
    }

    /// The number of a deployment that is there.
    #[must_use]
    pub fn number_of(&self, id: &str) -> Option<u32> {
        let mut rows = self.catalogue.deployments.iter().filter(|row| !row.deleted);
        rows.find(|row| &*row.id == id).map(|row| row.no)
    }

    /// The same, also of a deleted one that is not forgotten.
    #[must_use]
    pub fn known(&self, id: &str) -> Option<u32> {
        self.catalogue.deployments.iter().find(|row| &*row.id == id).map(|row| row.no)
    }

    /// The deployment of this number, also a deleted one; `?` where there is none.
    #[must_use]
    pub fn id_of(&self, number: u32) -> &str {
        let mut rows = self.catalogue.deployments.iter();
        rows.find(|row| row.no == number).map_or("?", |row| &row.id)
    }

    /// Follows its entries as a start would.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn follow(&mut self) -> Result<Followed, JournalToolError> {
        let (kept, oldest_seq) = (self.catalogue.kept, self.catalogue.oldest_seq);
        let mut replay = Replay::new(ShardNo::ALONE, self.catalogue.clone());
        let mut followed = Followed::default();
        self.read(kept.first_seq, |seq, entry| {
            followed.entries += 1;
            if let Err(fault) = replay.take_in(seq, entry) {
                followed.faults += 1;
                followed.first_fault.get_or_insert(fault);
            }
            true
        })
        .await?;
        (followed.in_doubt, followed.is_all_in_doubt) = replay.finish(oldest_seq).in_doubt();
        Ok(followed)
    }

    /// Puts this deployment in doubt, or all of the shard: the number of the entry that says so.
    ///
    /// # Errors
    /// The store does not answer, or nobody can tell of which window that would be.
    pub async fn quarantine(&mut self, deployment: Option<u32>) -> Result<u64, JournalToolError> {
        let name = self.name.clone();
        let entry = |last: Option<(u64, Vec<u8>)>| {
            let (seq, entry) = last.ok_or_else(|| JournalToolError::NoEntry(name.clone()))?;
            match EntryReader::new(&entry) {
                Ok(reader) => Ok((seq + 1, doubt_entry(&reader.stamp, deployment))),
                Err(source) => Err(JournalToolError::LastEntry { name: name.clone(), seq, source }),
            }
        };
        let written = match &mut self.connection {
            Connected::Sqlite(connection) => sqlite::append_after_last(connection, entry).await,
            Connected::Postgres(connection) => postgres::append_after_last(connection, entry).await,
        };
        written.map_err(|source| self.failed(source))?
    }

    fn failed(&self, source: JournalError) -> JournalToolError {
        JournalToolError::Store { name: self.name.clone(), source }
    }

    /// From now on reads all as it is now, whatever is written meanwhile. Not before a quarantine.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn hold_still(&mut self) -> Result<(), JournalToolError> {
        let catalogue = match &mut self.connection {
            Connected::Sqlite(connection) => sqlite::hold_still(connection).await,
            Connected::Postgres(connection) => postgres::hold_still(connection).await,
        };
        self.catalogue = catalogue.map_err(|source| self.failed(source))?;
        Ok(())
    }
}

/// What of a journal can be followed.
#[derive(Debug, Default)]
pub struct Followed {
    /// How many entries there are that count.
    pub entries: u64,
    /// The first of them that cannot be followed.
    pub first_fault: Option<RecoveryError>,
    /// How many cannot be.
    pub faults: u64,
    /// Deployments that are in doubt after the last entry, each by itself.
    pub in_doubt: Vec<String>,
    /// All of the shard is.
    pub is_all_in_doubt: bool,
}
