//! All deployments at a glance: one call for each book, many calls in a message.

use std::sync::Arc;

use quota_core::{Book, Command, Now, Overview, State};

use super::Inner;
use super::book::{Answer, Reply};
use super::books::{Answered, Errand};
use super::register::Known;
use crate::ledger::{Stored, Unavailable};

/// How many books one message asks: operations that share its connection wait for all of them, some
/// ms.
const BOOKS: usize = 128;

impl Inner {
    pub(super) async fn overview(&self) -> Result<Vec<(Stored, Overview)>, Unavailable> {
        let mut all: Vec<_> = self.register.all();
        all.retain(|known| !known.entry.row.deleted);
        all.sort_unstable_by(|a, b| a.entry.row.id.cmp(&b.entry.row.id));
        let mut seen = Vec::with_capacity(all.len());
        for some in all.chunks(BOOKS) {
            seen.extend(self.overview_of(some).await?);
        }
        Ok(seen)
    }

    async fn overview_of(
        &self,
        books: &[Arc<Known>],
    ) -> Result<Vec<(Stored, Overview)>, Unavailable> {
        let errands = books
            .iter()
            .map(|known| Errand::new(known.clone(), |call, library| call.overview(library)));
        let errands: Vec<_> = errands.collect();
        let answers = self.books.send(&errands.iter().collect::<Vec<_>>()).await;
        let now = self.now();
        let of = |(known, answer): (&Arc<Known>, Answered)| {
            Ok((known.stored(false), read(known, answer?, &now)))
        };
        books.iter().zip(answers).map(of).collect()
    }
}

/// A book that Redis has lost, or never had, is opened by the next operation, and quarantined; all
/// that longer periods can have held counts.
fn read(known: &Known, reply: Reply, now: &Now) -> Overview {
    if let Reply::Here(_, Answer::Overview(overview)) = reply {
        return *overview;
    }
    let mut book = Book::new(known.entry.row.policy.clone());
    let _told_nobody = book.apply(&Command::Doubt(u64::MAX), now);
    let mut overview = book.overview(now);
    overview.standing.state = State::Quarantined;
    overview
}
