use std::sync::Arc;
use std::time::Duration;

use quota_api::{DeploymentList, DeploymentSpec};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::{BootClock, Clock};
use crate::driver::{Driver, Settings};
use crate::fleet::Fleet;
use crate::handle::{End, Handle, Registry};
use crate::{Builder, CallError, Deployment, ShutdownError};

/// A driver that has not ended so long after its deadline does not run.
const STALLED: Duration = Duration::from_secs(1);

/// A holder of leases: one for each gateway process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct QuotaClient<C: Clock = BootClock> {
    handle: Arc<Handle<C>>,
}

impl QuotaClient {
    /// A client of the quota server at this URL, `http://127.0.0.1:7700`, or of several that keep
    /// one ledger: `http://quota-1:7700,http://quota-2:7700`, or one name that stands for them all,
    /// as a Kubernetes headless service does. It speaks with one of them at a time, and with
    /// another when that one fails; see [`crate::servers`].
    #[must_use]
    pub fn builder(urls: impl Into<String>) -> Builder {
        Builder::new(urls.into())
    }
}

impl<C: Clock> QuotaClient<C> {
    pub(crate) fn start(
        runtime: &tokio::runtime::Handle,
        clock: C,
        max_wait: Duration,
        fleet: Fleet,
        settings: Settings,
    ) -> Self {
        let registry = Arc::new(Registry::default());
        let shutdown_timeout = settings.shutdown_timeout;
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let driver =
            Driver::new(clock.clone(), fleet.clone(), registry.clone(), stop.clone(), settings);
        tasks.spawn_on(driver.run(), runtime);
        tasks.close();
        let handle = Handle {
            clock,
            max_wait,
            shutdown_timeout,
            fleet,
            registry,
            tasks,
            _stop_on_drop: stop.clone().drop_guard(),
            stop,
        };
        Self { handle: Arc::new(handle) }
    }

    /// The deployment of this id. The client keeps what it was asked for, at most 16 384 of them,
    /// so ids should come from a configuration, not from requests: draws of one beyond are denied
    /// with [`crate::Reason::TooManyDeployments`].
    #[must_use]
    pub fn deployment(&self, id: &str) -> Deployment<C> {
        Deployment::new(self.handle.registry.deployment(id), self.handle.clone())
    }

    /// Makes or changes a deployment on the server. Needs a token of the role `admin`.
    ///
    /// # Errors
    /// The server refused, or none answered.
    pub async fn put_deployment(
        &self,
        id: &str,
        spec: &DeploymentSpec,
    ) -> Result<quota_api::Deployment, CallError> {
        self.handle.fleet.catalogue(&self.handle.clock, Some(id), Some(spec)).await
    }

    /// A deployment, as the server has it.
    ///
    /// # Errors
    /// The server refused, or none answered.
    pub async fn deployment_on_server(&self, id: &str) -> Result<quota_api::Deployment, CallError> {
        self.handle.fleet.catalogue(&self.handle.clock, Some(id), None).await
    }

    /// All deployments of the server, by id.
    ///
    /// # Errors
    /// The server refused, or none answered.
    pub async fn deployments_on_server(&self) -> Result<DeploymentList, CallError> {
        self.handle.fleet.catalogue(&self.handle.clock, None, None).await
    }

    /// Gives everything back, and ends. Draws are denied from now on; permits that are out are
    /// waited for, so that what they settle is told. Returns when the server has acknowledged it
    /// all, or after the shutdown timeout; what was not given back by then stays charged to its
    /// window.
    ///
    /// # Errors
    /// The server was not told of everything.
    pub async fn shutdown(&self) -> Result<(), ShutdownError> {
        self.handle.stop.cancel();
        let patience = self.handle.shutdown_timeout + STALLED;
        let ended = tokio::time::timeout(patience, self.handle.tasks.wait()).await;
        match (ended, self.handle.registry.ended()) {
            (Ok(()), Some(End::Square)) => Ok(()),
            (Ok(()), Some(End::Late)) => Err(ShutdownError::Late),
            (Ok(()), Some(End::Dead) | None) | (Err(_), _) => Err(ShutdownError::Dead),
        }
    }
}
