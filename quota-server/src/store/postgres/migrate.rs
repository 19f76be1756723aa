//! The tables, and whether this server knows them.

use std::collections::BTreeSet;

use futures_util::FutureExt;
use sqlx::migrate::{Migrate, MigrateError};
use sqlx::postgres::PgConnection;

use super::Database;
use crate::ledger::journaled::{JournalError, OpenError};

/// The migrations that this server knows.
pub(super) static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/postgres");

impl Database {
    /// Brings the tables up to date. Servers that do so at once wait for each other.
    pub(crate) async fn migrate(&self) -> Result<(), OpenError> {
        let mut connection = self.connect_patiently().await.map_err(|error| self.failed(error))?;
        // Boxed: the compiler cannot tell of the crate's generic future that threads may pass it
        // on.
        let run = MIGRATIONS.run_direct(None, &mut connection, false).boxed();
        match run.await {
            Ok(()) => Ok(()),
            Err(MigrateError::VersionMissing(version)) => Err(self.newer(version)),
            Err(error) => Err(self.failed(JournalError::new(error))),
        }
    }

    /// Leaves the tables as they are, if they are those that this server knows.
    pub(crate) async fn check_schema(&self) -> Result<(), OpenError> {
        let mut connection = self.connect_patiently().await.map_err(|error| self.failed(error))?;
        let applied = applied(&mut connection).await.map_err(|error| self.failed(error))?;
        let known: BTreeSet<i64> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        if let Some(version) = applied.difference(&known).next() {
            return Err(self.newer(*version));
        }
        match known.difference(&applied).next() {
            Some(version) => {
                Err(OpenError::OldSchema { name: self.name().to_owned(), version: *version })
            }
            None => Ok(()),
        }
    }

    fn failed(&self, source: JournalError) -> OpenError {
        OpenError::Store { name: self.name().to_owned(), source }
    }

    fn newer(&self, version: i64) -> OpenError {
        OpenError::NewerSchema { name: self.name().to_owned(), version }
    }
}

async fn applied(connection: &mut PgConnection) -> Result<BTreeSet<i64>, JournalError> {
    let sql = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL";
    let is_there = sqlx::query_scalar(sql).fetch_one(&mut *connection).await;
    if !is_there.map_err(JournalError::new)? {
        return Ok(BTreeSet::new());
    }
    let applied = connection.list_applied_migrations("_sqlx_migrations").await;
    let applied = applied.map_err(JournalError::new)?;
    Ok(applied.into_iter().map(|migration| migration.version).collect())
}
