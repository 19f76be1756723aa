//! Leases of closed windows whose usage is not known yet. They earn no credit any more, but what
//! they say of usage and overrun still belongs into their window's history.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::bucket::Bucket;
use crate::lease::Lease;
use crate::{Amount, HolderId, Imbalance, LeaseId};

/// How many windows a lease is waited for: ten, longer than providers let a request run.
const WINDOWS: u64 = 10;

/// How many leases of one book are waited for; the oldest go first.
const MOST: usize = 4_096;

/// A lease of a closed window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateLease {
    /// Whose it is.
    pub holder: HolderId,
    /// What it held less what it gave back.
    pub kept: Amount,
    /// What of it is reported as used.
    pub used: Amount,
    /// What is reported as used above it.
    pub overrun: Amount,
}

impl LateLease {
    pub(crate) fn of(lease: &Lease, overrun: Amount) -> Self {
        Self { holder: lease.holder, kept: lease.kept(), used: lease.used(), overrun }
    }
}

/// The leases waited for, by id, so the oldest come first. Each with the last window whose entries
/// tell of it; 0: none does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Late(BTreeMap<LeaseId, (LateLease, u64)>);

impl Late {
    /// Takes over what `bucket` leaves open: the newest, as many as are waited for. Where few are
    /// open it looks at all leases of the bucket, however many: who turns a book counts on that.
    pub(crate) fn take_over(&mut self, bucket: &Bucket) {
        if bucket.unaccounted().is_zero() {
            return;
        }
        let late = bucket.leases().rev().map(|(id, lease)| (id, lease, bucket.overrun_of(id)));
        let late = late.map(|(id, lease, overrun)| (id, LateLease::of(lease, overrun)));
        for (id, late) in late.filter(|(_, late)| late.used != late.kept).take(MOST) {
            self.insert(id, late, 0);
        }
    }

    /// A lease that entries of window `told` tell of.
    pub(crate) fn insert(&mut self, id: LeaseId, late: LateLease, told: u64) {
        self.0.insert(id, (late, told));
        if self.0.len() > MOST {
            self.0.pop_first();
        }
    }

    /// Forgets leases that have been waited for long enough.
    pub(crate) fn forget(&mut self, open_window: u64) {
        self.forget_before(open_window.saturating_sub(WINDOWS));
    }

    /// Forgets leases of windows before this one.
    pub(crate) fn forget_before(&mut self, window: u64) {
        while let Some(entry) = self.0.first_entry() {
            if entry.key().window >= window {
                break;
            }
            entry.remove();
        }
    }

    pub(crate) fn find(&self, id: LeaseId) -> Option<&LateLease> {
        self.0.get(&id).map(|(late, _)| late)
    }

    /// Those that no entry from window `floor` on tells of. Entries of `window` do from now on.
    pub(crate) fn tell(
        &mut self,
        floor: u64,
        window: u64,
    ) -> impl Iterator<Item = (LeaseId, LateLease)> {
        let untold = self.0.iter_mut().filter(move |(_, (_, told))| *told == 0 || *told < floor);
        untold.map(move |(id, (late, told))| {
            *told = window;
            (*id, *late)
        })
    }

    /// Takes a report in and answers with what it adds to the overrun.
    pub(crate) fn record(
        &mut self,
        id: LeaseId,
        used: Amount,
        overrun: Amount,
    ) -> Result<Amount, Imbalance> {
        let (late, _) = self.0.get_mut(&id).ok_or(Imbalance::UnknownLease(id))?;
        if !used.fits(late.kept) {
            return Err(Imbalance::LeaseOverdrawn(id));
        }
        let added = overrun.saturating_sub(late.overrun);
        late.used = used;
        late.overrun = overrun;
        Ok(added)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (LeaseId, LateLease)> {
        self.0.iter().map(|(id, (late, _))| (*id, *late))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
