//! Starts, stops, pauses and kills the real processes, and waits for what they do.
//!
//! A test reads: open a [`Site`], offer it [`crate::load`], look at the upstream's audit. Readiness
//! is always a condition with a bound ([`wait`]), never a sleep. Every process belongs to a value
//! that kills it by its own pid when dropped, and shows the end of its log if the test is failing.

mod authority;
mod binaries;
mod cable;
mod command;
mod error;
mod gateway;
mod ports;
mod process;
mod prometheus;
mod quota_server;
mod servers;
mod site;
mod store;
mod upstream;
pub mod wait;

pub use authority::{Authority, Papers};
pub use cable::Cable;
pub use command::Ran;
pub use error::HarnessError;
pub use gateway::{Gateway, GatewayBuilder, Route};
pub use ports::free_address;
pub use process::Process;
pub use prometheus::{Alert, Job, Prometheus};
pub use quota_server::{QuotaServer, QuotaServerBuilder};
pub use servers::{Seat, Servers};
pub use site::{Site, SiteBuilder};
pub use store::{Live, Postgres, Redis, RedisBuilder, RedisCluster, RedisPair, Rung, Store};
pub use upstream::{Upstream, UpstreamBuilder};
