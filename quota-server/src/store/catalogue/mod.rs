//! Deployments and closed windows beside a ledger that keeps only live windows (Redis): in
//! PostgreSQL for any number of servers, or in one SQLite file for one.
//!
//! Both databases run the same statements through `sqlx::Any`; what differs is how they are opened
//! (`open.rs`). Every call ends, with an error if the database does not answer.

mod deployments;
mod history;
mod instance;
mod open;
mod redis;
mod rows;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::AnyConnectOptions;
use sqlx::{AnyPool, ConnectOptions};
use tokio::time::timeout;

pub(crate) use deployments::{Change, InBook, News};
pub(crate) use instance::Instance;
use instance::Instances;
pub(crate) use redis::InUse;
pub(crate) use rows::Entry;

use super::DatabaseUrl;
use super::renewal::Renewal;
use super::sqlite::FolderLock;

/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The deployments and the history.
pub(crate) struct Catalogue {
    pool: AnyPool,
    /// Where it is, if that is PostgreSQL.
    database: Option<DatabaseUrl>,
    renewal: Renewal,
    site: Arc<str>,
    instances: Instances,
    /// Held while it is open, where only one server may have it.
    lock: Option<FolderLock>,
}

/// Why the catalogue was not read or changed. A change may have been made all the same.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CatalogueError {
    /// The database says so.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
    /// It said nothing.
    #[error("the database does not answer")]
    Silent,
}

impl Catalogue {
    /// Names the catalogue, so that two of them never share a Redis.
    pub(crate) fn site(&self) -> &str {
        &self.site
    }

    /// Connections that are opened from now on know a password that has changed. Where that cannot
    /// be read those that there are may do.
    async fn renew(&self) {
        if let Some(database) = &self.database
            && self.renewal.is_due(database)
            && let Ok(url) = database.url().await
            && let Ok(options) = AnyConnectOptions::from_url(&url)
        {
            self.pool.set_connect_options(options);
        }
    }

    /// Closes the database.
    pub(crate) async fn close(&self) {
        let _slow_to_close = timeout(PATIENCE, self.pool.close()).await;
    }
}

/// Ends a call that takes too long.
async fn bounded<T>(call: impl Future<Output = sqlx::Result<T>>) -> Result<T, CatalogueError> {
    within(PATIENCE, call).await
}

async fn within<T>(
    patience: Duration,
    call: impl Future<Output = sqlx::Result<T>>,
) -> Result<T, CatalogueError> {
    match timeout(patience, call).await {
        Ok(result) => Ok(result?),
        Err(_silent) => Err(CatalogueError::Silent),
    }
}
