//! The books of a standby: kept up with a journal that another server writes.
//!
//! Entries are taken in by the code that recovers from a journal, so a standby that takes over goes
//! on with the same books as after a restart.
//!
//! A reader's clock is not the writer's, and books never go back in time: what is shown is shown
//! from a copy of the book, and the original stays where its last entry left it.

use quota_core::{LeaseId, Now, Overview};
use rustc_hash::FxHashSet;

use super::books::{Books, ShardNo, count, nothing};
use super::journal::{Catalogue, DeploymentRow, Kept};
use super::recovery::{Recovered, RecoveryError, Replay};
use super::time::Stamp;
use super::views::Pages;
use crate::ledger::{DeploymentPage, LeasePage, Stored};
use crate::metrics;

/// Books that follow a journal.
#[derive(Debug)]
pub(crate) struct Follower {
    replay: Replay,
}

impl Follower {
    /// Begins with everything but the entries.
    pub(crate) fn new(catalogue: Catalogue) -> Self {
        Self { replay: Replay::new(ShardNo::ALONE, catalogue) }
    }

    /// The first entry that it has not taken in.
    pub(crate) const fn next_seq(&self) -> u64 {
        self.replay.place.next_seq
    }

    /// From where on the journal counts.
    pub(crate) const fn kept(&self) -> Kept {
        self.replay.place.kept
    }

    /// When the last entry was written.
    pub(crate) const fn last(&self) -> Option<Stamp> {
        self.replay.last
    }

    #[cfg(test)]
    pub(super) const fn books(&self) -> &Books {
        &self.replay.books
    }

    /// Takes in deployments as they are now: before the entries that may be of them.
    pub(crate) fn deployments(&mut self, rows: Vec<DeploymentRow>, last: Option<u32>) {
        let books = &mut self.replay.books;
        books.last_deployment = books.last_deployment.max(last);
        for row in rows {
            books.change(row);
        }
    }

    /// Takes in the next entry. A gap is mostly none in the journal: entries were removed
    /// meanwhile, so all is to be read again. One that stays is passed over by who `bridges` it.
    pub(crate) fn entry(
        &mut self,
        seq: u64,
        entry: &[u8],
        bridges: bool,
    ) -> Result<(), RecoveryError> {
        let expected = self.next_seq();
        if seq != expected && !bridges {
            return Err(RecoveryError::Gap { expected, found: seq });
        }
        let _among_the_faults = self.replay.take_in(seq, entry);
        Ok(())
    }

    /// Entries before this no longer count.
    pub(crate) fn keep(&mut self, kept: Kept) {
        let Replay { place, books, .. } = &mut self.replay;
        if place.kept != kept {
            place.kept = kept;
            place.forget_before(kept.floor);
            books.history_has(kept);
        }
    }

    /// The window of the last entry.
    pub(crate) const fn window(&self) -> u64 {
        self.replay.books.turned
    }

    pub(crate) fn deleted(&self) -> &[u32] {
        &self.replay.books.deleted
    }

    /// Forgets deleted deployments that the writer has forgotten: all but these, which there still
    /// are. No entry that is still to come names one that is gone; one that is live again since is
    /// not gone.
    pub(crate) fn still_there(&mut self, still: &[u32]) {
        let still: FxHashSet<_> = still.iter().copied().collect();
        let books = &mut self.replay.books;
        let gone: Vec<_> = books.deleted.iter().copied().filter(|no| !still.contains(no)).collect();
        gone.into_iter().for_each(|no| books.remove(no));
    }

    /// The books, for the server that writes from now on.
    pub(crate) fn recovered(self, oldest_seq: u64) -> Recovered {
        self.replay.finish(oldest_seq)
    }

    pub(crate) fn deployment(&self, id: &str) -> Option<Stored> {
        self.replay.books.deployment(id)
    }

    pub(crate) fn some_deployments(&self, first: u32) -> DeploymentPage {
        self.replay.books.some_deployments(first)
    }

    pub(crate) fn overview(&self, now: &Now) -> Vec<(Stored, Overview)> {
        let mut all = self.replay.books.overview_from_copy(now);
        all.sort_unstable_by(|(a, _), (b, _)| a.id.cmp(&b.id));
        all
    }

    pub(crate) fn pages(&self, id: &str, now: &Now) -> Option<Pages> {
        self.replay.books.pages_from_copy(id, now)
    }

    pub(crate) fn held(&self, id: &str, first: LeaseId, now: &Now) -> Option<LeasePage> {
        self.replay.books.held(id, first, now)
    }
}

impl Books {
    /// Takes in a deployment as it is now. One that was forgotten, and made again with another
    /// number, takes the place of the old one.
    fn change(&mut self, row: DeploymentRow) {
        if let Some(old) = self.by_id.get(&row.id).copied().filter(|no| *no != row.no) {
            self.remove(old);
        }
        self.deleted.retain(|no| *no != row.no);
        let Some(slot) = self.slots.get_mut(&row.no) else { return self.insert(row) };
        let since = slot.deleted.unwrap_or(self.turned);
        slot.deleted = row.deleted.then_some(since);
        if row.deleted {
            self.deleted.push(row.no);
        }
        let details = if row.deleted { nothing() } else { row.details };
        (slot.policy, slot.details, slot.version) = (row.policy, details, row.version);
    }

    fn remove(&mut self, no: u32) {
        if let Some(slot) = self.slots.remove(&no)
            && self.by_id.get(&slot.id) == Some(&no)
        {
            self.by_id.remove(&slot.id);
        }
        self.deleted.retain(|deleted| *deleted != no);
        let before = self.active.len();
        self.active.retain(|active| *active != no);
        metrics::books_active_changed(count(self.active.len()) - count(before));
    }
}
