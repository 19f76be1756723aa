//! The ledger that the configuration names, and what it takes to open it.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::StartError;
use crate::clock::SystemClock;
use crate::config::{AdvertiseUrl, LedgerConfig, LedgerKind};
use crate::ledger::Ledger;
use crate::ledger::awaited::{self, Opener};
use crate::ledger::journaled::{JournaledConfig, JournaledLedger};
use crate::ledger::postgres::{PostgresConfig, PostgresLedger};
use crate::ledger::redis::{OpenRedisError, RedisConfig, RedisLedger};
use crate::metrics;
use crate::mistake::Mistake;

/// The ledger that the configuration names. One whose store is away is opened when that is there.
pub(super) async fn open(
    config: &LedgerConfig,
    place: Place,
    tasks: &TaskTracker,
) -> Result<Arc<dyn Ledger>, StartError> {
    match config.ledger {
        LedgerKind::Embedded => {
            metrics::active(true);
            let embedded = JournaledConfig {
                shards: config.shards,
                history_hours: config.history_hours,
                memory: config.memory(),
                ..JournaledConfig::new(config.data_dir.clone())
            };
            let clock = Arc::new(SystemClock::new());
            // Its own token: the ledger is stopped by its `stop`, after all that may call it.
            let ledger = JournaledLedger::open(&embedded, clock, tasks, CancellationToken::new());
            Ok(Arc::new(ledger.await?))
        }
        LedgerKind::Redis => {
            metrics::active(true);
            let config = redis_config(config, place.start_id)?;
            awaited::open(OnRedis { config, tasks: tasks.clone() }, tasks).await
        }
        LedgerKind::Postgres => {
            let config = postgres_config(config, &place)?;
            awaited::open(OnPostgres { config, tasks: tasks.clone() }, tasks).await
        }
    }
}

/// Opens the Redis ledger.
struct OnRedis {
    config: RedisConfig,
    tasks: TaskTracker,
}

impl Opener for OnRedis {
    type Error = StartError;

    fn open(&self) -> BoxFuture<'_, Result<Arc<dyn Ledger>, StartError>> {
        async move {
            let (clock, stop) = (Arc::new(SystemClock::new()), CancellationToken::new());
            let ledger = RedisLedger::open(&self.config, clock, &self.tasks, stop).await?;
            Ok(Arc::new(ledger) as Arc<dyn Ledger>)
        }
        .boxed()
    }

    fn may_pass(error: &StartError) -> bool {
        error.may_pass()
    }
}

/// Opens the ledger of one of many servers on PostgreSQL.
struct OnPostgres {
    config: PostgresConfig,
    tasks: TaskTracker,
}

impl Opener for OnPostgres {
    type Error = StartError;

    fn open(&self) -> BoxFuture<'_, Result<Arc<dyn Ledger>, StartError>> {
        async move {
            let clock = Arc::new(SystemClock::new());
            let ledger = PostgresLedger::open(self.config.clone(), clock, &self.tasks).await?;
            metrics::store_warnings(ledger.warnings().len());
            Ok(Arc::new(ledger) as Arc<dyn Ledger>)
        }
        .boxed()
    }

    fn may_pass(error: &StartError) -> bool {
        error.may_pass()
    }
}

impl StartError {
    /// Whether the store may be there a moment later, as it should be.
    fn may_pass(&self) -> bool {
        match self {
            Self::Ledger(error) | Self::Redis(OpenRedisError::Catalogue(error)) => error.may_pass(),
            Self::Redis(OpenRedisError::Unread(_)) => true,
            Self::Configured(_) | Self::Listen { .. } | Self::Metrics(_) => false,
        }
    }
}

fn postgres_config(config: &LedgerConfig, place: &Place) -> Result<PostgresConfig, Mistake> {
    let advertised = config.advertise_url.as_ref().map(AdvertiseUrl::as_str);
    let missing = || Mistake::at("ledger", "`database_url` must be set too");
    Ok(PostgresConfig {
        database: config.database()?.ok_or_else(missing)?,
        advertise_url: advertised.map_or_else(|| place.url(), Into::into),
        server: format!("{:016x}", place.start_id).into(),
        migrate: !config.no_migrate,
        history_hours: config.history_hours,
        memory: config.memory(),
    })
}

/// What a ledger may need to know of the server around it.
pub(super) struct Place {
    /// Where it will listen.
    pub(super) address: SocketAddr,
    pub(super) encrypted: bool,
    /// Tells this start from others.
    pub(super) start_id: u64,
}

impl Place {
    fn url(&self) -> Arc<str> {
        let scheme = if self.encrypted { "https" } else { "http" };
        format!("{scheme}://{}", self.address).into()
    }
}

fn redis_config(config: &LedgerConfig, start_id: u64) -> Result<RedisConfig, Mistake> {
    let address = config.redis.address()?;
    // A catalogue that is made now is named after this start.
    let site = format!("{start_id:016x}");
    Ok(RedisConfig {
        database: config.database()?,
        migrate: !config.no_migrate,
        history_hours: config.history_hours,
        acknowledged: config.redis.redis_acknowledge.clone().unwrap_or_default(),
        ..RedisConfig::new(address, config.data_dir.clone(), site)
    })
}
