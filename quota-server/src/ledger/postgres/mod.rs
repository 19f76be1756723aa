//! The ledger of many servers on one PostgreSQL: one of them is active, the others stand by.
//!
//! The active one is a journaled ledger whose journal is in PostgreSQL (`store/postgres`, which
//! tells how it is fenced). A standby keeps its books up with the journal (`standby.rs`), answers
//! what only reads, and sends writers to the active server. A task of its own (`candidate.rs`)
//! looks four times a second whether the active server gives signs of life; when it gives none for
//! `TERM`, the first standby to raise the epoch reads the rest of the journal and goes on. A server
//! that was fenced drops its books and stands by.
//!
//! Time goes on as another server's: see `sightings.rs`.

mod candidate;
mod face;
mod followed;
mod ledger;
mod open;
mod shared;
mod sightings;
mod standby;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::ledger::journaled::History;
use crate::memory::Memory;
use crate::store::DatabaseUrl;
use face::Face;

pub(crate) use shared::SharedStore;

/// How long a sign of life is good for.
const TERM: Duration = Duration::from_secs(2);

/// How a server takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresConfig {
    /// Where PostgreSQL is.
    pub database: DatabaseUrl,
    /// How clients reach this server.
    pub advertise_url: Arc<str>,
    /// A name that no other process has, for the life of this one.
    pub server: Arc<str>,
    /// Bring the tables up to date.
    pub migrate: bool,
    /// How long the books of closed windows are kept, at least 1.
    pub history_hours: u32,
    /// What leases and operations may take of it.
    pub memory: Memory,
}

/// Keeps the books as one of many servers.
pub struct PostgresLedger {
    face: watch::Receiver<Face>,
    history: Arc<dyn History>,
    warnings: Vec<String>,
    stop: CancellationToken,
    candidate: Mutex<Option<JoinHandle<()>>>,
}
