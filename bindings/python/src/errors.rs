//! What goes wrong, as the exceptions of `tokenlease.errors`.

use gateway_client::api::Unit;
use gateway_client::{BuildError, CallError, Denied, Reason, ShutdownError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyModule;

use crate::view::{Usage, state};

static ERRORS: PyOnceLock<Py<PyModule>> = PyOnceLock::new();

/// A draw that got no permit: `Exhausted`, `Unavailable` or `NeverFits`, by what its caller can do.
pub(crate) fn denied(py: Python<'_>, denied: &Denied) -> PyErr {
    let name = match denied.reason {
        Reason::Exhausted | Reason::Endgame | Reason::Refilling => "Exhausted",
        Reason::NeverFits | Reason::Empty => "NeverFits",
        Reason::Closed
        | Reason::Dead
        | Reason::Refused
        | Reason::UnknownDeployment
        | Reason::TooManyDeployments
        | Reason::Quarantined
        | Reason::NoServer => "Unavailable",
    };
    let retry_after = denied.retry_after.as_secs_f64();
    let arguments = (
        denied.reason.to_string(),
        denied.reason.as_str(),
        (retry_after > 0.0).then_some(retry_after),
        denied.unit.map(Unit::name),
        denied.state.map(state),
        denied.usage.map(Usage::from),
    );
    raise(py, name, arguments)
}

/// A setting that cannot be used.
pub(crate) fn config(py: Python<'_>, error: &BuildError) -> PyErr {
    raise(py, "ConfigError", (error.to_string(),))
}

/// A call to the server that brought no answer: `ServerAway`, or `ServerError` if one answered.
pub(crate) fn call(py: Python<'_>, error: &CallError) -> PyErr {
    let text = with_causes(error);
    match error {
        CallError::Problem(problem) => {
            raise(py, "ServerError", (error.to_string(), problem.status, problem.code.as_str()))
        }
        CallError::Status(status) => raise(py, "ServerError", (text, *status, py.None())),
        CallError::Unreadable(_) => raise(py, "ServerError", (text, 200, py.None())),
        CallError::Standby { .. } | CallError::Unreachable(_) => raise(py, "ServerAway", (text,)),
    }
}

/// An error and what led to it: "does not answer" may be a name, a port, or a certificate.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// The server was not told of everything at the end.
pub(crate) fn shutdown(py: Python<'_>, error: ShutdownError) -> PyErr {
    raise(py, "ShutdownError", (error.to_string(),))
}

/// A permit that was ended before.
pub(crate) fn permit_ended() -> PyErr {
    Python::attach(|py| raise(py, "PermitEnded", ("the permit has ended before",)))
}

fn raise<'py>(py: Python<'py>, name: &str, arguments: impl pyo3::call::PyCallArgs<'py>) -> PyErr {
    let module =
        ERRORS.get_or_try_init(py, || PyModule::import(py, "tokenlease.errors").map(Into::into));
    let error = module.and_then(|module| module.bind(py).getattr(name)?.call1(arguments));
    error.map_or_else(|why| why, PyErr::from_value)
}
