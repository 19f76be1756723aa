//! The journal of a shard in one SQLite file: WAL mode, `synchronous=FULL`, one connection that
//! writes and a few that read the history.
//!
//! In the common case a commit is one statement, so one transaction and one fsync.

mod append;
mod aside;
mod backup;
mod files;
mod history;
mod load;
mod lock;
#[cfg(test)]
mod tests;
mod witness;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

pub(crate) use append::append_after_last;
pub(crate) use backup::{copy_into, databases, make_folder, put_back};
pub(crate) use files::{open_all, prepared, shard_files};
pub(crate) use history::read_history;
pub(crate) use load::{hold_still, last_seq, read_catalogue, read_entries};
pub(crate) use lock::FolderLock;

use crate::ledger::journaled::{
    Catalogue, Commit, History, Journal, JournalError, JournalFault, RecoveryError, ShardNo,
};
use history::SqliteHistory;
use witness::Witness;

/// The migrations that this server knows.
pub(super) static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/sqlite");

/// The journal of one shard.
pub(crate) struct SqliteJournal {
    path: PathBuf,
    name: String,
    connection: Option<SqliteConnection>,
    history: Arc<SqliteHistory>,
    /// `None`: it cannot be had.
    witness: Option<Witness>,
    /// Whether there was one before.
    was_witnessed: bool,
    is_vouched_for: bool,
}

impl SqliteJournal {
    fn new(path: &Path, connection: SqliteConnection, was_witnessed: bool) -> Self {
        Self {
            path: path.to_owned(),
            name: path.display().to_string(),
            connection: Some(connection),
            history: Arc::new(SqliteHistory::new(options(path).read_only(true))),
            witness: None,
            was_witnessed,
            is_vouched_for: true,
        }
    }

    /// Asks the witness, once: later on the database is open all the time.
    fn ask_witness(&mut self, last_seq: u64) {
        if self.witness.is_some() {
            return;
        }
        match Witness::of(&self.path) {
            Ok(mut witness) => {
                self.is_vouched_for = witness.vouches(last_seq, self.was_witnessed);
                self.witness = Some(witness);
            }
            Err(error) => {
                tracing::warn!(journal = self.name, %error, "there is no witness");
                self.is_vouched_for = !self.was_witnessed || last_seq == 0;
            }
        }
        if self.is_vouched_for {
            self.saw(last_seq);
        }
    }

    /// While a quarantine lasts the witness says what it said.
    fn saw(&mut self, seq: u64) {
        if let Some(witness) = self.witness.as_mut().filter(|_| self.is_vouched_for) {
            witness.saw(seq);
        }
    }

    /// The connection; a new one after [`SqliteJournal::drop_connection`].
    async fn connection(&mut self) -> Result<&mut SqliteConnection, JournalError> {
        if self.connection.is_none() {
            self.connection = Some(connect(&self.path).await.map_err(JournalError::new)?);
        }
        self.connection.as_mut().ok_or_else(|| JournalError::new("not connected"))
    }

    /// A connection that failed may be inside a transaction: it is not used again.
    async fn drop_connection(&mut self) {
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::debug!(journal = self.name, %error, "closing a failed connection");
        }
    }
}

impl Journal for SqliteJournal {
    fn name(&self) -> &str {
        &self.name
    }

    async fn load(&mut self) -> Result<Catalogue, JournalError> {
        self.drop_connection().await;
        let connection = self.connection().await?;
        let catalogue = read_catalogue(connection).await?;
        let last_seq = last_seq(connection).await?;
        self.ask_witness(last_seq);
        Ok(catalogue)
    }

    async fn replay(
        &mut self,
        first_seq: u64,
        each: impl FnMut(u64, &[u8]) -> Result<(), RecoveryError> + Send,
    ) -> Result<(), RecoveryError> {
        read_entries(self.connection().await?, first_seq, each).await
    }

    async fn append(&mut self, commit: Commit) -> Result<(), JournalError> {
        let seq = commit.seq;
        append::append(self.connection().await?, commit).await.map_err(JournalError::new)?;
        self.saw(seq);
        Ok(())
    }

    fn is_vouched_for(&self) -> bool {
        self.is_vouched_for
    }

    async fn doubt(&mut self) -> Result<(), JournalError> {
        self.is_vouched_for = false;
        if let Some(witness) = &mut self.witness {
            witness.doubt();
        }
        Ok(())
    }

    async fn vouch(&mut self) -> Result<(), JournalError> {
        let last_seq = last_seq(self.connection().await?).await?;
        self.is_vouched_for = true;
        self.saw(last_seq);
        if let Some(witness) = &mut self.witness {
            witness.write();
        }
        Ok(())
    }

    async fn trim(&mut self, seq: u64) -> Result<(), JournalError> {
        append::trim(self.connection().await?, seq).await.map_err(JournalError::new)
    }

    /// In files of its own: the database may be what is broken.
    async fn put_aside(&mut self, faults: &[JournalFault]) -> Result<(), JournalError> {
        aside::keep(&self.path, faults).map_err(JournalError::new)
    }

    async fn probe(&mut self) -> Result<(), JournalError> {
        self.drop_connection().await;
        append::probe(self.connection().await?).await.map_err(JournalError::new)
    }

    async fn close(&mut self) -> Result<(), JournalError> {
        self.history.close().await;
        if let Some(witness) = self.witness.as_mut().filter(|_| self.is_vouched_for) {
            witness.write();
        }
        if let Some(connection) = self.connection.take() {
            append::close(connection).await.map_err(JournalError::new)?;
        }
        Ok(())
    }

    fn history(&self) -> Arc<dyn History> {
        self.history.clone()
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(path).disable_statement_logging()
}

/// Connects, and makes the file where there is none.
pub(crate) async fn connect(path: &Path) -> sqlx::Result<SqliteConnection> {
    // SQLite makes the files beside it with the same mode.
    lock::owned(path)?;
    options(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .connect()
        .await
}

/// As if none of a folder's files had ever had a witness.
#[cfg(test)]
pub(crate) async fn never_witnessed(folder: &Path) {
    for path in shard_files(folder) {
        let mut connection = connect(&path).await.unwrap();
        let forget = sqlx::query("DELETE FROM meta WHERE key = 'witness'");
        forget.execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

/// Says in a file that is new which shard it is, and in any that it has a witness from now on:
/// whether it had one before.
async fn describe(connection: &mut SqliteConnection, shard: ShardNo) -> sqlx::Result<bool> {
    let pairs = [("shard", shard.no), ("shards", shard.of)];
    let mut transaction = connection.begin().await?;
    let mut is_new = false;
    for (key, value) in pairs.into_iter().chain([("witness", 1)]) {
        let inserted = sqlx::query("INSERT OR IGNORE INTO meta (key, value) VALUES (?, ?)")
            .bind(key)
            .bind(i64::from(value))
            .execute(&mut *transaction)
            .await?;
        is_new = inserted.rows_affected() > 0;
    }
    transaction.commit().await?;
    Ok(!is_new)
}
