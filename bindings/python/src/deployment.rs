use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gateway_client::{Amount, Denied, Permit as ClientPermit};
use pyo3::prelude::*;

use crate::client::{Client, Shared, seconds};
use crate::life::Lived;
use crate::permit::Permit;
use crate::view::View;
use crate::{errors, runtime};

type Result<T, E = PyErr> = std::result::Result<T, E>;

/// A deployment, to draw from. All handles of one id share its leases.
#[pyclass(frozen, subclass, module = "tokenlease._native")]
pub(crate) struct Deployment {
    id: String,
    shared: Arc<Shared>,
    /// This process's handle. Locked for moments, by who holds the interpreter's lock.
    held: Mutex<Option<Lived<gateway_client::Deployment>>>,
}

impl Deployment {
    fn with<T>(
        &self,
        py: Python<'_>,
        act: impl FnOnce(&gateway_client::Deployment) -> T,
    ) -> Result<T> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(deployment) = held.as_ref().and_then(Lived::get) {
            return Ok(act(deployment));
        }
        let deployment = self.shared.client(py)?.deployment(&self.id);
        let result = act(&deployment);
        *held = Some(Lived::new(deployment));
        Ok(result)
    }
}

#[pymethods]
impl Deployment {
    #[new]
    fn new(client: &Client, id: String) -> Self {
        Self { id, shared: client.shared.clone(), held: Mutex::default() }
    }

    /// Its id.
    #[getter]
    fn id(&self) -> &str {
        &self.id
    }

    /// Draws from the leases in hand, without waiting. Raises `Denied` if none covers it; unless it
    /// is known that asking is of no use, a lease is asked for in the background.
    #[pyo3(signature = (tokens, requests = 1))]
    fn try_draw(&self, py: Python<'_>, tokens: u64, requests: u64) -> Result<Permit> {
        let drawn = self.with(py, |it| it.try_draw(Amount::new(tokens, requests)))?;
        permit(py, drawn)
    }

    /// Draws from the leases in hand, or not at all: `None` if none covers it. No lease is asked
    /// for, and nothing counts as denied.
    #[pyo3(signature = (tokens, requests = 1))]
    fn draw_in_hand(&self, py: Python<'_>, tokens: u64, requests: u64) -> Result<Option<Permit>> {
        let drawn = self.with(py, |it| it.draw_in_hand(Amount::new(tokens, requests)))?;
        Ok(drawn.map(Permit::new))
    }

    /// Draws, and waits for a lease while one may come: at most `max_wait` seconds, the client's by
    /// default. Blocks its thread and no other. Raises `Denied`.
    #[pyo3(signature = (tokens, requests = 1, *, max_wait = None))]
    fn draw_blocking(
        &self,
        py: Python<'_>,
        tokens: u64,
        requests: u64,
        max_wait: Option<f64>,
    ) -> Result<Permit> {
        let (deployment, max_wait) = self.waiter(py, max_wait)?;
        let runtime = runtime::handle()?;
        let draw = deployment.draw_within(Amount::new(tokens, requests), max_wait);
        let drawn = py.detach(|| runtime.block_on(draw));
        permit(py, drawn)
    }

    /// The same in the background: `told(permit, None)` or `told(None, denied)` is called on
    /// another thread. A permit that is dropped before its `taken` was called returns.
    fn draw_later(
        &self,
        py: Python<'_>,
        tokens: u64,
        requests: u64,
        max_wait: Option<f64>,
        told: Py<PyAny>,
    ) -> Result<()> {
        let (deployment, max_wait) = self.waiter(py, max_wait)?;
        let runtime = runtime::handle()?;
        let handle = runtime.clone();
        runtime.spawn(async move {
            let drawn = deployment.draw_within(Amount::new(tokens, requests), max_wait).await;
            // Waits for the interpreter's lock, as the runtime's own thread never may.
            handle.spawn_blocking(move || Python::try_attach(|py| tell(py, &told, drawn)));
        });
        Ok(())
    }

    /// Whether a draw of this amount may succeed: a lease in hand covers it, or asking for one may
    /// help.
    #[pyo3(signature = (tokens, requests = 1))]
    fn accepts(&self, py: Python<'_>, tokens: u64, requests: u64) -> Result<bool> {
        self.with(py, |it| it.accepts(Amount::new(tokens, requests)))
    }

    /// How the deployment stands, as far as this process knows.
    fn view(&self, py: Python<'_>) -> Result<View> {
        self.with(py, |it| it.view().into())
    }

    fn __repr__(&self) -> String {
        format!("<Deployment {:?}>", self.id)
    }
}

impl Deployment {
    /// What a draw that may wait needs.
    fn waiter(
        &self,
        py: Python<'_>,
        max_wait: Option<f64>,
    ) -> Result<(gateway_client::Deployment, Duration)> {
        let deployment = self.with(py, Clone::clone)?;
        let max_wait = max_wait.map_or_else(|| Ok(deployment.max_wait()), seconds)?;
        Ok((deployment, max_wait))
    }
}

fn permit(py: Python<'_>, drawn: Result<ClientPermit, Denied>) -> Result<Permit> {
    drawn.map(Permit::new).map_err(|denied| errors::denied(py, &denied))
}

/// An event loop that is closed takes nothing, and drops what it was told before: a permit on its
/// way returns then.
fn tell(py: Python<'_>, told: &Py<PyAny>, drawn: Result<ClientPermit, Denied>) {
    drop(match drawn {
        Ok(permit) => told.call1(py, (Permit::on_its_way(permit), py.None())),
        Err(denied) => told.call1(py, (py.None(), errors::denied(py, &denied))),
    });
}
