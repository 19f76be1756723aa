//! Puts the server together: the one place that knows which ledger, clock and recorder there are.

mod stores;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use edge::descriptors;
use edge::listener::{Bound, Encryption, Listener, Stop};
use metrics_exporter_prometheus::{BuildError, PrometheusHandle};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::audit::Audit;
use crate::auth::Gate;
use crate::banner::Banner;
use crate::config::{Config, LedgerConfig, LedgerKind};
use crate::declared::{self, Content, Declared, NotApplied};
use crate::http::{self, Api, RequestIds, Serving};
use crate::ledger::journaled::{JournaledLedger, OpenError};
use crate::ledger::postgres::PostgresLedger;
use crate::ledger::redis::OpenRedisError;
use crate::ledger::{Ledger, Put, PutError, Role};
use crate::lifecycle::{self, Asked, Signals};
use crate::metrics;
use crate::mistake::Mistake;
use crate::reload::{DeploymentsFile, Reload};
use crate::renewal::{Renewable, Renewal};
use crate::tls::Tls;
use stores::{Place, open};

/// How often the samples of histograms are taken together: unread, they take memory.
const UPKEEP: Duration = Duration::from_secs(5);

/// How long the ledger may take to close its store.
const LEDGER_STOP: Duration = Duration::from_secs(10);

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The ledger does not open.
    #[error(transparent)]
    Ledger(#[from] OpenError),
    /// The Redis ledger does not open.
    #[error(transparent)]
    Redis(#[from] OpenRedisError),
    /// Where the store is, or how to log in there, cannot be told.
    #[error(transparent)]
    Configured(#[from] Mistake),
    /// The declared deployments cannot be put.
    #[error("the deployments file cannot be applied: {0}")]
    Declared(#[from] NotApplied),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The metrics cannot be set up.
    #[error("cannot record metrics: {0}")]
    Metrics(#[from] BuildError),
}

/// The ledger died of a fault while it served.
#[derive(Debug, thiserror::Error)]
#[error(
    "the ledger has died of a fault, see the log: started again, the server reads its books anew"
)]
pub struct LedgerDied;

/// Who is let in, and how connections are encrypted.
pub struct Guard {
    /// Who is let in.
    pub gate: Gate,
    /// `None`: they are not.
    pub tls: Option<Tls>,
    /// Where changes are written down.
    pub audit: Audit,
}

/// A server that is ready to serve.
pub struct App {
    config: Config,
    gate: Arc<Gate>,
    tls: Option<Arc<Tls>>,
    audit: Audit,
    ledger: Arc<dyn Ledger>,
    listener: Listener,
    address: SocketAddr,
    exposition: PrometheusHandle,
    start_id: u64,
    reload: Reload,
    /// The deployments file as it was when the start applied it; a start may leave that for later.
    applied: Option<Content>,
    /// What a ledger, a reload and the metrics do meanwhile.
    background: TaskTracker,
}

impl App {
    /// Opens the ledger, applies the declared deployments and listens; `start_id` tells this start
    /// from others in the names of requests.
    ///
    /// # Errors
    /// What did not work.
    pub async fn start(
        config: Config,
        guard: Guard,
        declared: Declared,
        start_id: u64,
    ) -> Result<Self, StartError> {
        let exposition = metrics::exposition()?.install_recorder()?;
        metrics::describe();
        let background = TaskTracker::new();
        let address = config.http.listen;
        let unheard = |source| StartError::Listen { address, source };
        let bound = Bound::bind(address).map_err(unheard)?;
        let address = bound.address().map_err(unheard)?;
        let reload = Reload::default();
        let tls = guard.tls.map(Arc::new);
        warn_of_exposure(address, tls.is_some());
        let place = Place { address, encrypted: tls.is_some(), start_id };
        metrics::ledger(config.ledger.ledger.name());
        let ledger = open(&config.ledger, place, &background).await?;
        let content = declared.content;
        let applied = apply(&*ledger, declared.puts, &guard.audit).await?.then_some(content);
        descriptors::raise();
        let listener =
            bound.listen(&config.http.bounds(), encryption(&config, &tls)).map_err(unheard)?;
        Ok(Self {
            reload,
            applied,
            config,
            gate: Arc::new(guard.gate),
            audit: guard.audit,
            tls,
            ledger,
            listener,
            address,
            exposition,
            start_id,
            background,
        })
    }

    /// What to tell whoever started it.
    #[must_use]
    pub fn banner(&self) -> String {
        let ledger = self.config.ledger.shown();
        let (address, encrypted) = (self.address, self.tls.is_some());
        Banner { address, encrypted, ledger: &ledger, access: &self.gate.access() }.to_string()
    }

    /// Serves until a signal says to stop; then drains, and closes the ledger.
    ///
    /// # Errors
    /// The ledger died of a fault. Another start reads the books from the store.
    pub async fn serve(self, signals: &mut Signals) -> Result<(), LedgerDied> {
        let stop = Stop::default();
        let drain = self.config.http.drain();
        let file = self.config.ledger.deployments.clone();
        let file = file.map(|path| DeploymentsFile::new(path, self.applied));
        let (ledger, background) = (Arc::clone(&self.ledger), self.background.clone());
        let reload = self.reload.clone();
        let audit = self.audit.clone();
        reload.serve(file, Arc::clone(&ledger), audit, &background, stop.hard.clone());
        let renewal = Renewal::new(self.renewables(), self.audit.clone());
        renewal.serve(&background, stop.hard.clone());
        background.spawn(keep_up(self.exposition.clone(), stop.hard.clone()));
        let connections = self.begin(&stop);
        let end = loop {
            let asked = tokio::select! {
                asked = signals.next() => asked,
                () = ledger.died() => break Err(LedgerDied),
            };
            if asked == Asked::Stop {
                break Ok(());
            }
            reload.ask();
            renewal.ask();
        };
        lifecycle::stop(&stop, &connections, drain, signals.next_stop()).await;
        if timeout(LEDGER_STOP, ledger.stop()).await.is_err() {
            warn!("the ledger did not close in time; its journal is whole all the same");
        }
        info!("stopped");
        end
    }

    fn renewables(&self) -> Vec<Arc<dyn Renewable>> {
        let gate: Arc<dyn Renewable> = Arc::clone(&self.gate) as _;
        let tls = self.tls.clone().map(|tls| tls as Arc<dyn Renewable>);
        [gate].into_iter().chain(tls).collect()
    }

    fn begin(self, stop: &Stop) -> TaskTracker {
        let connections = TaskTracker::new();
        let api = Api::new(
            &self.config,
            self.ledger,
            self.gate,
            self.audit,
            Serving { draining: stop.draining.clone(), tasks: connections.clone() },
            RequestIds::new(self.start_id),
            self.exposition,
        );
        let router = http::router(Arc::new(api));
        connections.spawn(self.listener.serve(router, stop.clone(), connections.clone()));
        connections
    }
}

fn encryption(config: &Config, tls: &Option<Arc<Tls>>) -> Option<Encryption> {
    let handshake = Duration::from_millis(config.tls.tls_handshake_ms);
    let tls = tls.clone()?;
    Some(Encryption { config: Box::new(move || tls.config()), handshake })
}

fn warn_of_exposure(address: SocketAddr, encrypted: bool) {
    if !encrypted && !address.ip().is_loopback() {
        warn!(%address, "tokens and leases can be read on the network: there is no --tls-cert");
    }
}

/// Puts the declared deployments, unless another server does. Whether they are put: while the ledger takes no change, as one
/// whose journal is in doubt, the start goes on, and they are put once it does.
async fn apply(ledger: &dyn Ledger, declared: Vec<Put>, audit: &Audit) -> Result<bool, NotApplied> {
    if declared.is_empty() {
        return Ok(true);
    }
    if ledger.role() == Role::Standby {
        info!("the declared deployments are applied by the active server, once there is one");
        return Ok(false);
    }
    match declared::apply(ledger, declared).await {
        Ok(applied) => {
            info!(applied.deployments, applied.created, "the declared deployments are there");
            audit.noted(declared::ACTION, &applied.to_string()).await;
            Ok(true)
        }
        Err(NotApplied { id, error: PutError::Unavailable(why) }) => {
            warn!(%id, %why, "the deployments file cannot be applied yet: it is tried again");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Brings the tables of a database up to date, as a start would.
///
/// # Errors
/// The database does not answer, or belongs to a newer server.
pub async fn migrate(config: &LedgerConfig) -> Result<(), StartError> {
    match config.database()? {
        Some(database) if config.ledger != LedgerKind::Embedded => {
            PostgresLedger::migrate(database).await?;
        }
        _ => JournaledLedger::migrate(&config.data_dir, config.shards).await?,
    }
    Ok(())
}

async fn keep_up(exposition: PrometheusHandle, stop: CancellationToken) {
    let mut ticks = interval(UPKEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        exposition.run_upkeep();
    }
}

/// The deployments that the configuration declares.
///
/// # Errors
/// A mistake in their file.
pub fn declared(path: Option<&PathBuf>) -> Result<Declared, Mistake> {
    path.map_or_else(|| Ok(Declared::default()), |path| declared::read(path))
}
