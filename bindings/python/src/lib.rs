//! The client crate for Python: the native half of the package `tokenlease`, whose Python half is
//! in `python/tokenlease`. It decides nothing: a draw, a permit and a client are those of
//! `gateway-client`. What is added is what Python needs: values that survive a fork, a runtime of
//! one thread, the interpreter's lock released while something is waited for, and exceptions.

mod client;
mod deployment;
mod errors;
mod life;
mod permit;
mod runtime;
mod view;

use pyo3::prelude::*;

/// The native half of the package `tokenlease`.
#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::client::Client;
    #[pymodule_export]
    use crate::deployment::Deployment;
    #[pymodule_export]
    use crate::life::forked;
    #[pymodule_export]
    use crate::permit::Permit;
    #[pymodule_export]
    use crate::runtime::end;
    #[pymodule_export]
    use crate::view::{Usage, View};
}
