use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gateway_client::QuotaClient;
use gateway_client::api::DeploymentSpec;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde::Serialize;

use crate::life::Lived;
use crate::{errors, runtime};

/// A holder of leases: one for each process. In a fork's child the first use makes it anew, as
/// another holder; leases of the parent stay the parent's.
#[pyclass(frozen, subclass, weakref, module = "tokenlease._native")]
pub(crate) struct Client {
    pub(crate) shared: Arc<Shared>,
}

/// What deployments share with their client.
pub(crate) struct Shared {
    settings: Settings,
    /// Locked for moments, by who holds the interpreter's lock.
    client: Mutex<Lived<QuotaClient>>,
}

struct Settings {
    urls: String,
    token: Option<String>,
    holder: String,
    max_wait: Duration,
    shutdown_timeout: Duration,
    ca_file: Option<PathBuf>,
    identity: Option<(PathBuf, PathBuf)>,
}

impl Settings {
    /// A client with an identity of its own.
    fn start(&self, py: Python<'_>) -> PyResult<Lived<QuotaClient>> {
        let runtime = runtime::handle()?;
        let _entered = runtime.enter();
        let client = QuotaClient::builder(self.urls.clone())
            .token(self.token.clone())
            .holder(self.holder.clone())
            .max_wait(self.max_wait)
            .shutdown_timeout(self.shutdown_timeout)
            .ca_file(self.ca_file.clone())
            .identity_files(self.identity.clone())
            .build();
        client.map(Lived::new).map_err(|error| errors::config(py, &error))
    }
}

impl Shared {
    /// This process's client.
    pub(crate) fn client(&self, py: Python<'_>) -> PyResult<QuotaClient> {
        let mut client = self.locked();
        if let Some(client) = client.get() {
            return Ok(client.clone());
        }
        *client = self.settings.start(py)?;
        client.get().cloned().ok_or_else(|| PyValueError::new_err("it was made just now"))
    }

    fn locked(&self) -> MutexGuard<'_, Lived<QuotaClient>> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Client {
    #[new]
    #[pyo3(signature = (urls, token, holder, max_wait, shutdown_timeout, ca_file, identity))]
    #[expect(clippy::too_many_arguments, reason = "they are named by its one caller, in Python")]
    fn new(
        py: Python<'_>,
        urls: String,
        token: Option<String>,
        holder: String,
        max_wait: f64,
        shutdown_timeout: f64,
        ca_file: Option<PathBuf>,
        identity: Option<(PathBuf, PathBuf)>,
    ) -> PyResult<Self> {
        let max_wait = seconds(max_wait)?;
        let shutdown_timeout = seconds(shutdown_timeout)?;
        let settings =
            Settings { urls, token, holder, max_wait, shutdown_timeout, ca_file, identity };
        let client = Mutex::new(settings.start(py)?);
        Ok(Self { shared: Arc::new(Shared { settings, client }) })
    }

    /// Gives everything back, and ends. Draws are denied from now on; permits that are out are
    /// waited for, at most `shutdown_timeout`. Does nothing in a fork's child that has not used the
    /// client, and after the interpreter's exit. Raises `ShutdownError` if the server was not told
    /// of everything.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let client = self.shared.locked().get().cloned();
        let (Some(client), Some(runtime)) = (client, runtime::running()) else {
            return Ok(());
        };
        let closed = py.detach(|| runtime.block_on(client.shutdown()));
        closed.map_err(|error| errors::shutdown(py, error))
    }

    /// Makes or changes a deployment on the server, from its specification in JSON, and answers
    /// with the deployment in JSON. Raises `ServerError` or `ServerAway`.
    fn put_deployment_json(&self, py: Python<'_>, id: &str, spec: &str) -> PyResult<String> {
        let spec: DeploymentSpec =
            serde_json::from_str(spec).map_err(|why| PyValueError::new_err(why.to_string()))?;
        self.ask(py, async |client| client.put_deployment(id, &spec).await)
    }

    /// All deployments, as the server has them, in JSON. Raises `ServerError` or `ServerAway`.
    fn deployments_on_server_json(&self, py: Python<'_>) -> PyResult<String> {
        self.ask(py, async |client| client.deployments_on_server().await)
    }

    /// A deployment, as the server has it, in JSON. Raises `ServerError` or `ServerAway`.
    fn deployment_on_server_json(&self, py: Python<'_>, id: &str) -> PyResult<String> {
        self.ask(py, async |client| client.deployment_on_server(id).await)
    }
}

impl Client {
    /// Waits for the server with the interpreter's lock released.
    fn ask<T: Serialize + Send>(
        &self,
        py: Python<'_>,
        call: impl AsyncFnOnce(&QuotaClient) -> Result<T, gateway_client::CallError> + Send,
    ) -> PyResult<String> {
        let client = self.shared.client(py)?;
        let runtime = runtime::handle()?;
        let answer = py.detach(|| runtime.block_on(call(&client)));
        let found = answer.map_err(|error| errors::call(py, &error))?;
        serde_json::to_string(&found).map_err(|why| PyValueError::new_err(why.to_string()))
    }
}

/// A duration of so many seconds.
pub(crate) fn seconds(seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|why| PyValueError::new_err(why.to_string()))
}
