//! What a candidate needs of the store that servers share: to look who writes, to run for it, and
//! to read on.

use std::sync::Arc;
use std::time::Duration;

use crate::ledger::journaled::{Catalogue, History, Journal, JournalError};
use crate::store::postgres::{Leader, Me, News, Term};

/// A store that servers share. Clones are the same one.
pub(crate) trait SharedStore: Clone + Send + Sync + 'static {
    /// A way to it, of no use once a call has failed.
    type Connection: Send + 'static;
    /// What the server that is elected writes.
    type Journal: Journal;

    /// What it is called in messages.
    fn name(&self) -> &str;

    /// A way to read the history beside the writer.
    fn history(&self) -> Arc<dyn History>;

    /// Connects.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, JournalError>> + Send;

    /// Looks who writes; `term` is how long a sign of life is good for.
    fn look(
        connection: &mut Self::Connection,
        term: Duration,
    ) -> impl Future<Output = Result<Leader, JournalError>> + Send;

    /// Takes over, unless the writer is alive.
    fn elect(
        connection: &mut Self::Connection,
        me: &Me,
        term: Duration,
    ) -> impl Future<Output = Result<Option<Term>, JournalError>> + Send;

    /// Everything but the entries.
    fn catalogue(
        connection: &mut Self::Connection,
    ) -> impl Future<Output = Result<Catalogue, JournalError>> + Send;

    /// What came from entry `next_seq` on: the first of it, where it is much.
    fn news(
        connection: &mut Self::Connection,
        next_seq: u64,
    ) -> impl Future<Output = Result<News, JournalError>> + Send;

    /// Which of these deployments there still are. One that is gone never comes back.
    fn still_there(
        connection: &mut Self::Connection,
        numbers: &[u32],
    ) -> impl Future<Output = Result<Vec<u32>, JournalError>> + Send;

    /// The first entry that has not been removed, if there is any.
    fn oldest_seq(
        connection: &mut Self::Connection,
    ) -> impl Future<Output = Result<Option<u64>, JournalError>> + Send;

    /// The journal of the server that was elected for this term, on the connection that it was
    /// elected on.
    fn journal(&self, me: Me, term: Term, connection: Self::Connection) -> Self::Journal;
}
