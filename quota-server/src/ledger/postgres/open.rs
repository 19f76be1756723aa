use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::candidate::{Candidate, Place};
use super::face::Face;
use super::followed::Followed;
use super::shared::SharedStore;
use super::{PostgresConfig, PostgresLedger};
use crate::clock::Clock;
use crate::ledger::journaled::{OpenError, RecoveryError};
use crate::store::DatabaseUrl;
use crate::store::postgres::{Database, SharedDatabase};

impl PostgresLedger {
    /// Brings the tables up to date, reads the books, and begins to stand by on `tracker`; where no
    /// other server writes, this one does when it returns.
    ///
    /// # Errors
    /// PostgreSQL does not answer, its tables are of another version, or the books cannot be read.
    pub async fn open(
        config: PostgresConfig,
        clock: Arc<dyn Clock>,
        tracker: &TaskTracker,
    ) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Store { name: "the database".to_owned(), source };
        let database = Database::new(config.database.clone()).map_err(failed)?;
        if config.migrate {
            database.migrate().await?;
        } else {
            database.check_schema().await?;
        }
        let warnings = warnings(&database).await?;
        let database = SharedDatabase::new(database).map_err(failed)?;
        let mut ledger = Self::on(database, config, clock, tracker).await?;
        ledger.warnings = warnings;
        Ok(ledger)
    }

    /// On a store whose tables are up to date.
    pub(crate) async fn on<S: SharedStore>(
        store: S,
        config: PostgresConfig,
        clock: Arc<dyn Clock>,
        tracker: &TaskTracker,
    ) -> Result<Self, OpenError> {
        let (face, shown) = watch::channel(Face::Reading);
        let (stop, history) = (CancellationToken::new(), store.history());
        let candidate = Candidate {
            store,
            config,
            clock,
            tracker: tracker.clone(),
            face,
            stop: stop.clone(),
            terms: 0,
            is_lost: false,
            last_epoch: 0,
            followed: Followed::default(),
        };
        let task = candidate.start().await?;
        let (warnings, candidate) = (Vec::new(), Mutex::new(Some(task)));
        Ok(Self { face: shown, history, warnings, stop, candidate })
    }

    /// Brings the tables of a database up to date, and nothing else.
    ///
    /// # Errors
    /// PostgreSQL does not answer, or a newer server has changed the tables.
    pub async fn migrate(database: DatabaseUrl) -> Result<(), OpenError> {
        let database = Database::new(database)
            .map_err(|source| OpenError::Store { name: "the database".to_owned(), source })?;
        database.migrate().await
    }
}

impl<S: SharedStore> Candidate<S> {
    /// The first look, whose failure is told to who starts the server; then on a task of its own.
    async fn start(mut self) -> Result<JoinHandle<()>, OpenError> {
        let place = self
            .begin()
            .await
            .map_err(|source| OpenError::Recovery { name: self.store.name().to_owned(), source })?;
        let tracker = self.tracker.clone();
        Ok(tracker.spawn(self.run(place)))
    }

    async fn begin(&mut self) -> Result<Place<S>, RecoveryError> {
        let mut seat = match self.come().await {
            Ok(seat) => seat,
            // The active server may remove entries while they are read.
            Err(error @ RecoveryError::Gap { .. }) => return Ok(self.lost(&error).await),
            Err(error) => return Err(error),
        };
        match self.look(&mut seat).await? {
            Some(term) => Ok(Place::Active(self.take_over(seat, term).await?)),
            None => Ok(Place::Standby(seat)),
        }
    }
}

/// What stands against durable commits. The server serves all the same: it may be a trial.
async fn warnings(database: &Database) -> Result<Vec<String>, OpenError> {
    let look = async {
        let mut connection = database.connect().await?;
        database.doubts(&mut connection).await
    };
    let doubts = look
        .await
        .map_err(|source| OpenError::Store { name: database.name().to_owned(), source })?;
    let doubts: Vec<String> = doubts.iter().map(ToString::to_string).collect();
    doubts.iter().for_each(|doubt| warn!("{doubt}"));
    Ok(doubts)
}
