//! A gateway's life: check, start, serve, drain, give back.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use edge::body::BodyRoom;
use edge::descriptors;
use edge::listener::{Bound, Encryption, Listener, Stop};
use gateway_client::{BuildError, QuotaClient};
use metrics_exporter_prometheus::BuildError as MetricsError;
use tokio_util::task::TaskTracker;

use crate::app::{App, Parts};
use crate::cli::Cli;
use crate::config::{Config, ConfigError, Environment};
use crate::http::{RequestIds, router};
use crate::register::{register, tell_unknown};
use crate::routing::{Groups, UnfitGroups};
use crate::serve::serve;
use crate::tls::{Tls, TlsFile};
use crate::upstream::{Terms, Upstream};
use crate::{metrics, signals};

/// How long the first answer waits for the registration: a gateway that is up before its quota
/// server comes up all the same.
const REGISTRATION_PATIENCE: Duration = Duration::from_secs(3);

/// Why a gateway doesn't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration can't be run.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It would serve everybody, and nobody asked for that.
    #[error(
        "{0} is not loopback, and without a key whoever reaches it may call: set general_settings.master_key or \
         LITELLM_MASTER_KEY, or say --allow-anonymous"
    )]
    Open(SocketAddr),
    /// A body that is allowed would never find room.
    #[error(
        "--max-bodies-bytes must be at least twice --max-body-bytes: a body in gzip counts as it came and as it becomes"
    )]
    BodyRoom,
    /// Pages of other sites might call, and nothing tells their callers from others.
    #[error("--cors-origins needs a key: without general_settings.master_key any page could spend")]
    CorsWithoutKey,
    /// A deployment can't be called, or a setting names a group that there isn't.
    #[error(transparent)]
    Groups(#[from] UnfitGroups),
    /// The quota server can't be asked like this.
    #[error("quota server: {0}")]
    Client(#[from] BuildError),
    /// The gateway's own certificate can't be used.
    #[error(transparent)]
    Tls(#[from] TlsFile),
    /// The way to the providers can't be made.
    #[error("no HTTP client: {0}")]
    Upstream(#[source] reqwest::Error),
    /// The metrics can't be recorded.
    #[error("no metrics: {0}")]
    Metrics(#[from] MetricsError),
    /// The address can't be listened on.
    #[error("can't listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// Signals can't be waited for, or nobody reads what is printed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl StartError {
    /// Whether somebody wrote something wrong, and starting again as it is won't help.
    #[must_use]
    pub const fn is_mistake(&self) -> bool {
        matches!(
            self,
            Self::Config(_)
                | Self::Open(_)
                | Self::CorsWithoutKey
                | Self::BodyRoom
                | Self::Groups(_)
                | Self::Client(_)
                | Self::Tls(_)
        )
    }
}

/// Runs a gateway until it is told to stop. All randomness follows from the seed.
///
/// # Errors
/// It doesn't start.
pub async fn run(cli: &Cli, environment: &Environment, seed: u64) -> Result<(), StartError> {
    let config = Config::load_usable(&cli.config, environment, cli.unusable())?;
    let config = cli.settle(config);
    config.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    if !config.ignored.is_empty() {
        tracing::warn!(keys = config.ignored.join(", "), "ignored: this gateway does not do these");
    }
    let prometheus = metrics::install()?;
    let Prepared { client, groups, upstream, tls } = Prepared::new(cli, &config, environment)?;
    let app = App::new(
        &config,
        Parts {
            groups,
            upstream,
            max_body_bytes: cli.max_body_bytes,
            body_room: BodyRoom::new(cli.max_bodies_bytes),
            is_local: cli.listen.ip().is_loopback(),
            cors_origins: cli.cors_origins.clone(),
            seed,
            prometheus: Some(prometheus.clone()),
        },
    );
    let app = Arc::new(app);
    let router = router(Arc::clone(&app), RequestIds::new(seed));
    let stop = Stop::default();
    let tasks = TaskTracker::new();
    let draining = stop.draining.clone();
    tasks.spawn(async move {
        draining.cancelled().await;
        app.groups.stop_waiting();
    });
    tasks.spawn(metrics::upkeep(prometheus, stop.hard.clone()));
    match &tls {
        Some(tls) => drop(tasks.spawn(Arc::clone(tls).watch(stop.hard.clone()))),
        None => metrics::certificate_ends(0),
    }
    let ended = live(cli, config, &client, tls, router, &stop, &tasks).await;
    stop.now();
    tasks.close();
    tasks.wait().await;
    if let Err(error) = client.shutdown().await {
        tracing::warn!(%error, "leases were not all given back");
    }
    ended
}

/// All that can be found wrong before anything is listened on or sent.
pub(crate) struct Prepared {
    client: QuotaClient,
    groups: Groups,
    upstream: Upstream,
    tls: Option<Arc<Tls>>,
}

impl Prepared {
    /// Makes it, on a tokio runtime.
    ///
    /// # Errors
    /// A gateway doesn't start like this.
    pub(crate) fn new(
        cli: &Cli,
        config: &Config,
        environment: &Environment,
    ) -> Result<Self, StartError> {
        if cli.is_open(config) {
            return Err(StartError::Open(cli.listen));
        }
        if config.master_key.is_none() && !cli.cors_origins.is_empty() {
            return Err(StartError::CorsWithoutKey);
        }
        if cli.max_bodies_bytes / 2 < cli.max_body_bytes {
            return Err(StartError::BodyRoom);
        }
        let client = client(config, cli, environment)?;
        let groups = Groups::new(config, &client)?;
        let upstream = Upstream::new(Terms::of(&config.quota), cli.proxies(environment))
            .map_err(StartError::Upstream)?;
        let tls = match (&cli.tls_cert, &cli.tls_key) {
            (Some(cert), Some(key)) => Some(Arc::new(Tls::open(cert, key)?)),
            _ => None,
        };
        Ok(Self { client, groups, upstream, tls })
    }
}

fn client(
    config: &Config,
    cli: &Cli,
    environment: &Environment,
) -> Result<QuotaClient, StartError> {
    let token = cli.quota_token(config, environment)?;
    let builder = QuotaClient::builder(&config.quota.url)
        .token(token.map(|token| token.reveal().to_owned()))
        .ca_file(config.quota.ca_file.clone())
        .identity_files(Cli::quota_identity(config)?)
        .holder(&config.quota.holder)
        .max_wait(Duration::from_millis(config.quota.max_wait_ms));
    let answer_timeout = config.quota.answer_timeout_ms.map(Duration::from_millis);
    Ok(match answer_timeout {
        Some(timeout) => builder.request_timeout(timeout).build()?,
        None => builder.build()?,
    })
}

/// From the first connection to the last.
async fn live(
    cli: &Cli,
    config: Config,
    client: &QuotaClient,
    tls: Option<Arc<Tls>>,
    router: axum::Router,
    stop: &Stop,
    tasks: &TaskTracker,
) -> Result<(), StartError> {
    let scheme = if tls.is_some() { "https" } else { "http" };
    descriptors::raise();
    let listener = listen(cli, tls.map(Tls::encryption))?;
    if config.master_key.is_none() && !cli.listen.ip().is_loopback() {
        tracing::warn!("no master_key: whoever reaches {} may call", cli.listen);
    }
    tasks.spawn(signals::watch(stop.draining.clone(), stop.hard.clone())?);
    let (client, drain) = (client.clone(), stop.draining.clone());
    if config.quota.register {
        let registering = tasks.spawn(async move { register(&client, &config, &drain).await });
        if tokio::time::timeout(REGISTRATION_PATIENCE, registering).await.is_err() {
            tracing::warn!("the deployments are not registered yet: serving all the same");
        }
    } else {
        tasks.spawn(async move { tell_unknown(&client, &config, &drain).await });
    }
    announce(&listener, scheme)?;
    serve(listener, router, stop, Duration::from_millis(cli.drain_ms)).await;
    Ok(())
}

fn listen(cli: &Cli, encryption: Option<Encryption>) -> Result<Listener, StartError> {
    let bound = Bound::bind(cli.listen);
    let listener = bound.and_then(|bound| bound.listen(&cli.bounds(), encryption));
    listener.map_err(|source| StartError::Listen { address: cli.listen, source })
}

/// Says on stdout where the gateway listens: with port 0 nobody knows it before.
fn announce(listener: &Listener, scheme: &str) -> std::io::Result<()> {
    let address = listener.address()?;
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "listening on {scheme}://{address}")?;
    stdout.flush()
}
