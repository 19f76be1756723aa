//! A journal that may lack what was answered (R7): its store was promoted from a replica, or
//! restored, or it cannot be followed (`doubt.rs`). The lost grants are of windows that were open
//! or about to open, so nothing is granted until the window after the next one, which no lost grant
//! can be of. Meanwhile leases in hand stay good.

use std::collections::BTreeSet;

use tracing::{error, info, warn};

use super::books::Slot;
use super::doubt::{DOUBTFUL_WINDOWS, Faults};
use super::journal::{Journal, JournalError};
use super::recovery::Recovered;
use super::time::Stamp;
use super::writer::Writer;
use crate::metrics;

/// What is lost of so many deployments goes into one entry, which is a megabyte or two then. Who
/// dies between two such entries counts less of the rest as spent.
const SPENT_AT_ONCE: usize = 16_384;

/// By so many minutes the wall clock, which tells how long a loss may reach back, is behind at
/// most.
const WALL_BEHIND: u64 = 2;

/// What of a journal was told. The next recovery comes upon the same, as long as it is kept.
#[derive(Debug, Default)]
pub(super) struct ToldFaults {
    /// Entries that could not be followed.
    faults: BTreeSet<u64>,
    /// Deployments in doubt, each with the first window that is not.
    doubts: BTreeSet<(u32, u64)>,
}

impl ToldFaults {
    /// Which of these entries were not told of.
    fn faults(&mut self, entries: BTreeSet<u64>) -> BTreeSet<u64> {
        let new = &entries - &self.faults;
        self.faults = entries;
        new
    }

    /// How many of these doubts were not counted.
    fn doubts<'a>(&mut self, slots: impl Iterator<Item = &'a Slot>) -> usize {
        let doubts: BTreeSet<_> = slots.map(|slot| (slot.no, slot.clean_from)).collect();
        let new = (&doubts - &self.doubts).len();
        self.doubts = doubts;
        new
    }
}

impl<J: Journal> Writer<J> {
    /// Whether the books can be granted from.
    pub(super) async fn is_vouched_for(&mut self, stamp: &Stamp) -> bool {
        let is_vouched_for = self.vouch(stamp).await;
        self.state.books.doubtful = self.clean_from.is_some();
        is_vouched_for
    }

    async fn vouch(&mut self, stamp: &Stamp) -> bool {
        let now = stamp.now.window.number;
        let is_whole = self.journal.is_vouched_for();
        if !is_whole && self.clean_from.is_none() {
            self.quarantine(now, now + DOUBTFUL_WINDOWS, "the store may have lost grants");
        }
        let clean_from = self.state.books.clean_from;
        if now < clean_from && self.clean_from.is_none_or(|from| from < clean_from) {
            self.quarantine(now, clean_from, "what windows had cannot be told");
        }
        if self.clean_from.is_some_and(|from| now < from) {
            return false;
        }
        if !is_whole && let Err(error) = self.begin_clean(stamp).await {
            self.fail(&error);
            return false;
        }
        self.end_quarantine();
        true
    }

    /// The journal counts as whole from here on. An entry says what counts as spent, and where time
    /// stands: who writes next goes on from there, and gives no number of a lost window again.
    async fn begin_clean(&mut self, stamp: &Stamp) -> Result<(), JournalError> {
        self.spend_doubted(stamp).await?;
        self.journal.vouch().await
    }

    /// What may be lost counts as spent in longer periods: of each minute since the last entry that
    /// was read.
    async fn spend_doubted(&mut self, stamp: &Stamp) -> Result<(), JournalError> {
        let passed = self.state.last.map_or(u64::MAX, |last| {
            stamp.now.window.minute.saturating_sub(last.now.window.minute)
        });
        let windows = passed.saturating_add(WALL_BEHIND);
        let deployments = self.state.books.with_periods();
        let parts =
            deployments.chunks(SPENT_AT_ONCE).chain(deployments.is_empty().then_some(&[][..]));
        for some in parts {
            self.draft.begin(stamp);
            let books = &mut self.state.books;
            for no in some {
                let event = books.spend(*no, windows, &stamp.now);
                if let (Some(event), Some(slot)) = (event, books.slots.get_mut(no)) {
                    slot.journal(event, &mut books.holders, &stamp.now, &mut self.draft);
                }
            }
            self.append_draft(stamp).await?;
        }
        Ok(())
    }

    async fn append_draft(&mut self, stamp: &Stamp) -> Result<(), JournalError> {
        self.journal.append(self.draft.finish(self.state.place.next_seq)).await?;
        self.state.place.wrote(&stamp.now);
        Ok(())
    }

    fn quarantine(&mut self, now: u64, clean_from: u64, why: &str) {
        let journal = self.journal.name();
        warn!(journal, now, clean_from, "{why}: windows are quarantined");
        if self.clean_from.replace(clean_from).is_none() {
            metrics::quarantined();
            self.health.failed();
        }
        self.state.books.doubt_rolling(clean_from);
    }

    fn end_quarantine(&mut self) {
        if self.clean_from.take().is_some() {
            self.health.mended();
            info!(journal = self.journal.name(), "the quarantine is over");
        }
    }

    /// After a recovery: what of the journal could not be followed is told and kept aside.
    pub(super) async fn tell_faults(&mut self, stamp: &Stamp) -> Result<(), JournalError> {
        let Recovered { books, doubts, last, .. } = &mut self.state;
        if !doubts.is_empty() {
            // From now on this entry bounds the doubt: another start does not make it longer.
            self.draft.begin(stamp);
            doubts.iter().for_each(|of| self.draft.entry.doubt(of, false));
            let since = last.map_or(0, |last| last.now.window.number);
            books.end_doubts(doubts, since, &stamp.now);
            self.append_draft(stamp).await?;
        }
        let doubts = self.told.doubts(self.state.books.quarantined(&stamp.now));
        (0..doubts).for_each(|_| metrics::quarantined());
        if let Some(clean_from) = self.clean_from {
            self.state.books.doubt_rolling(clean_from);
        }
        let Faults { mut first, entries } = std::mem::take(&mut self.state.faults);
        let new = self.told.faults(entries);
        if new.is_empty() {
            return Ok(());
        }
        metrics::journal_faults(new.len());
        first.retain(|fault| new.contains(&fault.seq));
        let (journal, count) = (self.journal.name(), new.len());
        for fault in &first {
            error!(journal, seq = fault.seq, deployment = fault.deployment, "{fault}");
        }
        error!(
            journal,
            count,
            "the journal cannot be followed: what that is of is quarantined, see the runbook"
        );
        if let Err(error) = self.journal.put_aside(&first).await {
            warn!(journal = self.journal.name(), %error, "what cannot be followed is not kept");
        }
        Ok(())
    }

    /// Shows which deployments are quarantined.
    pub(super) fn show_quarantines(&mut self, stamp: &Stamp) {
        let books = &mut self.state.books;
        books.forget_doubts(&stamp.now);
        let mut ids: Vec<_> = books.quarantined(&stamp.now).map(|slot| slot.id.clone()).collect();
        ids.sort_unstable();
        self.health.quarantined(books.shard.no, ids);
    }
}
