//! Where a journal stands: its next entry, and from which one on entries are kept.

use std::collections::VecDeque;

use quota_core::{Now, WindowSpan};

use super::journal::Kept;
use super::turn::KEPT_WINDOWS;

/// Where the journal stands.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) kept: Kept,
    /// The number of the next entry.
    pub(crate) next_seq: u64,
    /// The windows that entries are kept of, oldest first.
    windows: VecDeque<Entries>,
}

/// The entries of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entries {
    /// Its number.
    window: u64,
    /// When it ends, steady ms.
    ends_ms: u64,
    /// The first of them.
    first_seq: u64,
}

/// No charge of a window outlasts its end by longer: a rolling lease lives 30 s at most, and its
/// charge 60 s more. It is what two whole windows last at least.
const REACH_MS: u64 = 2 * 59_940;

impl Place {
    /// Before the first entry that is kept.
    pub(super) fn new(kept: Kept) -> Self {
        Self { kept, next_seq: kept.first_seq, windows: VecDeque::new() }
    }

    /// The first window whose entries a recovery in this one may need. Mostly that is
    /// [`KEPT_WINDOWS`] before it. But a start on another run of the machine may open a window
    /// whose number is far ahead though hardly any steady time has passed: then charges of older
    /// windows still count.
    pub(crate) fn floor(&self, now: &Now) -> u64 {
        let floor = now.window.number.saturating_sub(KEPT_WINDOWS);
        let is_needed = |of: &&Entries| of.ends_ms + REACH_MS > now.window.opens_ms;
        self.windows.iter().find(is_needed).map_or(floor, |oldest| floor.min(oldest.window))
    }

    /// Whether it is worth an entry to be rid of those from before this window. The last one, which
    /// keeps the time, cannot go; and for a single one no other is written, or an idle ledger would
    /// write for ever.
    pub(crate) fn has_old(&self, floor: u64) -> bool {
        let last = self.next_seq.saturating_sub(1);
        self.first_from(floor).min(last) > self.kept.first_seq + 1
    }

    /// What is kept when the entries from before `floor` go and one more is written.
    pub(crate) fn keep_from(&mut self, floor: u64) -> Kept {
        let first_seq = self.first_from(floor);
        self.forget_before(floor);
        Kept { floor, first_seq }
    }

    fn first_from(&self, floor: u64) -> u64 {
        let first = self.windows.iter().find(|of| of.window >= floor);
        first.map_or(self.next_seq, |of| of.first_seq)
    }

    pub(crate) fn forget_before(&mut self, floor: u64) {
        self.windows.retain(|of| of.window >= floor);
    }

    /// An entry that was made at this time is in the journal.
    pub(crate) fn wrote(&mut self, now: &Now) {
        let WindowSpan { number: window, ends_ms, .. } = now.window;
        match self.windows.back_mut() {
            // A start on another run of the machine leaves its window open for longer.
            Some(last) if last.window == window => last.ends_ms = last.ends_ms.max(ends_ms),
            _ => self.windows.push_back(Entries { window, ends_ms, first_seq: self.next_seq }),
        }
        self.next_seq += 1;
    }
}
