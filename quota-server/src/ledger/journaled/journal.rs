//! What the writer needs of a store. The store knows SQL and nothing of accounting; the writer
//! knows accounting and nothing of SQL.
//!
//! To add a store: implement [`Journal`] and [`History`] in a folder of `store/`, and run the
//! contract suite on it.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use quota_core::{BookPage, Policy};
use tokio::time::Instant;

use super::doubt::JournalFault;
use super::recovery::RecoveryError;
use crate::ledger::LateEntry;

/// The journal of one shard. Only its writer has it.
pub(crate) trait Journal: Send + 'static {
    /// What it is called in messages.
    fn name(&self) -> &str;

    /// Connects anew and reads everything but the entries. Whatever an earlier connection left
    /// undecided is decided when this returns.
    fn load(&mut self) -> impl Future<Output = Result<Catalogue, JournalError>> + Send;

    /// Reads the entries from `first_seq` on, in order.
    fn replay(
        &mut self,
        first_seq: u64,
        each: impl FnMut(u64, &[u8]) -> Result<(), RecoveryError> + Send,
    ) -> impl Future<Output = Result<(), RecoveryError>> + Send;

    /// Makes all of it durable, or none. After an error nobody knows which, unless it is
    /// [`JournalError::Fenced`]: then none.
    fn append(&mut self, commit: Commit) -> impl Future<Output = Result<(), JournalError>> + Send;

    /// When others would like a sign of life, if no commit gives one before.
    fn beat_due(&self) -> Option<Instant> {
        None
    }

    /// Gives a sign of life, at this steady time of the ledger.
    fn beat(&mut self, _steady_ms: u64) -> impl Future<Output = Result<(), JournalError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Removes the entries before `seq`, which no recovery reads any more.
    fn trim(&mut self, seq: u64) -> impl Future<Output = Result<(), JournalError>> + Send;

    /// How many old entries are removed between two commits.
    fn trim_rows(&self) -> u64 {
        64
    }

    /// Whether all that was ever appended is still in it, as far as can be known.
    fn is_vouched_for(&self) -> bool {
        true
    }

    /// Entries that were in it are not any more: it does not count as whole until
    /// [`Journal::vouch`], over restarts too.
    fn doubt(&mut self) -> impl Future<Output = Result<(), JournalError>> + Send;

    /// It counts as whole from now on.
    fn vouch(&mut self) -> impl Future<Output = Result<(), JournalError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Keeps entries that could not be followed, for whoever investigates; those that are kept
    /// already stay. After an error the journal is as it was: it need not be loaded again.
    fn put_aside(
        &mut self,
        _faults: &[JournalFault],
    ) -> impl Future<Output = Result<(), JournalError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Writes something of no meaning, durably: does the disk take writes again?
    fn probe(&mut self) -> impl Future<Output = Result<(), JournalError>> + Send;

    /// Tidies up and closes.
    fn close(&mut self) -> impl Future<Output = Result<(), JournalError>> + Send;

    /// A way to read the history beside the writer.
    fn history(&self) -> Arc<dyn History>;
}

/// Reads the books of closed windows.
pub(crate) trait History: Send + Sync + 'static {
    /// Those of one deployment from `minute` on, newest first.
    fn pages(
        &self,
        deployment: u32,
        minute: u64,
    ) -> BoxFuture<'_, Result<Vec<BookPage>, JournalError>>;

    /// Closes what it reads with.
    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// What a store says went wrong.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The journal has another writer now, for good.
    #[error("another server has taken over")]
    Fenced,
    /// Anything else.
    #[error("{0}")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

impl JournalError {
    pub(crate) fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(error.into())
    }

    pub(crate) const fn is_fenced(&self) -> bool {
        matches!(self, Self::Fenced)
    }
}

/// Everything that a journal holds besides its entries.
#[derive(Debug, Clone)]
pub(crate) struct Catalogue {
    pub(crate) deployments: Vec<DeploymentRow>,
    /// The largest deployment number that was ever given.
    pub(crate) last_deployment: Option<u32>,
    pub(crate) kept: Kept,
    /// The first entry that has not been removed, whether it counts or not.
    pub(crate) oldest_seq: u64,
}

/// From where on the journal counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Entries that were written in windows before this one are gone.
    pub(crate) floor: u64,
    /// The first entry that counts.
    pub(crate) first_seq: u64,
}

impl Default for Kept {
    fn default() -> Self {
        Self { floor: 0, first_seq: 1 }
    }
}

/// A deployment, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeploymentRow {
    pub(crate) no: u32,
    pub(crate) id: Arc<str>,
    pub(crate) policy: Policy,
    pub(crate) details: Arc<str>,
    pub(crate) version: u64,
    pub(crate) deleted: bool,
}

/// One commit: an entry, and what else changes with it.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    /// One more than that of the commit before.
    pub(crate) seq: u64,
    pub(crate) entry: Vec<u8>,
    /// The ledger's steady time in the entry's stamp.
    pub(crate) steady_ms: u64,
    /// Mostly nothing: then a commit is one statement.
    pub(crate) changes: Vec<Change>,
}

/// A change of something that is not in the entries.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// A deployment was made, changed or deleted.
    Deployment(DeploymentRow),
    /// A deleted deployment of which nothing is left.
    Forget { deployment: u32 },
    /// The book of a closed window; one that is there already stays.
    Page { deployment: u32, page: BookPage },
    /// Late usage of a closed window.
    Late(LateEntry),
    /// Older entries do not count any more.
    Keep(Kept),
    /// History before this minute is forgotten, so many pages of it at most.
    Prune { minute: u64, most: usize },
}
