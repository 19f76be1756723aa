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
use crate::declared::{self, Declared};
use crate::http::{self, Api, RequestIds, Serving};
use crate::ledger::Ledger;
use crate::ledger::journaled::{JournaledLedger, OpenError};
use crate::ledger::postgres::PostgresLedger;
use crate::ledger::redis::OpenRedisError;
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
    /// The deployments file. A start may leave some of it for later.
    file: Option<DeploymentsFile>,
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
        if let Some(tls) = &tls {
            metrics::certificate_ends(tls.ends_at_s());
        }
        warn_of_exposure(address, tls.is_some());
        let place = Place { address, encrypted: tls.is_some(), start_id };
        metrics::ledger(config.ledger.ledger.name());
        let ledger = open(&config.ledger, place, &background).await?;
        let path = config.ledger.deployments.clone();
        let mut file = path.map(|path| DeploymentsFile::new(path, declared));
        if let Some(file) = &mut file {
            file.begin(&*ledger, &guard.audit).await;
        }
        descriptors::raise();
        let listener =
            bound.listen(&config.http.bounds(), encryption(&config, &tls)).map_err(unheard)?;
        Ok(Self {
            reload,
            file,
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
    pub async fn serve(mut self, signals: &mut Signals) -> Result<(), LedgerDied> {
        let stop = Stop::default();
        let drain = self.config.http.drain();
        let file = self.file.take();
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
