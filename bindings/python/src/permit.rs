use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use gateway_client::Amount;
use pyo3::prelude::*;

use crate::errors;
use crate::life::Lived;

/// The handle of one draw. It says what came of the request: `settle` when the real usage is known,
/// `cancel` when it was never sent. One that is dropped is charged in full, since nobody knows what
/// its request used; so is one whose `with` block ends without a word.
#[pyclass(frozen, module = "tokenlease")]
pub(crate) struct Permit {
    reserved: Amount,
    /// Until its end. Locked for moments, by who holds the interpreter's lock.
    held: Mutex<Option<Lived<gateway_client::Permit>>>,
    /// Whether somebody has it who may send a request on it.
    is_taken: AtomicBool,
}

impl Permit {
    pub(crate) fn new(permit: gateway_client::Permit) -> Self {
        let permit = Self::on_its_way(permit);
        permit.taken();
        permit
    }

    /// One that is on its way to who asked for it: where it is dropped before it is taken, as by an
    /// event loop that is closed, nothing was sent and all of it returns.
    pub(crate) fn on_its_way(permit: gateway_client::Permit) -> Self {
        let (reserved, held) = (permit.amount(), Mutex::new(Some(Lived::new(permit))));
        Self { reserved, held, is_taken: AtomicBool::new(false) }
    }

    /// Ends it. In a fork's child that ends nothing: the permit is its parent's.
    fn take(&self) -> Option<Lived<gateway_client::Permit>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn settle_amount(&self, used: Amount) -> PyResult<()> {
        let held = self.take().ok_or_else(errors::permit_ended)?;
        if let Some(permit) = held.into_inner() {
            permit.settle(used);
        }
        Ok(())
    }
}

#[pymethods]
impl Permit {
    /// The tokens that were reserved.
    #[getter]
    fn tokens(&self) -> u64 {
        self.reserved.tokens()
    }

    /// The requests that were reserved.
    #[getter]
    fn requests(&self) -> u64 {
        self.reserved.requests()
    }

    /// Whether it has not been settled, cancelled or charged yet.
    #[getter]
    fn is_open(&self) -> bool {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Corrects the reservation to what the request really used: `tokens`, and as many requests as
    /// were reserved unless they are given. The rest returns to the lease; what was used beyond is
    /// charged. Raises `PermitEnded` if the permit has ended.
    #[pyo3(signature = (tokens, requests = None))]
    fn settle(&self, tokens: u64, requests: Option<u64>) -> PyResult<()> {
        self.settle_amount(Amount::new(tokens, requests.unwrap_or(self.reserved.requests())))
    }

    /// The request was never sent: all of the reservation returns. Raises `PermitEnded` if the
    /// permit has ended.
    pub(crate) fn cancel(&self) -> PyResult<()> {
        self.settle_amount(Amount::default())
    }

    /// It has come to who asked for it.
    fn taken(&self) {
        self.is_taken.store(true, Ordering::Release);
    }

    /// Nobody knows what the request used: charged in full. Does nothing if the permit has ended.
    fn charge(&self) {
        drop(self.take());
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, _exception: &Bound<'_, pyo3::types::PyTuple>) {
        self.charge();
    }

    fn __repr__(&self) -> String {
        let (tokens, requests) = (self.reserved.tokens(), self.reserved.requests());
        let state = if self.is_open() { "open" } else { "ended" };
        format!("<Permit of {tokens} tokens, {requests} requests, {state}>")
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.is_taken.load(Ordering::Acquire) {
            // It may have ended; then there is nothing to cancel.
            drop(self.cancel());
        }
    }
}
