//! A new window: the books of closed ones go into the history, and entries that no recovery needs
//! any more stop counting.
//!
//! A recovery and a standby turn all books when an entry's stamp has come to a new window
//! ([`Books::turn`]). The writer, whose callers wait, turns them in steps (`writer/turning.rs`),
//! and each book at once that somebody asks for meanwhile ([`Slot::catch_up`]). A book is turned by
//! the window's stamp alone, so whoever reads the journal has the writer's books after each entry,
//! wherever the turn has come to.
//!
//! What a recovery needs: a minute's book keeps two windows and the one ahead, a rolling one three,
//! and grants of a window may stand in entries of the window before. So when window N opens, the
//! entries of N-2 and later are kept, and older ones whose charges may still count (see
//! [`Place::floor`]). What older windows left open, and no entry that is kept tells of, is carried
//! into N's entries before the older ones stop counting. An overrun is charged from its report on,
//! which may be long after its lease's window: its entry tells what was known of that lease
//! (`ops.rs`).
//!
//! [`Place::floor`]: super::place::Place::floor

use std::collections::BTreeMap;

use quota_core::{BookPage, Event, HolderId, Now};

use super::books::{Books, Slot};
use super::draft::Draft;
use super::journal::{Change, Kept};
use super::recovery::is_complete_window;
use crate::ledger::checks;
use crate::metrics;

/// How many windows before the open one keep their entries.
pub(crate) const KEPT_WINDOWS: u64 = 2;

/// About so many leases are looked over in one go: half a millisecond's work.
const AUDITED_LEASES: usize = 50_000;

/// What it costs to tell a sum of a longer period, in leases: of a thousand a step has enough.
const SUM: usize = 64;

/// What one look at a book costs, in leases.
pub(super) const BOOK: usize = 32;

/// So many deployments are forgotten at a turn.
const FORGOTTEN: usize = 1_000;

/// So many deleted deployments are kept for the sake of their history; of more the oldest are
/// forgotten before that is over.
pub(super) const MOST_DELETED: usize = 32_768;

/// What closed windows left.
#[derive(Debug, Default)]
pub(crate) struct Closed {
    /// Their pages, by deployment and window, that may not be in the history yet.
    pub(super) pages: BTreeMap<(u32, u64), BookPage>,
    /// How many leases are waited for.
    pub(super) late: usize,
}

/// How far a turn has come.
#[derive(Debug, Default)]
pub(super) struct Turning {
    /// So many of the active books, from the first one on, are still to be turned.
    books: usize,
    /// So many holders are still to be looked at.
    holders: usize,
}

impl Books {
    /// Brings all books to a window that is new to them: closes what is over, drops books at rest,
    /// and forgets holders that nobody waits for.
    pub(crate) fn turn(&mut self, now: &Now) {
        if self.comes_to(now) {
            while !self.are_turned() {
                self.turn_one(now, None);
            }
            self.forget_holders(usize::MAX);
        }
    }

    /// Whether this window is new to them: then all of them are to be turned.
    pub(super) fn comes_to(&mut self, now: &Now) -> bool {
        let is_new = self.turned < now.window.number;
        if is_new {
            self.turned = now.window.number;
            self.begin_turn();
        }
        is_new
    }

    /// All of them are to be turned.
    pub(super) fn begin_turn(&mut self) {
        self.turning = Turning { books: self.active.len(), holders: self.holders.count() };
    }

    /// Whether all were turned.
    pub(super) const fn are_turned(&self) -> bool {
        self.turning.books == 0
    }

    /// Turns the next book: the last one of those that are left. Its place is taken by one that
    /// needs no turn. Answers how many leases it looked at.
    pub(super) fn turn_one(&mut self, now: &Now, carry: Option<Carry<'_>>) -> usize {
        let Some(at) = self.turning.books.checked_sub(1) else { return 0 };
        let no = self.active[at];
        let mut leases = BOOK;
        let slot = self.slots.get_mut(&no);
        let stays = slot.is_some_and(|slot| {
            leases += slot.catch_up(now, &mut self.closed);
            let Some(book) = slot.book() else { return false };
            leases += book.late_count();
            let awaited = book.carried().filter_map(|event| late(&event));
            awaited.for_each(|holder| self.holders.awaits(holder, now.window.number));
            let is_at_rest = book.is_at_rest();
            if is_at_rest {
                slot.book = None;
            }
            !is_at_rest
        });
        if !stays {
            self.active.swap_remove(at);
            metrics::books_active_changed(-1);
        }
        let Some(carry) = carry.filter(|_| stays) else {
            self.turning.books = at;
            return leases;
        };
        let (sums, is_all) = self.carry(no, now, carry);
        if is_all {
            self.turning.books = at;
        }
        leases + sums * SUM
    }

    /// Writes into this window's entries what older ones left open of a book. How many sums that
    /// were, and whether it is all.
    fn carry(&mut self, no: u32, now: &Now, carry: Carry<'_>) -> (usize, bool) {
        let Carry { floor, most, draft } = carry;
        let Some(slot) = self.slots.get_mut(&no) else { return (0, true) };
        let Some(book) = slot.book_mut() else { return (0, true) };
        // Sums belong together, and are few.
        let (mut carried, leases) = book.carry(floor, now.window.number);
        let accounts = carried.len();
        carried.extend(leases.take(most));
        let is_all = carried.len() < accounts + most;
        let sums = carried.iter().map(sums_of).sum();
        for event in carried {
            slot.journal(event, &mut self.holders, now, draft);
        }
        (sums, is_all)
    }

