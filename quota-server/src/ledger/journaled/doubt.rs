//! A journal that cannot be followed (R7): an entry that is missing, unreadable or cannot follow on
//! those before it.
//!
//! Not to start would be worse than the doubt: what is wrong is wrong with the windows of that
//! entry. So it is passed over and kept aside, and the deployment that it is of, or all of the
//! shard where nobody can tell which, is quarantined: no grants from the entry's window and the one
//! that could be granted from ahead, with rolling windows one more, since their charges last 60 s
//! from a lease's end. The next is clean. How long that is follows from the entries alone, so
//! whoever reads them comes to the same end.
//!
//! The last entries say nothing of when: one that is missing or unreadable may be of any time until
//! the next that can be read, and so may what somebody put in doubt by hand (`journal.rs` of the
//! crate). Such a doubt is open until that entry, which a writer makes at once. It says what is in
//! doubt itself: the others may be removed before the doubt is over.
//!
//! A period that is longer than a window is in doubt for as long as it lasts, and nobody can be
//! denied for a day for that. What may be lost has a bound, though: each of those windows charged
//! its limit at most. So that much counts as spent.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use quota_core::{Book, Command, Denial, Event, MINUTE_MS, Now, State, Unit, WindowKind};

use super::books::{Books, Slot};
use super::recovery::RecoveryError;

/// The window of the doubt, and the one that can be granted from ahead.
pub(super) const DOUBTFUL_WINDOWS: u64 = 2;

/// So many faults are kept and told of, one by one; more are only counted.
const MOST_FAULTS: usize = 64;

/// What could not be followed.
#[derive(Debug, Clone)]
pub(crate) struct JournalFault {
    /// Which entry.
    pub(crate) seq: u64,
    /// Of which deployment, where that can be told.
    pub(crate) deployment: Option<u32>,
    /// What is wrong with it.
    pub(crate) why: Arc<str>,
    /// Its bytes; empty where it is missing.
    pub(crate) entry: Arc<[u8]>,
}

impl fmt::Display for JournalFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// The faults of a journal.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// The first of them, in their order.
    pub(crate) first: Vec<JournalFault>,
    /// The entries that have any.
    pub(crate) entries: BTreeSet<u64>,
}

impl Faults {
    pub(super) fn add(&mut self, seq: u64, why: &RecoveryError, entry: &[u8]) {
        self.entries.insert(seq);
        if self.first.len() < MOST_FAULTS {
            let (deployment, why) = (why.deployment(), why.to_string().into());
            self.first.push(JournalFault { seq, deployment, why, entry: entry.into() });
        }
    }
}

/// What is in doubt from the last entry on until there is another one.
#[derive(Debug, Default)]
pub(crate) struct OpenDoubts {
    /// Deployments, by number.
    of: BTreeSet<u32>,
    /// All of the shard.
    pub(super) is_all: bool,
}

impl OpenDoubts {
    pub(super) fn add(&mut self, deployment: Option<u32>) {
        match deployment {
            Some(no) => _ = self.of.insert(no),
            None => self.is_all = true,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Option<u32>> {
        self.of.iter().copied().map(Some).chain(self.is_all.then_some(None))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.of.is_empty() && !self.is_all
    }
}

impl Books {
    /// The next entry is of this time: what is in doubt until then is of its window at the latest,
    /// or of the next, ahead. The last entry before it was of window `since`.
    pub(super) fn end_doubts(&mut self, doubts: &mut OpenDoubts, since: u64, now: &Now) {
        let OpenDoubts { of, is_all } = std::mem::take(doubts);
        of.into_iter().for_each(|no| self.doubt(Some(no), since, now));
        if is_all {
            self.doubt(None, since, now);
        }
    }

    /// An entry of this time could not be followed: quarantines what it is of. What windows from
    /// `since` on may have charged counts as spent in longer periods, which outlast the quarantine.
    pub(super) fn doubt(&mut self, deployment: Option<u32>, since: u64, now: &Now) {
        let clean_from = now.window.number + DOUBTFUL_WINDOWS;
        let windows = clean_from.saturating_sub(since);
        match deployment.filter(|no| self.slots.contains_key(no)) {
            Some(no) => {
                if let Some(slot) = self.slots.get_mut(&no) {
                    slot.doubt_until(clean_from);
                }
                self.doubted.insert(no);
                let _told_by_the_doubt = self.spend(no, windows, now);
            }
            None => {
                self.clean_from = self.clean_from.max(clean_from);
                for no in self.with_periods() {
                    let _told_by_the_doubt = self.spend(no, windows, now);
                }
            }
        }
    }

    /// The deployments with limits over further periods, by number.
    pub(super) fn with_periods(&self) -> Vec<u32> {
        let slots = self.slots.values().filter(|slot| slot.has_periods());
        let mut numbers: Vec<_> = slots.map(|slot| slot.no).collect();
        numbers.sort_unstable();
        numbers
    }

    /// What so many windows may have charged to longer periods of a deployment counts as spent. The
    /// event, if it has any such period.
    pub(super) fn spend(&mut self, no: u32, windows: u64, now: &Now) -> Option<Event> {
        let slot = self.slots.get_mut(&no).filter(|slot| slot.has_periods())?;
        slot.open(None, &mut self.active);
        slot.catch_up(now, &mut self.closed);
        let spent = slot.book_mut()?.apply(&Command::Doubt(windows), now);
        spent.ok().and_then(|(_, event)| event)
    }

    /// The whole shard is quarantined until this window: charges of rolling windows last one
    /// longer.
    pub(super) fn doubt_rolling(&mut self, clean_from: u64) {
        let slots = self.slots.values_mut();
        let rolling = slots.filter(|slot| slot.policy.kind == WindowKind::Rolling);
        rolling.for_each(|slot| {
            slot.doubt_until(clean_from);
            self.doubted.insert(slot.no);
        });
    }

    /// The deployments that are quarantined, each by itself.
    pub(super) fn quarantined(&self, now: &Now) -> impl Iterator<Item = &Slot> {
        let doubted = self.doubted.iter().filter_map(|no| self.slots.get(no));
        doubted.filter(|slot| slot.is_quarantined(now))
    }

    /// Those that are quarantined no more are not looked at again.
    pub(super) fn forget_doubts(&mut self, now: &Now) {
        let slots = &self.slots;
        self.doubted.retain(|no| slots.get(no).is_some_and(|slot| slot.is_quarantined(now)));
    }
}

impl Slot {
    /// Whether something is counted over longer periods, or is to be.
    fn has_periods(&self) -> bool {
        self.book().map_or(!self.policy.periods.is_empty(), Book::counts_periods)
    }

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
        let (unit, state) = (Unit::Tokens, State::Quarantined);
        Denial { unit, period: None, retry_after_ms, state }
    }
}
