//! A new window, in steps: while one is made nobody is served, so each has a bound, and between two
//! of them all who wait are.
//!
//! A step turns some books, and commits what comes of it: pages for the history, and what older
//! windows left open. When all books are turned, a last commit lets the entries go that nobody
//! needs any more. So after a crash between two steps the entries of before the turn still count: a
//! recovery has the same books, and the turn begins anew. What was carried already is not carried
//! again.

use quota_core::Now;

use super::Writer;
use crate::ledger::journaled::journal::{Change, Journal, JournalError, Kept};
use crate::ledger::journaled::recovery::Recovered;
use crate::ledger::journaled::time::Stamp;
use crate::ledger::journaled::turn::{Carry, Forget};

/// How much a step does.
#[derive(Debug, Clone, Copy)]
pub(in crate::ledger::journaled) struct TurnStep {
    /// About so many leases are looked at. One book is turned at least.
    pub(super) leases: usize,
    /// So many pages go into the history at most, and twice as many leave it.
    pub(super) pages: usize,
    /// So many leases are carried at most: each is an event, before it perhaps the records of its
    /// holder and policy.
    pub(super) carried: usize,
}

/// A millisecond's work, or a few.
pub(super) const STEP: TurnStep = TurnStep { leases: 65_536, pages: 1_000, carried: 4_096 };

/// A turn that is under way.
#[derive(Debug, Clone, Copy)]
pub(in crate::ledger::journaled) struct Turn {
    /// Entries from before this window are not needed any more.
    floor: u64,
    /// It is worth an entry to be rid of them.
    compacts: bool,
}

impl<J: Journal> Writer<J> {
    /// At a new window, and until all of it is done: one step.
    pub(super) async fn turn(&mut self, stamp: &Stamp) -> Result<(), JournalError> {
        let now = &stamp.now;
        let is_fresh = std::mem::take(&mut self.is_fresh);
        let is_new = self.state.books.comes_to(now);
        if is_fresh {
            self.tell_faults(stamp).await?;
        }
        if is_new || is_fresh {
            self.begin_turn(stamp);
        }
        let Some(turn) = self.turn else { return Ok(()) };
        self.draft.begin(stamp);
        let kept = self.step(turn, now).then(|| self.end_turn(turn, now)).flatten();
        if self.draft.is_empty() {
            return Ok(());
        }
        let minute = now.window.minute.saturating_sub(self.history_windows);
        self.draft.changes.push(Change::Prune { minute, most: 2 * self.steps.pages });
        self.commit(stamp).await?;
        self.state.place.kept = kept.unwrap_or(self.state.place.kept);
        Ok(())
    }

    fn begin_turn(&mut self, stamp: &Stamp) {
        self.state.books.begin_turn();
        self.show_quarantines(stamp);
        let Recovered { books, place, .. } = &self.state;
        let floor = place.floor(&stamp.now);
        let compacts =
            place.has_old(floor) || books.has_forgettable(self.forget(floor, &stamp.now));
        self.turn = Some(Turn { floor, compacts });
    }

    const fn forget(&self, floor: u64, now: &Now) -> Forget {
        Forget { deleted_before: now.window.number.saturating_sub(self.history_windows), floor }
    }

    /// Drafts the next step. True: it is the last one.
    fn step(&mut self, turn: Turn, now: &Now) -> bool {
        let (books, draft) = (&mut self.state.books, &mut self.draft);
        let Turn { floor, compacts } = turn;
        let mut left = self.steps.leases;
        while !books.are_turned() && left > 0 && books.closed.pages.len() < self.steps.pages {
            let most = self.steps.carried.saturating_sub(draft.carried);
            if most == 0 {
                break;
            }
            let carry = compacts.then_some(Carry { floor, most, draft });
            left = left.saturating_sub(books.turn_one(now, carry));
        }
        books.close_windows(self.steps.pages, draft);
        books.are_turned() && books.closed.pages.is_empty() && books.forget_holders(left)
    }

    /// Drafts the end: old entries stop counting.
    fn end_turn(&mut self, turn: Turn, now: &Now) -> Option<Kept> {
        self.turn = None;
        if !turn.compacts {
            return None;
        }
        let forget = self.forget(turn.floor, now);
        self.state.books.forget_deleted(forget, &mut self.draft);
        let kept = self.state.place.keep_from(turn.floor);
        self.draft.changes.push(Change::Keep(kept));
        Some(kept)
    }
}
