//! What the books of one shard show.

use std::sync::Arc;

use quota_core::{Book, BookPage, HeldLease, Now, Overview, State, WindowKind};

use super::books::{Books, Slot};
use crate::ledger::{Held, LeaseRef, Stored};

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

fn pages(no: u32, book: Option<&mut Book>, now: &Now) -> Pages {
    let mut pages = book.map_or_else(Vec::new, |book| book.pages(now));
    pages.reverse();
    Pages { no, minute: now.window.minute, pages }
}

impl Books {
    /// The windows that a deployment's book still has. `None`: no such deployment.
    pub(crate) fn pages(&mut self, id: &str, now: &Now) -> Option<Pages> {
        let slot = self.look(id)?;
        Some(pages(slot.no, slot.book_mut(), now))
    }

    /// The same, at a time that the book itself is not brought to.
    pub(crate) fn pages_from_copy(&self, id: &str, now: &Now) -> Option<Pages> {
        let slot = self.live(id)?;
        Some(pages(slot.no, slot.book().cloned().as_mut(), now))
    }

    /// Who holds what. `None`: no such deployment.
    pub(crate) fn held(&mut self, id: &str, now: &Now) -> Option<Vec<Held>> {
        let slot = self.look(id)?;
        let no = slot.no;
        let leases = slot.book_mut().map_or_else(Vec::new, |book| book.held(now));
        Some(leases.into_iter().map(|lease| self.named(no, lease)).collect())
    }

    /// The same, at a time that the book itself is not brought to.
    pub(crate) fn held_from_copy(&self, id: &str, now: &Now) -> Option<Vec<Held>> {
        let slot = self.live(id)?;
        let leases = slot.book().cloned().map_or_else(Vec::new, |mut book| book.held(now));
        Some(leases.into_iter().map(|lease| self.named(slot.no, lease)).collect())
    }

    /// All deployments of this shard at a glance, in no order.
    pub(crate) fn overview(&mut self, now: &Now) -> Vec<(Stored, Overview)> {
        let doubtful = self.doubtful;
        let live = self.slots.values_mut().filter(|slot| slot.deleted.is_none());
        live.map(|slot| {
            if let Some(book) = slot.book_mut() {
                book.advance(now);
            }
            let mut overview = slot.overview(now);
            if doubtful || slot.is_quarantined(now) {
                overview.standing.state = State::Quarantined;
            }
            (slot.stored(false), overview)
        })
        .collect()
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

    /// A deployment, without making a book for it.
    fn look(&mut self, id: &str) -> Option<&mut Slot> {
        let slot = self.slots.get_mut(self.by_id.get(id)?)?;
        slot.deleted.is_none().then_some(slot)
    }
}

impl Slot {
    fn overview(&self, now: &Now) -> Overview {
        let book = self.book();
        book.map_or_else(|| Book::new(self.policy).overview(now), |book| book.overview(now))
    }

    /// Only what the last 60 s hold depends on the time that a book was brought to.
    fn overview_from_copy(&self, now: &Now) -> Overview {
        match self.book() {
            Some(book) if self.policy.kind == WindowKind::Rolling => {
                let mut book = book.clone();
                book.advance(now);
                book.overview(now)
            }
            _ => self.overview(now),
        }
    }
}
