//! A new window: the books of closed ones go into the history, and entries that no recovery needs
//! any more stop counting.
//!
//! [`Books::turn`] is what happens to the books at a new window, for whoever has them: the writer calls it
//! when its time has come to a new window, a recovery and a standby when an entry's stamp has. It depends
//! on the entries before and on that stamp alone, so all three have the same books after each entry.
//!
//! What a recovery needs: a minute's book keeps two windows and the one ahead, a rolling one three,
//! and grants of a window may stand in entries of the window before. So when window N opens, the
//! entries of N-2 and later are kept, and older ones whose charges may still count (see [`Place::floor`]).
//! What older windows left open is carried into N's first entry. An overrun is charged from its report on,
//! which may be long after its lease's window: its entry tells what was known of that lease (`ops.rs`).
//!
//! [`Place::floor`]: super::recovery::Place::floor

use quota_core::{Event, HolderId, Now};
use rustc_hash::FxHashSet;

use super::books::{Books, count};
use super::draft::Draft;
use super::journal::{Change, Kept};
use super::recovery::is_complete_window;
use crate::ledger::checks;
use crate::metrics;

/// How many windows before the open one keep their entries.
pub(crate) const KEPT_WINDOWS: u64 = 2;

/// About so many leases are looked over when a window turns: a millisecond's work.
const AUDITED_LEASES: usize = 100_000;

impl Books {
    /// Brings all books to a window that is new to them: closes what is over, drops books at rest, and
    /// forgets holders that nobody waits for. False: they are there already.
    pub(crate) fn turn(&mut self, now: &Now) -> bool {
        if self.turned >= now.window.number {
            return false;
        }
        self.turned = now.window.number;
        let before = self.active.len();
        let (slots, closed) = (&mut self.slots, &mut self.closed);
        self.active.retain(|no| {
            let Some(slot) = slots.get_mut(no) else { return false };
            let Some(book) = slot.book_mut() else { return false };
            book.advance(now);
            let pages = book.take_closed();
            closed.extend(pages.into_iter().map(|page| ((*no, page.window), page)));
            let stays = !book.is_at_rest();
            if !stays {
                slot.book = None;
            }
            stays
        });
        metrics::books_active_changed(count(self.active.len()) - count(before));
        self.forget_holders(now.window.number.saturating_sub(KEPT_WINDOWS));
        true
    }

    /// Forgets holders that have not asked since before this window, if no lease of theirs is waited for.
    fn forget_holders(&mut self, window: u64) {
        if !self.holders.any_before(window) {
            return;
        }
        let books = self.active.iter().filter_map(|no| self.slots.get(no)?.book());
        let awaited: FxHashSet<_> =
            books.flat_map(|book| book.carried()).filter_map(late).collect();
        self.holders.forget(window, &awaited);
    }

    /// The history has the pages that were closed before entries stopped counting.
    pub(super) fn history_has(&mut self, kept: Kept) {
        self.closed.retain(|(_, window), page| is_complete_window(page.kind, *window, kept.floor));
    }

    /// Looks over some of the books, the next ones each time, so that all have their turn.
    pub(crate) fn audit(&mut self) {
        let mut leases = 0;
        for _ in 0..self.active.len() {
            self.audited = (self.audited + 1) % self.active.len();
            let slot = self.slots.get(&self.active[self.audited]);
            let Some((slot, book)) = slot.and_then(|slot| Some((slot, slot.book()?))) else {
                continue;
            };
            checks::book(&slot.id, book);
            leases += book.lease_count();
            if leases >= AUDITED_LEASES {
                return;
            }
        }
    }

    /// Drafts the history of what was closed.
    pub(crate) fn close_windows(&mut self, draft: &mut Draft) {
        let pages = std::mem::take(&mut self.closed).into_iter();
        let changes = pages.map(|((deployment, _), page)| Change::Page { deployment, page });
        draft.changes.extend(changes);
    }

    /// Writes into this window's entries what older ones left open.
    pub(crate) fn carry(&mut self, now: &Now, draft: &mut Draft) {
        for no in &self.active {
            let Some(slot) = self.slots.get_mut(no) else { continue };
            let carried: Vec<Event> =
                slot.book().into_iter().flat_map(|book| book.carried()).collect();
            for event in carried {
                slot.journal(event, &mut self.holders, now, draft);
            }
        }
    }

    /// Forgets deployments that were deleted so long ago that their history is gone too, and that no
    /// entry from `floor` on names.
    pub(crate) fn forget_deleted(
        &mut self,
        history_windows: u64,
        floor: u64,
        now: &Now,
        draft: &mut Draft,
    ) {
        let (slots, by_id) = (&mut self.slots, &mut self.by_id);
        self.deleted.retain(|no| {
            let Some(slot) = slots.get_mut(no) else { return false };
            let since = slot.deleted.unwrap_or(now.window.number);
            let is_recent = since + history_windows >= now.window.number;
            if slot.book.is_some() || is_recent || slot.named >= floor {
                return true;
            }
            by_id.remove(&slot.id);
            slots.remove(no);
            draft.changes.push(Change::Forget { deployment: *no });
            false
        });
    }
}

fn late(event: Event) -> Option<HolderId> {
    match event {
        Event::Carried { late, .. } => Some(late.holder),
        _ => None,
    }
}
