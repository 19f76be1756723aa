//! Opening the ledger.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::books::Books;
use super::functions::Library;
use super::in_use::{Agreement, Found};
use super::link::Link;
use super::register::Register;
use super::single_flight::SingleFlight;
use super::site::Site;
use super::{Inner, RedisAddress, RedisConfig, RedisLedger};
use crate::clock::Clock;
use crate::ledger::Unavailable;
use crate::ledger::journaled::OpenError;
use crate::store::catalogue::{Catalogue, CatalogueError};

/// How long a start waits for Redis.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why the Redis ledger does not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenRedisError {
    /// The catalogue does not open.
    #[error(transparent)]
    Catalogue(#[from] OpenError),
    /// The catalogue cannot be read.
    #[error("the catalogue cannot be read: {0}")]
    Unread(Unavailable),
    /// Redis is not there, or does not take writes.
    #[error("{address} cannot be used (the log says why)")]
    Away {
        /// Which one.
        address: RedisAddress,
    },
    /// Servers of this catalogue use another Redis.
    #[error(
        "servers of this catalogue use another Redis than {address}: their grants would not be counted here; stop them, or use their --redis-url"
    )]
    Elsewhere {
        /// The one that this server was to use.
        address: RedisAddress,
    },
    /// Another catalogue's servers use this Redis.
    #[error(
        "{address} belongs to servers with another catalogue, whose books have the same numbers: use the same --database-url as they do, or another Redis"
    )]
    Foreign {
        /// Which one.
        address: RedisAddress,
    },
}

impl RedisLedger {
    /// Opens the catalogue, connects to Redis, and begins its beats on `tasks`.
    ///
    /// # Errors
    /// Redis or the catalogue cannot be used.
    pub async fn open(
        config: &RedisConfig,
        clock: Arc<dyn Clock>,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Result<Self, OpenRedisError> {
        let catalogue = Arc::new(open_catalogue(config).await?);
        let library = Library::new();
        let ledger = Self::open_on(catalogue, config, library, clock, tasks, stop).await?;
        ledger.inner.beat(tasks);
        Ok(ledger)
    }

    /// Opens it on this catalogue and library, without beats.
    pub(super) async fn open_on(
        catalogue: Arc<Catalogue>,
        config: &RedisConfig,
        library: Library,
        clock: Arc<dyn Clock>,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Result<Self, OpenRedisError> {
        let code = library.code().clone();
        let link = Link::begin(config.address.clone(), code, tasks, stop.clone());
        let inner = Inner {
            site: Site::new(catalogue.site(), &config.site),
            agreement: Agreement::default(),
            books: Books::new(link, library, clock),
            catalogue,
            catalogue_read: AtomicBool::new(true),
            register: Register::default(),
            permits: Semaphore::new(config.calls),
            calls: config.calls,
            readings: SingleFlight::default(),
            warnings: Mutex::default(),
            down: Mutex::default(),
            history_hours: config.history_hours,
            tasks: tasks.clone(),
            draining: CancellationToken::new(),
            stop,
        };
        inner.reach(&config.address).await?;
        inner.tell_writable();
        inner.refresh().await.map_err(OpenRedisError::Unread)?;
        Ok(Self { inner: Arc::new(inner) })
    }
}

impl Inner {
    async fn reach(&self, address: &RedisAddress) -> Result<(), OpenRedisError> {
        let away = || OpenRedisError::Away { address: address.clone() };
        self.books.link.reached(PATIENCE).await.map_err(|_down| away())?;
        if !self.site.claim(&self.books.link).await.map_err(|_refused| away())? {
            return Err(OpenRedisError::Foreign { address: address.clone() });
        }
        match self.look_patiently().await.map_err(|error| OpenRedisError::Unread(unread(&error)))? {
            Found::InUse => Ok(()),
            Found::Other => Err(OpenRedisError::Elsewhere { address: address.clone() }),
            Found::Away => {
                tracing::error!("Redis does not say which one it is");
                Err(away())
            }
        }
    }
}

fn unread(error: &CatalogueError) -> Unavailable {
    tracing::error!(%error, "the catalogue cannot be read");
    Unavailable::CannotWrite
}

async fn open_catalogue(config: &RedisConfig) -> Result<Catalogue, OpenError> {
    match &config.database_url {
        Some(url) => Catalogue::in_postgres(url, &config.site, config.migrate).await,
        None => Catalogue::in_folder(&config.data_dir, &config.site).await,
    }
}