    /// Forgets holders that have not asked since before the windows that are kept, if no lease of
    /// theirs is waited for. Looks at `most` of them; true: at the last one.
    pub(super) fn forget_holders(&mut self, most: usize) -> bool {
        let most = most.min(self.turning.holders);
        self.holders.forget(most, self.turned.saturating_sub(KEPT_WINDOWS), self.turned);
        self.turning.holders -= most;
        self.turning.holders == 0
    }

    /// The history has the pages that were closed before entries stopped counting.
    pub(super) fn history_has(&mut self, kept: Kept) {
        let pages = &mut self.closed.pages;
        pages.retain(|(_, window), page| is_complete_window(page.kind, *window, kept.floor));
    }

    /// Looks over some leases, the next ones each time, so that all have their turn.
    pub(crate) fn audit(&mut self) {
        let mut left = AUDITED_LEASES;
        for _ in 0..self.active.len() {
            let Some(no) = self.active.get(self.audited) else {
                self.audited = 0;
                continue;
            };
            let slot = self.slots.get_mut(no);
            let is_through = slot.is_none_or(|slot| slot.audit(&mut left, &mut self.told));
            self.audited += usize::from(is_through);
            if left == 0 {
                return;
            }
        }
    }

    /// Drafts the history of some of what was closed.
    pub(super) fn close_windows(&mut self, most: usize, draft: &mut Draft) {
        let pages = std::iter::from_fn(|| self.closed.pages.pop_first()).take(most);
        let changes = pages.map(|((deployment, _), page)| Change::Page { deployment, page });
        draft.changes.extend(changes);
    }

    /// Whether there are deployments to forget.
    pub(super) fn has_forgettable(&self, forget: Forget) -> bool {
        let deleted = self.deleted.iter().enumerate();
        let mut deleted = deleted.filter_map(|(at, no)| Some((at, self.slots.get(no)?)));
        let more = self.deleted.len().saturating_sub(MOST_DELETED);
        deleted.any(|(at, slot)| forget.takes(slot, at < more))
    }

    /// Forgets deployments, some of them at a time.
    pub(super) fn forget_deleted(&mut self, forget: Forget, draft: &mut Draft) {
        let (slots, by_id) = (&mut self.slots, &mut self.by_id);
        let mut left = FORGOTTEN;
        let more = self.deleted.len().saturating_sub(MOST_DELETED);
        let mut at = 0;
        self.deleted.retain(|no| {
            at += 1;
            let Some(slot) = slots.get_mut(no) else { return false };
            if left == 0 || !forget.takes(slot, at <= more) {
                return true;
            }
            left -= 1;
            by_id.remove(&slot.id);
            slots.remove(no);
            draft.changes.push(Change::Forget { deployment: *no });
            false
        });
    }
}

/// Which deployments are forgotten: those that were deleted so long ago that their history is gone
/// too, or that are too many, and that no entry that is kept names. What is left of their history
/// goes in its time: numbers are given once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Forget {
    /// Deleted before this window.
    pub(super) deleted_before: u64,
    /// Entries are kept from this window on.
    pub(super) floor: u64,
}

impl Forget {
    fn takes(self, slot: &Slot, is_one_too_many: bool) -> bool {
        let is_old = slot.deleted.is_some_and(|since| since < self.deleted_before);
        (is_old || is_one_too_many) && slot.book.is_none() && slot.named < self.floor
    }
}

/// How a turn carries what older windows left open.
pub(super) struct Carry<'a> {
    /// What entries from this window on tell of need not be carried.
    pub(super) floor: u64,
    /// So many leases at most.
    pub(super) most: usize,
    pub(super) draft: &'a mut Draft,
}

impl Slot {
    /// Brings its book to a window that is new to it, and closes what is over. Whatever happens to
    /// a book in a window happens after that. Answers how many leases it let go.
    pub(super) fn catch_up(&mut self, now: &Now, closed: &mut Closed) -> usize {
        let no = self.no;
        let Some(open) = self.book.as_deref_mut() else { return 0 };
        if open.turned >= now.window.number {
            return 0;
        }
        open.turned = now.window.number;
        let (leases, late) = (open.book.lease_count(), open.book.late_count());
        open.book.advance(now);
        let pages = open.book.take_closed().into_iter();
        closed.pages.extend(pages.map(|page| ((no, page.window), page)));
        closed.late = (closed.late + open.book.late_count()).saturating_sub(late);
        leases - open.book.lease_count()
    }

    /// Looks over so many leases of its book. True: it has come to their end, or is off, which is
    /// enough for a beat.
    fn audit(&mut self, left: &mut usize, told: &mut checks::Told) -> bool {
        let Some(open) = self.book.as_deref_mut() else { return true };
        loop {
            let (looked_at, is_through) = match open.book.audit_some(*left) {
                Ok(looked_at) => looked_at,
                Err(imbalance) => {
                    told.book(&self.id, &imbalance);
                    *left = 0;
                    return true;
                }
            };
            *left = left.saturating_sub(looked_at + BOOK);
            if is_through || *left == 0 {
                return is_through;
            }
        }
    }
}

/// How many sums an event tells.
fn sums_of(event: &Event) -> usize {
    match event {
        Event::Summed { slots, .. } => 1 + slots.len(),
        _ => 0,
    }
}

fn late(event: &Event) -> Option<HolderId> {
    match event {
        Event::Carried { late, .. } => Some(late.holder),
        _ => None,
    }
}
