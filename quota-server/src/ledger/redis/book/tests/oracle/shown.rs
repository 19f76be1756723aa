//! What a book shows, compared with what the oracle has.

use quota_core::{
    Book, BookPage, HeldLease, HolderId, LeaseId, Now, Overview, Reading, WindowKind,
};

use super::Pair;
use crate::ledger::redis::book::tests::world::gw;
use crate::ledger::redis::book::{Answer, Cursor};

impl Pair {
    /// All that a book shows.
    pub(super) fn compare(&mut self) {
        let command = self.worlds[self.at].call().standing(&self.worlds[self.at].library);
        let (mark, answer) = self.worlds[self.at].ask(&command);
        let mut book = self.book.clone();
        // What only looks is not written: the next call turns the window again.
        let now = self
            .time
            .clone()
            .at(Reading { steady_ms: mark.ledger_ms, wall_ms: self.worlds[self.at].wall_ms });
        assert_eq!(answer, Answer::Standing(now, book.standing(&now)));
        let shown: Vec<_> =
            self.pages().into_iter().filter(|page| page.window >= oldest(&book, &now)).collect();
        assert_eq!(shown, book.pages(&now));
        assert_eq!(self.held(), named(&self.leases, book.held(&now)));
        assert_eq!(self.overview(), book.overview(&now));
    }

    fn overview(&mut self) -> Overview {
        let command = self.worlds[self.at].call().overview(&self.worlds[self.at].library);
        match self.worlds[self.at].ask(&command).1 {
            Answer::Overview(overview) => *overview,
            other => panic!("{other:?}"),
        }
    }

    fn pages(&mut self) -> Vec<BookPage> {
        let command = self.worlds[self.at].call().pages(&self.worlds[self.at].library);
        match self.worlds[self.at].ask(&command).1 {
            Answer::Pages(_, pages) => pages,
            other => panic!("{other:?}"),
        }
    }

    fn held(&mut self) -> Vec<(String, HeldLease)> {
        let mut held = Vec::new();
        let mut from = Some(Cursor::default());
        while let Some(cursor) = from {
            let command = self.worlds[self.at].call().leases(&self.worlds[self.at].library, cursor);
            let Answer::Held(page) = self.worlds[self.at].ask(&command).1 else {
                panic!("no listing")
            };
            held.extend(page.leases.into_iter().map(|(name, lease)| (name.to_string(), lease)));
            from = page.next;
        }
        held
    }
}

fn oldest(book: &Book, now: &Now) -> u64 {
    let kept = if book.policy().kind == WindowKind::Minute { 2 } else { 3 };
    now.window.number + 1 - kept
}

/// Holders by name: their numbers are not kept in Redis.
fn named(leases: &[(LeaseId, u32)], held: Vec<HeldLease>) -> Vec<(String, HeldLease)> {
    let holder = |id| leases.iter().find(|(lease, _)| *lease == id).unwrap().1;
    held.into_iter()
        .map(|lease| {
            let name = gw(holder(lease.lease)).holder.to_string();
            (name, HeldLease { holder: HolderId(0), ..lease })
        })
        .collect()
}
