//! Starts, stops, pauses and kills the real processes, and waits for what they do.
//!
//! A test reads: open a [`Site`], offer it [`crate::load`], look at the upstream's audit. Readiness
//! is always a condition with a bound ([`wait`]), never a sleep. Every process belongs to a value
//! that kills it by its own pid when dropped, and shows the end of its log if the test is failing.

mod binaries;
mod error;
mod gateway;
mod ports;
mod process;
mod quota_server;
mod site;
mod upstream;
pub mod wait;

pub use error::HarnessError;
pub use gateway::{Gateway, GatewayBuilder, Route};
pub use process::Process;
pub use quota_server::{QuotaServer, QuotaServerBuilder};
pub use site::{Site, SiteBuilder};
pub use upstream::{Upstream, UpstreamBuilder};
