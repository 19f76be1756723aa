//! PostgreSQL as the store that servers share.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnection;

use super::{Database, Leader, Me, News, PostgresHistory, PostgresJournal, Term, leader, load};
use crate::ledger::journaled::{Catalogue, History, JournalError};
use crate::ledger::postgres::SharedStore;

/// A database, and the connections that its history is read with.
#[derive(Clone)]
pub(crate) struct SharedDatabase {
    database: Database,
    history: Arc<PostgresHistory>,
}

impl SharedDatabase {
    /// Connects when it is first asked.
    ///
    /// # Errors
    /// The file of the password cannot be read.
    pub(crate) fn new(database: Database) -> Result<Self, JournalError> {
        let history = Arc::new(PostgresHistory::new(&database)?);
        Ok(Self { database, history })
    }
}

impl SharedStore for SharedDatabase {
    type Connection = PgConnection;
    type Journal = PostgresJournal;

    fn name(&self) -> &str {
        self.database.name()
    }

    fn history(&self) -> Arc<dyn History> {
        Arc::<PostgresHistory>::clone(&self.history)
    }

    async fn connect(&self) -> Result<PgConnection, JournalError> {
        self.database.connect().await
    }

    async fn look(connection: &mut PgConnection, term: Duration) -> Result<Leader, JournalError> {
        leader::look(connection, term).await
    }

    async fn elect(
        connection: &mut PgConnection,
        me: &Me,
        term: Duration,
    ) -> Result<Option<Term>, JournalError> {
        leader::elect(connection, me, term).await
    }

    async fn catalogue(connection: &mut PgConnection) -> Result<Catalogue, JournalError> {
        load::read_catalogue(connection).await
    }

    async fn news(connection: &mut PgConnection, next_seq: u64) -> Result<News, JournalError> {
        load::news(connection, next_seq).await
    }

    async fn still_there(
        connection: &mut PgConnection,
        numbers: &[u32],
    ) -> Result<Vec<u32>, JournalError> {
        load::still_there(connection, numbers).await
    }

    async fn oldest_seq(connection: &mut PgConnection) -> Result<Option<u64>, JournalError> {
        load::oldest_seq(connection).await
    }

    fn journal(&self, me: Me, term: Term, connection: PgConnection) -> PostgresJournal {
        let (database, history) = (self.database.clone(), Arc::clone(&self.history));
        PostgresJournal::elected(database, me, term, connection, history)
    }
}
