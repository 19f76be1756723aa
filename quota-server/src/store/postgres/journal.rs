use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use tokio::time::Instant;

use super::database::Database;
use super::leader::{self, Me, Term};
use super::{PostgresHistory, append, aside, load};
use crate::ledger::journaled::{
    Catalogue, Commit, History, Journal, JournalError, JournalFault, RecoveryError,
};

/// How often a writer that commits nothing gives a sign of life.
const BEAT: Duration = Duration::from_millis(400);

/// The journal, for the one server that may write it.
pub(crate) struct PostgresJournal {
    database: Database,
    me: Me,
    term: Term,
    /// `None` after a failure: it may be inside a transaction.
    connection: Option<PgConnection>,
    beat_due: Instant,
    history: Arc<PostgresHistory>,
}

impl PostgresJournal {
    /// For the server that was elected for this term, on the connection that it was elected on.
    pub(crate) fn elected(
        database: Database,
        me: Me,
        term: Term,
        connection: PgConnection,
        history: Arc<PostgresHistory>,
    ) -> Self {
        let beat_due = Instant::now() + BEAT;
        Self { database, me, term, connection: Some(connection), beat_due, history }
    }

    /// Takes the connection out: a call that fails does not put it back.
    fn take(&mut self) -> Result<PgConnection, JournalError> {
        self.connection.take().ok_or_else(|| JournalError::new("not connected"))
    }

    fn put_back(&mut self, connection: PgConnection) {
        self.connection = Some(connection);
    }

    fn renewed(&mut self, connection: PgConnection) {
        self.put_back(connection);
        self.beat_due = Instant::now() + BEAT;
    }

    /// A new connection, and with it a new epoch.
    async fn connect(&mut self) -> Result<PgConnection, JournalError> {
        self.connection = None;
        let mut connection = self.database.connect().await?;
        self.term = leader::own(&mut connection, &self.me).await?;
        Ok(connection)
    }
}

impl Journal for PostgresJournal {
    fn name(&self) -> &str {
        self.database.name()
    }

    async fn load(&mut self) -> Result<Catalogue, JournalError> {
        let mut connection = self.connect().await?;
        let catalogue = load::read_catalogue(&mut connection).await?;
        self.renewed(connection);
        Ok(catalogue)
    }

    /// A long journal is read in parts, with signs of life in between.
    async fn replay(
        &mut self,
        first_seq: u64,
        each: impl FnMut(u64, &[u8]) -> Result<(), RecoveryError> + Send,
    ) -> Result<(), RecoveryError> {
        let mut connection = self.take()?;
        load::read_entries(&mut connection, first_seq, Some(self.term.epoch), each).await?;
        self.renewed(connection);
        Ok(())
    }

    async fn append(&mut self, commit: Commit) -> Result<(), JournalError> {
        let mut connection = self.take()?;
        append::append(&mut connection, self.term.epoch, commit).await?;
        self.renewed(connection);
        Ok(())
    }

    fn beat_due(&self) -> Option<Instant> {
        Some(self.beat_due)
    }

    async fn beat(&mut self, steady_ms: u64) -> Result<(), JournalError> {
        let mut connection = self.take()?;
        leader::renew(&mut connection, self.term.epoch, steady_ms).await?;
        self.renewed(connection);
        Ok(())
    }

    async fn trim(&mut self, seq: u64) -> Result<(), JournalError> {
        let mut connection = self.take()?;
        append::trim(&mut connection, seq).await?;
        self.put_back(connection);
        Ok(())
    }

    /// Each is a trip to the database, so not too few.
    fn trim_rows(&self) -> u64 {
        1_024
    }

    fn is_vouched_for(&self) -> bool {
        self.term.is_vouched_for
    }

    async fn doubt(&mut self) -> Result<(), JournalError> {
        let mut connection = self.take()?;
        leader::doubt(&mut connection, self.term.epoch).await?;
        self.renewed(connection);
        self.term.is_vouched_for = false;
        Ok(())
    }

    async fn vouch(&mut self) -> Result<(), JournalError> {
        let mut connection = self.take()?;
        leader::vouch(&mut connection, self.term.epoch).await?;
        self.renewed(connection);
        self.term.is_vouched_for = true;
        Ok(())
    }

    async fn put_aside(&mut self, faults: &[JournalFault]) -> Result<(), JournalError> {
        aside::keep(&self.database, faults).await
    }

    /// A new epoch is written durably.
    async fn probe(&mut self) -> Result<(), JournalError> {
        let connection = self.connect().await?;
        self.renewed(connection);
        Ok(())
    }

    /// Lets another server take over at once.
    async fn close(&mut self) -> Result<(), JournalError> {
        match self.connection.take() {
            Some(mut connection) => leader::resign(&mut connection, self.term.epoch).await,
            None => Ok(()),
        }
    }

    fn history(&self) -> Arc<dyn History> {
        self.history.clone()
    }
}
