//! Who spends: draws requests from token leases, in nanoseconds and without asking anybody.
//!
//! A deployment's quota is kept by the quota server. This client holds short leases on parts of
//! it, draws from them locally, asks for the next before they run dry, and gives back what is not
//! used. However many gateways share a deployment, their draws together never exceed its limit.
//!
//! ```no_run
//! use gateway_client::{Amount, QuotaClient};
//!
//! # async fn send_the_request() -> u64 { 812 }
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = QuotaClient::builder("http://127.0.0.1:7700")
//!     .token(std::env::var("QUOTA_TOKEN").ok())
//!     .holder("gw-1")
//!     .build()?;
//! let deployment = client.deployment("gpt-4o-eu");
//!
//! // One request that may use up to 1 500 tokens. Waits a moment for a lease if need be.
//! let permit = deployment.draw(Amount::new(1_500, 1)).await?;
//! let used = send_the_request().await;
//! permit.settle(Amount::new(used, 1));
//!
//! client.shutdown().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # How it works
//!
//! - [`Deployment::try_draw`] takes tokens and requests from a lease in one compare-and-swap. It
//!   allocates nothing, locks nothing and counts no references. [`pool`] is all that it touches.
//! - One background task speaks with the server: one message at a time carries the returns, the
//!   usage and the wishes of all deployments. What it says is decided by [`refill`], a machine
//!   without IO or clock that simulations drive as well.
//! - A denial is remembered until its retry time; draws until then are denied without asking.
//! - A [`Permit`] that is dropped is charged in full. [`Permit::settle`] returns what was not used,
//!   [`Permit::cancel`] all of it.
//! - Several servers may keep the ledger: [`servers`] decides which one is spoken with.
//! - When none of them answers, leases in hand are drawn to their end; then draws are denied with
//!   [`Reason::NoServer`].
//! - The background task runs on the runtime that the client was built in. When that ends, draws
//!   are denied with [`Reason::Dead`].

#![warn(missing_docs)]

mod builder;
mod client;
pub mod clock;
mod core;
mod denied;
mod deployment;
mod desk;
mod driver;
mod error;
mod fleet;
mod handle;
mod metrics;
mod moment;
mod pace;
pub mod pool;
mod queue;
mod reach;
pub mod refill;
pub mod resolver;
pub mod servers;
mod told;
mod transport;
mod view;

pub use quota_api as api;
pub use quota_units::Amount;

pub use builder::Builder;
pub use client::QuotaClient;
pub use denied::{Denied, Reason};
pub use deployment::Deployment;
pub use error::{BuildError, CallError, ShutdownError};
pub use moment::Moment;
pub use pace::Pace;
pub use pool::Permit;
pub use told::Told;
pub use view::View;
