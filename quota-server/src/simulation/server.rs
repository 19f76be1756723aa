use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::journal::PlayedJournal;
use super::link::StoreLink;
use super::process::Process;
use super::shared::PlayedShared;
use super::store::Store;
use crate::clock::Clock;
use crate::ledger::Ledger;
use crate::ledger::journaled::{JournaledConfig, JournaledLedger, OpenError};
use crate::ledger::postgres::{PostgresConfig, PostgresLedger};
use crate::memory::Memory;

/// How long closed windows are kept, hours.
const HISTORY: u32 = 1;

/// A server on a played store.
pub enum Server {
    /// It has the store to itself, as the embedded ledger has.
    Alone(Arc<JournaledLedger>),
    /// It shares the store, as the ledger on PostgreSQL does.
    OneOfMany(Arc<PostgresLedger>),
}

impl Server {
    /// Starts one that has the store to itself.
    ///
    /// # Errors
    /// It does not start, as the real one would not.
    pub async fn alone(
        store: &Store,
        process: &Process,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let journal = PlayedJournal::alone(StoreLink::new(store, process));
        let config = JournaledConfig {
            history_hours: HISTORY,
            memory: Memory::of_mib(64),
            ..JournaledConfig::new("")
        };
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let ledger = JournaledLedger::on(vec![journal], &config, clock, &tracker, stop).await?;
        Ok(Self::Alone(Arc::new(ledger)))
    }

    /// Starts one of several; its process has this name, and is reached at this URL.
    ///
    /// # Errors
    /// It does not start, as the real one would not.
    pub async fn one_of_many(
        store: &Store,
        process: &Process,
        clock: Arc<dyn Clock>,
        name: &str,
        url: &str,
    ) -> Result<Self, OpenError> {
        let config = PostgresConfig {
            database: "".into(),
            advertise_url: url.into(),
            server: name.into(),
            migrate: false,
            history_hours: HISTORY,
            memory: Memory::of_mib(64),
        };
        let shared = PlayedShared { store: store.clone(), process: process.clone() };
        let tracker = TaskTracker::new();
        let ledger = PostgresLedger::on(shared, config, clock, &tracker).await?;
        Ok(Self::OneOfMany(Arc::new(ledger)))
    }

    /// What callers speak with.
    #[must_use]
    pub fn ledger(&self) -> Arc<dyn Ledger> {
        match self {
            Self::Alone(ledger) => Arc::<JournaledLedger>::clone(ledger),
            Self::OneOfMany(ledger) => Arc::<PostgresLedger>::clone(ledger),
        }
    }

    /// Ends as by `kill -9`, wherever it is.
    pub async fn kill(&self) {
        match self {
            Self::Alone(ledger) => ledger.kill().await,
            Self::OneOfMany(ledger) => ledger.kill().await,
        }
    }
}
