//! The one runtime of a process, with one thread: clients share it, however many there are. It is
//! made when the first client asks for it, again in a fork's child, and ended with the interpreter.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::life::Lived;

/// Locked for moments, and only by who holds the interpreter's lock: so no other thread holds it
/// when Python forks.
static STATE: Mutex<State> = Mutex::new(State { runtime: None, has_ended: false });

/// Threads that look up names and tell Python's event loops of permits.
const BLOCKING_THREADS: usize = 8;
/// So long the end waits for threads that are in the middle of something.
const PATIENCE: Duration = Duration::from_secs(1);

struct State {
    runtime: Option<Lived<Runtime>>,
    has_ended: bool,
}

impl State {
    fn handle(&self) -> Option<Handle> {
        Some(self.runtime.as_ref()?.get()?.handle().clone())
    }
}

/// A handle of the runtime, which is made if there is none.
pub(crate) fn handle() -> PyResult<Handle> {
    let mut state = state();
    if state.has_ended {
        return Err(PyRuntimeError::new_err("the interpreter is ending"));
    }
    if let Some(handle) = state.handle() {
        return Ok(handle);
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_name("tokenlease")
        .enable_all()
        .build()?;
    let handle = runtime.handle().clone();
    state.runtime = Some(Lived::new(runtime));
    Ok(handle)
}

/// A handle of the runtime, if there is one.
pub(crate) fn running() -> Option<Handle> {
    state().handle()
}

/// Ends the runtime's threads, and waits for them a second at most. Python calls this at its exit,
/// after all clients were closed.
#[pyfunction]
pub(crate) fn end(py: Python<'_>) {
    let runtime = {
        let mut state = state();
        state.has_ended = true;
        state.runtime.take().and_then(Lived::into_inner)
    };
    if let Some(runtime) = runtime {
        py.detach(|| runtime.shutdown_timeout(PATIENCE));
    }
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}
