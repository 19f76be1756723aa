use std::sync::Arc;

use super::standby::Standby;
use crate::ledger::journaled::JournaledLedger;

/// What a server is to its callers just now.
#[derive(Clone)]
pub(super) enum Face {
    /// The one that writes.
    Active(Arc<JournaledLedger>),
    /// One that reads.
    Standby(Arc<Standby>),
    /// Neither: it reads the books.
    Reading,
}
