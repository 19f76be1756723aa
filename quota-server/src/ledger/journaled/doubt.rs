//! A journal that cannot be followed (R7): an entry that is missing, unreadable or cannot follow on those
//! before it.
//!
//! Not to start would be worse than the doubt: what is wrong is wrong with the windows of that entry. So it is
//! passed over and kept aside, and the deployment that it is of, or all of the shard where nobody can tell
//! which, is quarantined: no grants from the entry's window and the one that could be granted from ahead,
//! with rolling windows one more, since their charges last 60 s from a lease's end. The next is clean. How
//! long that is follows from the entries alone, so whoever reads them comes to the same end.

use std::fmt;
use std::sync::Arc;

use quota_core::{Denial, MINUTE_MS, Now, State, Unit, WindowKind};

use super::books::{Books, Slot};
use super::recovery::RecoveryError;

/// The window of the doubt, and the one that can be granted from ahead.
pub(super) const DOUBTFUL_WINDOWS: u64 = 2;

/// So many faults are kept and told of, one by one; more are only counted.
const MOST_FAULTS: usize = 64;

/// What could not be followed.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// Which entry.
    pub(crate) seq: u64,
    /// Of which deployment, where that can be told.
    pub(crate) deployment: Option<u32>,
    /// What is wrong with it.
    pub(crate) why: Arc<str>,
    /// Its bytes; empty where it is missing.
    pub(crate) entry: Arc<[u8]>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// The faults of a journal, in their order.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// The first of them.
    pub(crate) first: Vec<Fault>,
    /// How many there are.
    pub(crate) count: usize,
}

impl Faults {
    pub(super) fn add(&mut self, seq: u64, why: &RecoveryError, entry: &[u8]) {
        self.count += 1;
        if self.first.len() < MOST_FAULTS {
            let (deployment, why) = (why.deployment(), why.to_string().into());
            self.first.push(Fault { seq, deployment, why, entry: entry.into() });
        }
    }
}

impl Books {
    /// An entry of this window could not be followed: quarantines what it is of.
    pub(super) fn doubt(&mut self, deployment: Option<u32>, window: u64) {
        let clean_from = window + DOUBTFUL_WINDOWS;
        match deployment.and_then(|no| self.slots.get_mut(&no)) {
            Some(slot) => slot.doubt_until(clean_from),
            None => self.clean_from = self.clean_from.max(clean_from),
        }
    }

    /// The whole shard is quarantined until this window: charges of rolling windows last one longer.
    pub(super) fn doubt_rolling(&mut self, clean_from: u64) {
        let slots = self.slots.values_mut();
        let rolling = slots.filter(|slot| slot.policy.kind == WindowKind::Rolling);
        rolling.for_each(|slot| slot.doubt_until(clean_from));
    }

    /// The deployments that are quarantined, each by itself.
    pub(super) fn quarantined(&self, now: &Now) -> impl Iterator<Item = &Slot> {
        self.slots.values().filter(|slot| slot.is_quarantined(now))
    }
}

impl Slot {
    fn doubt_until(&mut self, clean_from: u64) {
        let rolling = u64::from(self.policy.kind == WindowKind::Rolling);
        self.clean_from = self.clean_from.max(clean_from + rolling);
    }

    pub(super) const fn is_quarantined(&self, now: &Now) -> bool {
        now.window.number < self.clean_from
    }

    /// What an ask is told meanwhile.
    pub(super) fn quarantine(&self, now: &Now) -> Denial {
        let windows = self.clean_from.saturating_sub(now.window.number + 1);
        let retry_after_ms = now.window_ends_in_ms() + windows * MINUTE_MS;
        Denial { unit: Unit::Tokens, retry_after_ms, state: State::Quarantined }
    }
}
