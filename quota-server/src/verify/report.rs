use std::collections::BTreeMap;
use std::sync::Arc;

use quota_core::{Amount, LeaseId};

use super::tally::Tally;
use crate::ledger::LeaseRef;

/// What the journals of a data folder hold. Windows of which entries have been removed already are
/// not in it.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Entries read: commits.
    pub entries: u64,
    /// By deployment and window.
    pub windows: BTreeMap<(Arc<str>, u64), WindowReport>,
    /// In the order of the journal, shard after shard.
    pub grants: Vec<Grant>,
}

/// One window of one deployment, added up from its leases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WindowReport {
    /// All granted.
    pub granted: Amount,
    /// All given back in time.
    pub given_back: Amount,
    /// All reported as used.
    pub used: Amount,
    /// All used above it.
    pub overrun: Amount,
}

/// One lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its name.
    pub lease: LeaseRef,
    /// Of which deployment.
    pub deployment: Arc<str>,
    /// Its holder's name.
    pub holder: Arc<str>,
    /// What was granted.
    pub amount: Amount,
    /// What of it was given back.
    pub given_back: Amount,
    /// What of it is reported as used.
    pub used: Amount,
    /// What is reported as used above it.
    pub overrun: Amount,
    /// From when on it may be drawn from, the ledger's steady ms.
    pub starts_ms: u64,
    /// Until when.
    pub ends_ms: u64,
}

impl Report {
    /// Takes in what one shard holds.
    pub(super) fn add(&mut self, tally: Tally) {
        self.entries += tally.entries;
        for grant in &tally.grants {
            let LeaseId { window, .. } = grant.lease.lease;
            let sums = self.windows.entry((grant.deployment.clone(), window)).or_default();
            sums.granted = sums.granted.saturating_add(grant.amount);
            sums.given_back = sums.given_back.saturating_add(grant.given_back);
            sums.used = sums.used.saturating_add(grant.used);
            sums.overrun = sums.overrun.saturating_add(grant.overrun);
        }
        self.grants.extend(tally.grants);
    }
}
