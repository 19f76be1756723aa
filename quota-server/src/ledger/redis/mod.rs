//! The Redis ledger: the books are in Redis, and any number of servers run their operations there.
//!
//! An operation is one call of a function in Redis (`functions/`), which decides as
//! `quota_core::Book` does and changes everything or nothing. This side builds the calls and reads
//! the answers (`book/`), sends them (`link/`), and repairs what a book lacks (`books.rs`).
//! Deployments and closed windows are in a catalogue (`store/catalogue`), copied here
//! (`register.rs`).
//!
//! Follow an acquire: `run.rs` -> `desk.rs` -> `books.rs` -> `book/call.rs` ->
//! `functions/acquire.lua` -> `book/reply.rs` -> the answer. A put: `put.rs`. A closed window:
//! `harvest.rs`. What was lost in Redis: `functions/vouch.lua`, and `link/settings.rs` for when
//! nothing can have been.

mod beat;
mod book;
mod books;
mod config;
mod desk;
mod functions;
mod harvest;
mod in_use;
mod ledger;
mod link;
mod open;
mod outage;
mod overview;
mod put;
mod quarantine;
mod register;
mod run;
mod single_flight;
mod site;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod views;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use config::RedisConfig;
pub use link::{Acknowledged, AddressError, RedisAddress, RedisFiles};
pub use open::{OpenRedisError, RedisTrouble};

use crate::ledger::Unavailable;
use crate::store::catalogue::Catalogue;
use books::RedisBooks;
use in_use::Agreement;
use link::{Probed, Warning};
use register::Register;
use single_flight::SingleFlight;
use site::Site;

/// Keeps the books of all deployments in Redis, together with other servers.
pub struct RedisLedger {
    inner: Arc<Inner>,
}

struct Inner {
    books: RedisBooks,
    address: RedisAddress,
    catalogue: Arc<Catalogue>,
    /// It could be read when it was last; told once where not.
    catalogue_read: AtomicBool,
    register: Register,
    site: Site,
    agreement: Agreement,
    /// One permit for each call under way.
    permits: Semaphore,
    calls: usize,
    /// Those of the catalogue because of deployments that are not known here.
    readings: SingleFlight<Result<(), Unavailable>>,
    warnings: Mutex<Vec<Warning>>,
    acknowledged: Acknowledged,
    /// What took no writes when it was looked at last, of several that should.
    down: Mutex<Vec<Probed>>,
    history_hours: u32,
    tasks: TaskTracker,
    /// Takes no more calls.
    draining: CancellationToken,
    /// Ends the connections and the beats.
    stop: CancellationToken,
}

/// Whether this is an answer of the library, of any kind.
pub(crate) fn is_reply(value: &::redis::Value) -> bool {
    book::Reply::read(value).is_ok()
}

/// The function library of this build, for an administrator to load where servers may not.
#[must_use]
pub fn library() -> String {
    functions::Library::new().code().to_string()
}
