//! The journaled ledger: the books are in memory, their journal is in a store. On SQLite it is the
//! embedded one: nothing to install.
//!
//! Each deployment belongs to one shard, each shard has one writer (`writer.rs`), one mailbox
//! (`job.rs`), one set of books (`books.rs`) and one journal (`journal.rs`). What is granted is
//! decided by `quota-core`; what is written of it, and in which order, is decided here.
//!
//! Follow an acquire: `ledger.rs` -> `job.rs` -> `writer.rs` -> `ops.rs` -> `draft.rs` ->
//! `store/sqlite/append.rs` -> the answer. A crash: `recovery.rs`. A new minute: `turn.rs`.

mod books;
mod config;
mod deployments;
mod doubt;
mod draft;
mod entry;
mod error;
mod follow;
mod holders;
mod job;
mod journal;
mod ledger;
mod open;
mod ops;
mod outage;
mod place;
mod recovery;
mod room;
mod time;
mod turn;
mod views;
mod vouch;
mod writer;

#[cfg(test)]
mod contract;

use std::sync::{Arc, Mutex};

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use config::JournaledConfig;
pub use entry::EntryError;
pub use error::OpenError;
pub use journal::JournalError;
pub use recovery::RecoveryError;

pub(crate) use books::ShardNo;
pub(crate) use doubt::JournalFault;
pub(crate) use entry::{EntryReader, Record, doubt_entry};
pub(crate) use follow::Follower;
pub(crate) use journal::{Catalogue, Change, Commit, DeploymentRow, History, Journal, Kept};
pub(crate) use recovery::{Replay, is_complete};
pub(crate) use time::LedgerTime;

use crate::store::sqlite::FolderLock;
use job::Job;
use outage::Health;

/// Keeps the books of all deployments in one process.
pub struct JournaledLedger {
    shards: Vec<Shard>,
    time: Arc<LedgerTime>,
    health: Arc<Health>,
    stop: CancellationToken,
    writers: Mutex<Vec<JoinHandle<()>>>,
    /// Held until the writers are done.
    lock: Mutex<Option<FolderLock>>,
}

/// The ways into one shard.
struct Shard {
    jobs: mpsc::Sender<Job>,
    /// Room for operations that wait for the writer or for its commit.
    operations: Arc<Semaphore>,
    history: Arc<dyn History>,
}
