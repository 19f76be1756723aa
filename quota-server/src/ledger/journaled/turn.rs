//! A new window: the books of closed ones go into the history, and entries that no recovery needs
//! any more stop counting.
//!
//! What a recovery needs: a minute's book keeps two windows and the one ahead, a rolling one three,
//! and grants of a window may stand in entries of the window before. So when window N opens, the
//! entries of N-2 and later are kept. What older windows left open is carried into N's first entry.

use quota_core::{Event, Now};
use rustc_hash::FxHashSet;

use super::books::{Books, count};
use super::draft::Draft;
use super::journal::Change;
use crate::ledger::checks;
use crate::metrics;

/// How many windows before the open one keep their entries.
pub(crate) const KEPT_WINDOWS: u64 = 2;

/// About so many leases are looked over when a window turns: a millisecond's work.
const AUDITED_LEASES: usize = 100_000;

impl Books {
    /// Looks over some of the books, the next ones each time, so that all have their turn.
    pub(crate) fn audit(&mut self) {
        let mut leases = 0;
        for _ in 0..self.active.len() {
            self.audited = (self.audited + 1) % self.active.len();
            let slot = self.slots.get(&self.active[self.audited]);
            let Some((slot, book)) = slot.and_then(|slot| Some((slot, slot.book.as_deref()?)))
            else {
                continue;
            };
            checks::book(&slot.id, book);
            leases += book.lease_count();
            if leases >= AUDITED_LEASES {
                return;
            }
        }
    }

    /// Closes what is over and drafts its history. Books at rest are dropped.
    pub(crate) fn close_windows(&mut self, now: &Now, draft: &mut Draft) {
        let before = self.active.len();
        let slots = &mut self.slots;
        self.active.retain(|no| {
            let Some(slot) = slots.get_mut(no) else { return false };
            let Some(book) = slot.book.as_deref_mut() else { return false };
            book.advance(now);
            let pages = book.take_closed();
            draft
                .changes
                .extend(pages.into_iter().map(|page| Change::Page { deployment: *no, page }));
            let stays = !book.is_at_rest();
            if !stays {
                slot.book = None;
            }
            stays
        });
        metrics::books_active_changed(count(self.active.len()) - count(before));
    }

    /// Writes into this window's entries what older ones left open, and forgets holders that
    /// nobody waits for.
    pub(crate) fn carry(&mut self, now: &Now, draft: &mut Draft) {
        let mut awaited = FxHashSet::default();
        for no in &self.active {
            let Some(slot) = self.slots.get_mut(no) else { continue };
            let Some(book) = slot.book.as_deref() else { continue };
            let carried: Vec<Event> = book.carried().collect();
            for event in carried {
                if let Event::Carried { late, .. } = event {
                    awaited.insert(late.holder);
                }
                slot.journal(event, &mut self.holders, now, draft);
            }
        }
        let oldest = now.window.number.saturating_sub(KEPT_WINDOWS);
        self.holders.forget(oldest, &awaited);
    }

    /// Forgets deployments that were deleted so long ago that their history is gone too.
    pub(crate) fn forget_deleted(&mut self, history_windows: u64, now: &Now, draft: &mut Draft) {
        let (slots, by_id) = (&mut self.slots, &mut self.by_id);
        self.deleted.retain(|no| {
            let Some(slot) = slots.get_mut(no) else { return false };
            let since = slot.deleted.unwrap_or(now.window.number);
            if slot.book.is_some() || since + history_windows >= now.window.number {
                return true;
            }
            by_id.remove(&slot.id);
            slots.remove(no);
            draft.changes.push(Change::Forget { deployment: *no });
            false
        });
    }
}
