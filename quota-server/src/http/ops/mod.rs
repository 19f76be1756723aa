//! What those who run the server ask it. Open to everybody: no answer tells more than that there is
//! a server, how it and its deployments fare, and what its API is.

pub(super) mod healthz;
pub(super) mod index;
pub(super) mod metrics;
pub(super) mod readyz;
pub(super) mod unknown;

pub use metrics::Exposition;
