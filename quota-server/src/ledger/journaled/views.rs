//! What the books of one shard show.

use std::sync::Arc;

use quota_core::{BookPage, HeldLease, Now};

use super::books::{Books, Slot};
use crate::ledger::{Held, LeaseRef};

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

impl Books {
    /// The windows that a deployment's book still has. `None`: no such deployment.
    pub(crate) fn pages(&mut self, id: &str, now: &Now) -> Option<Pages> {
        let slot = self.look(id)?;
        let mut pages = slot.book.as_deref_mut().map_or_else(Vec::new, |book| book.pages(now));
        pages.reverse();
        Some(Pages { no: slot.no, minute: now.window.minute, pages })
    }

    /// Who holds what. `None`: no such deployment.
    pub(crate) fn held(&mut self, id: &str, now: &Now) -> Option<Vec<Held>> {
        let slot = self.look(id)?;
        let no = slot.no;
        let leases = slot.book.as_deref_mut().map_or_else(Vec::new, |book| book.held(now));
        Some(leases.into_iter().map(|lease| self.named(no, lease)).collect())
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
