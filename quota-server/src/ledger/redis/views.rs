//! What books show of themselves. Nothing here changes a book.

use std::sync::{Arc, PoisonError};

use quota_core::{BookPage, LeaseId, MINUTE_MS, Now};

use super::Inner;
use super::book::{Answer, Cursor, HeldPage, Reply};
use super::books::Errand;
use super::link::Probed;
use super::register::Known;
use crate::ledger::{Held, LeasePage, LeaseRef, Unavailable};
use crate::metrics;

/// The windows that are in Redis.
struct Live {
    /// The minute of the open window.
    minute: u64,
    /// Newest first.
    pages: Vec<BookPage>,
}

impl Inner {
    pub(super) async fn windows(
        &self,
        id: &str,
        last: u64,
    ) -> Result<Option<Vec<BookPage>>, Unavailable> {
        let Some(known) = self.live(id).await? else { return Ok(None) };
        let live = self.pages(known.clone()).await?;
        let oldest = (live.minute + 1).saturating_sub(last);
        // Read after the book was: a page that was harvested in between is in both, never in none.
        let history = self.catalogue.pages(known.entry.row.no, oldest).await.map_err(|error| {
            tracing::error!(%error, "the history cannot be read");
            Unavailable::CannotWrite
        })?;
        let mut pages = live.pages;
        let first_live = pages.last().map_or(u64::MAX, |page| page.window);
        pages.retain(|page| page.minute >= oldest);
        pages.extend(history.into_iter().filter(|page| page.window < first_live));
        Ok(Some(pages))
    }

    async fn pages(&self, known: Arc<Known>) -> Result<Live, Unavailable> {
        match self.books.look(Errand::new(known, |call, library| call.pages(library))).await? {
            Reply::Here(_, Answer::Pages(now, mut pages)) => {
                pages.reverse();
                Ok(Live { minute: now.window.minute, pages })
            }
            // No book: what is closed is all that is known.
            _ => Ok(Live { minute: self.wall_minute(), pages: Vec::new() }),
        }
    }

    fn wall_minute(&self) -> u64 {
        self.books.clock.reading().wall_ms / MINUTE_MS
    }

    pub(super) async fn leases(
        &self,
        id: &str,
        first: LeaseId,
    ) -> Result<Option<LeasePage>, Unavailable> {
        let Some(known) = self.live(id).await? else { return Ok(None) };
        let deployment = known.entry.row.no;
        let part = self.leases_from(known, Cursor::from(first)).await?;
        let leases = part.leases.into_iter().map(|(holder, lease)| Held {
            name: LeaseRef { deployment, lease: lease.lease },
            holder,
            lease,
        });
        let next = part.next.and_then(Cursor::lease);
        Ok(Some(LeasePage { leases: leases.collect(), next }))
    }

    async fn leases_from(&self, known: Arc<Known>, from: Cursor) -> Result<HeldPage, Unavailable> {
        let errand = Errand::new(known, move |call, library| call.leases(library, from));
        match self.books.look(errand).await? {
            Reply::Here(_, Answer::Held(part)) => Ok(part),
            _ => Ok(HeldPage { leases: Vec::new(), next: None }),
        }
    }

    /// Whether Redis takes writes just now, some shard of a cluster at least, and its time.
    pub(super) async fn health(&self) -> Result<Now, Unavailable> {
        if self.draining.is_cancelled() {
            return Err(Unavailable::Stopping);
        }
        let probed = self.books.link.probe().await;
        let probed = probed.map_err(|_down| Unavailable::CannotWrite)?;
        let all = probed.len();
        let down: Vec<Probed> = probed.into_iter().filter(|shard| !shard.is_writable()).collect();
        metrics::shards(all, all - down.len());
        let is_none_left = down.len() == all;
        *self.down.lock().unwrap_or_else(PoisonError::into_inner) = down;
        if is_none_left || !self.may_grant() {
            return Err(Unavailable::CannotWrite);
        }
        Ok(self.now())
    }
}
