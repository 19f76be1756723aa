//! Opening the ledger.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::books::RedisBooks;
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
use crate::store::catalogue::Catalogue;

/// How long a start waits for the first try to connect to Redis, whose parts each have their time
/// (several sentinels are asked one after another), and then goes on without.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why the Redis ledger does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenRedisError {
    /// The catalogue does not open.
    #[error(transparent)]
    Catalogue(#[from] OpenError),
    /// The catalogue cannot be read.
    #[error("the catalogue cannot be read: {0}")]
    Unread(Unavailable),
}

/// Why nothing can be granted from Redis just now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedisTrouble {
    /// Redis is not there, or does not take writes.
    #[error("{address} cannot be used: {why}")]
    Away {
        /// Which one.
        address: RedisAddress,
        /// What the last try came to.
        why: String,
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
    /// Opens the catalogue, tries to connect to Redis, and begins its beats on `tasks`. A Redis
    /// that cannot be used yet is waited for beside the server's work.
    ///
    /// # Errors
    /// The catalogue cannot be used. Nothing is left running then.
    pub async fn open(
        config: &RedisConfig,
        clock: Arc<dyn Clock>,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Result<Self, OpenRedisError> {
        let catalogue = Arc::new(open_catalogue(config).await?);
        let library = Library::new();
        let ledger = Self::open_on(catalogue, config, library, clock, tasks, stop).await?;
        if let Err(trouble) = ledger.inner.settle().await {
            tracing::warn!(%trouble, "nothing is granted yet; trying on");
        }
        ledger.inner.beat(tasks);
        Ok(ledger)
    }

    /// Opens it on this catalogue and library, without beats, and begins to connect to Redis.
    pub(super) async fn open_on(
        catalogue: Arc<Catalogue>,
        config: &RedisConfig,
        library: Library,
        clock: Arc<dyn Clock>,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Result<Self, OpenRedisError> {
        let link = Link::begin(config.address.clone(), library.clone(), tasks, stop.clone());
        let inner = Inner {
            site: Site::new(catalogue.site(), &config.site),
            agreement: Agreement::default(),
            books: RedisBooks::new(link, library, clock),
            address: config.address.clone(),
            catalogue,
            catalogue_read: AtomicBool::new(true),
            register: Register::default(),
            permits: Semaphore::new(config.calls),
            calls: config.calls,
            readings: SingleFlight::default(),
            warnings: Mutex::default(),
            acknowledged: config.acknowledged.clone(),
            down: Mutex::default(),
            history_hours: config.history_hours,
            tasks: tasks.clone(),
            draining: CancellationToken::new(),
            stop,
        };
        if let Err(unread) = inner.refresh().await {
            inner.stop.cancel();
            return Err(OpenRedisError::Unread(unread));
        }
        Ok(Self { inner: Arc::new(inner) })
    }
}

impl Inner {
    /// Waits for the first try to connect to Redis, and where it is reached until that is known to
    /// be the one in use.
    pub(super) async fn settle(&self) -> Result<(), RedisTrouble> {
        let _came_to_nothing_yet = timeout(PATIENCE, self.books.link.tried()).await;
        let is_reached = self.books.link.process().is_some();
        let found = if is_reached { self.look_patiently().await } else { self.look().await };
        self.tell_writable();
        match found {
            Ok(Found::InUse) => Ok(()),
            _ => {
                Err(self.trouble().unwrap_or_else(|| self.away("it does not say which one it is")))
            }
        }
    }

    /// What keeps this server from granting, if anything does that it knows of.
    pub(super) fn trouble(&self) -> Option<RedisTrouble> {
        let address = || self.address.clone();
        if self.site.is_foreign() {
            return Some(RedisTrouble::Foreign { address: address() });
        }
        if self.agreement.is_other() {
            return Some(RedisTrouble::Elsewhere { address: address() });
        }
        if let Some(why) = self.books.link.refusal() {
            return Some(self.away(&why));
        }
        let refused = self.down.lock().unwrap_or_else(PoisonError::into_inner);
        refused.first().map(|probed| self.away(&probed.to_string()))
    }

    fn away(&self, why: &str) -> RedisTrouble {
        RedisTrouble::Away { address: self.address.clone(), why: why.to_owned() }
    }
}

async fn open_catalogue(config: &RedisConfig) -> Result<Catalogue, OpenError> {
    match &config.database {
        Some(url) => Catalogue::in_postgres(url.clone(), &config.site, config.migrate).await,
        None => Catalogue::in_folder(&config.data_dir, &config.site).await,
    }
}
