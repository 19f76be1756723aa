//! What the books of one shard show.

use std::sync::Arc;

use quota_core::{Book, BookPage, Command, HeldLease, LeaseId, Now, Overview, State, WindowKind};

use super::books::{Books, ShardNo, Slot};
use super::turn::Closed;
use crate::ledger::{DeploymentPage, Held, LOOKED_AT, LeasePage, LeaseRef, Stored};

/// About so many leases of books are looked at in one go: less than a millisecond's work.
const LEASES_LOOKED_AT: usize = 100_000;

/// The windows that a book still has.
#[derive(Debug)]
pub(crate) struct Pages {
    /// The deployment's number, under which its history is found.
    pub(crate) no: u32,
    /// The minute of the open window.
    pub(crate) minute: u64,
    /// Newest first.
    pub(crate) pages: Vec<BookPage>,
}

impl Pages {
    /// These and the closed ones of the history, from minute `oldest` on.
    pub(crate) fn with(self, history: Vec<BookPage>, oldest: u64) -> Vec<BookPage> {
        let mut pages = self.pages;
        let first_live = pages.last().map_or(u64::MAX, |page| page.window);
        pages.retain(|page| page.minute >= oldest);
        pages.extend(history.into_iter().filter(|page| page.window < first_live));
        pages
    }
}

/// Some of the deployments of a shard.
#[derive(Debug)]
pub(crate) struct Part<T> {
    /// By number.
    pub(crate) found: Vec<T>,
    /// The number that the next part begins with; `None` after the last.
    pub(crate) next: Option<u32>,
}

fn pages(no: u32, book: Option<&mut Book>, now: &Now) -> Pages {
    let mut pages = book.map_or_else(Vec::new, |book| book.pages(now));
    pages.reverse();
    Pages { no, minute: now.window.minute, pages }
}

impl Books {
    /// The windows that a deployment's book still has. `None`: no such deployment.
    pub(crate) fn pages(&mut self, id: &str, now: &Now) -> Option<Pages> {
        let slot = self.slots.get_mut(self.by_id.get(id)?).filter(|slot| slot.deleted.is_none())?;
        slot.catch_up(now, &mut self.closed);
        let mut pages = pages(slot.no, slot.book_mut(), now);
        // The history has them soon.
        let closed = self.closed.pages.range((slot.no, 0)..=(slot.no, u64::MAX)).rev();
        pages.pages.extend(closed.map(|(_, page)| *page));
        Some(pages)
    }

    /// The same, at a time that the book itself is not brought to.
    pub(crate) fn pages_from_copy(&self, id: &str, now: &Now) -> Option<Pages> {
        let slot = self.live(id)?;
        Some(pages(slot.no, slot.book().cloned().as_mut(), now))
    }

    /// Who holds what, among some leases from `first` on. `None`: no such deployment.
    pub(crate) fn held(&self, id: &str, first: LeaseId, now: &Now) -> Option<LeasePage> {
        let slot = self.live(id)?;
        let book = slot.book();
        let (held, next) =
            book.map(|book| book.held_from(first, LOOKED_AT, now)).unwrap_or_default();
        let leases = held.into_iter().map(|lease| self.named(slot.no, lease)).collect();
        Some(LeasePage { leases, next })
    }

    /// Some deployments of this shard, from number `first` on.
    pub(crate) fn some_deployments(&self, first: u32) -> DeploymentPage {
        let mut numbers = self.numbers(first);
        let slots = numbers.by_ref().take(LOOKED_AT).filter_map(|no| self.slots.get(&no));
        let live = slots.filter(|slot| slot.deleted.is_none());
        let deployments = live.map(|slot| (slot.no, slot.stored(false))).collect();
        DeploymentPage { deployments, next: numbers.next() }
    }

    /// Some deployments of this shard at a glance, from number `first` on.
    pub(crate) fn overview(&mut self, first: u32, now: &Now) -> Part<(Stored, Overview)> {
        let doubtful = self.doubtful;
        self.part(first, |slot, closed| {
            slot.catch_up(now, closed);
            if let Some(book) = slot.book_mut() {
                book.advance(now);
            }
            let mut overview = slot.overview(now);
            if doubtful || slot.is_quarantined(now) {
                overview.standing.state = State::Quarantined;
            }
            (slot.stored(false), overview)
        })
    }

    fn part<T>(
        &mut self,
        first: u32,
        mut show: impl FnMut(&mut Slot, &mut Closed) -> T,
    ) -> Part<T> {
        let mut numbers = self.numbers(first);
        let mut found = Vec::new();
        let mut leases = 0;
        for no in numbers.by_ref().take(LOOKED_AT) {
            let Some(slot) = self.slots.get_mut(&no) else { continue };
            if slot.deleted.is_some() {
                continue;
            }
            found.push(show(slot, &mut self.closed));
            leases += slot.book().map_or(0, Book::lease_count);
            if leases >= LEASES_LOOKED_AT {
                break;
            }
        }
        Part { found, next: numbers.next() }
    }

    /// The numbers of this shard, from `first` on, which is one of them unless it is smaller than
    /// all.
    fn numbers(&self, first: u32) -> impl Iterator<Item = u32> + use<> {
        let ShardNo { no, of } = self.shard;
        let last = self.last_deployment.unwrap_or(0);
        let ahead = first.saturating_sub(no).next_multiple_of(of.max(1));
        (no.saturating_add(ahead)..=last).step_by(of.max(1) as usize)
    }

    /// The same, at a time that the books themselves are not brought to.
    pub(crate) fn overview_from_copy(&self, now: &Now) -> Vec<(Stored, Overview)> {
        let live = self.slots.values().filter(|slot| slot.deleted.is_none());
        live.map(|slot| (slot.stored(false), slot.overview_from_copy(now))).collect()
    }

    fn named(&self, deployment: u32, lease: HeldLease) -> Held {
        let caller = self.holders.find(lease.holder);
        Held {
            name: LeaseRef { deployment, lease: lease.lease },
            holder: caller.map_or_else(|| Arc::from(""), |caller| caller.holder.clone()),
            lease,
        }
    }
}

impl Slot {
    fn overview(&self, now: &Now) -> Overview {
        let book = self.book();
        let idle = || Book::new(self.policy.clone()).overview(now);
        book.map_or_else(idle, |book| book.overview(now))
    }

    /// Only what the last 60 s hold depends on the time that a book was brought to. The limit is
    /// what was put last, wherever the book has come to: the writer may have dropped its own at a
    /// turn that no entry tells of, and then the catalogue alone says what is put.
    fn overview_from_copy(&self, now: &Now) -> Overview {
        match self.book() {
            Some(book)
                if self.policy.kind == WindowKind::Rolling || *book.policy() != self.policy =>
            {
                let mut book = book.clone();
                let is_put = book.apply(&Command::SetPolicy(self.policy.clone()), now).is_ok();
                // Another kind of window; if not at rest, the book's entry is still to come.
                if !is_put && let Some(renewed) = book.renewed(self.policy.clone(), now) {
                    book = renewed;
                }
                book.overview(now)
            }
            _ => self.overview(now),
        }
    }
}
