//! Brings closed windows into the history. One server at a time does it, for all deployments
//! (`site.rs`). If two do, no harm is done: a page is stored by its stamp, however often, and stays
//! in Redis until a server says that it is stored.

use std::sync::Arc;

use quota_core::BookPage;

use super::Inner;
use super::book::{Answer, Due, Reply};
use super::books::{Errand, STALE_MS};
use super::register::Known;
use crate::ledger::{Unavailable, checks};

/// Deployments asked at once.
const AT_ONCE: usize = 64;

/// Pages fetched of one deployment at once.
const PAGES: u32 = 60;

/// A deleted deployment is kept so long, ms, by each server's own knowledge of it: longer than
/// anything granted before can be charged, and than a server opens books by what it read before.
const KEPT_DELETED_MS: u64 = 180_000;
const _: () = assert!(KEPT_DELETED_MS > STALE_MS + 30_000, "nobody opens what may be forgotten");

impl Inner {
    /// One server at a time asks every book. All of them see to what is deleted, which each forgets
    /// for itself. What a Redis that is not in use has of windows is not their history.
    pub(super) async fn harvest_in_turn(&self) {
        if !self.may_grant() {
            return;
        }
        if self.site.may_harvest(&self.books.link).await {
            self.harvest().await;
        } else {
            self.harvest_deleted().await;
        }
    }

    /// Asks every book for what is due.
    pub(super) async fn harvest(&self) {
        self.harvest_of(&self.register.all()).await;
    }

    /// Asks the books of deployments that are deleted, until nothing is left of them.
    pub(super) async fn harvest_deleted(&self) {
        let mut deleted = self.register.all();
        deleted.retain(|known| known.entry.row.deleted);
        self.harvest_of(&deleted).await;
    }

    async fn harvest_of(&self, deployments: &[Arc<Known>]) {
        for some in deployments.chunks(AT_ONCE) {
            let errands: Vec<Errand<'_>> = some.iter().map(errand).collect();
            let replies = self.books.send(&errands.iter().collect::<Vec<_>>()).await;
            for (known, reply) in some.iter().zip(replies) {
                // Where a shard is away the others are not.
                if let Ok(reply) = reply {
                    self.gather(known, reply).await;
                }
            }
        }
    }

    async fn gather(&self, known: &Arc<Known>, reply: Reply) {
        let due = match reply {
            Reply::Here(_, Answer::Harvest(due)) => due,
            // Of an older build, or not told the last change.
            Reply::Outdated(_) => return self.books.repair(&[known]).await,
            _ => Vec::new(),
        };
        if !due.is_empty() {
            self.keep(known, &due).await;
        } else if known.entry.row.deleted {
            self.forget(known).await;
        }
    }

    async fn keep(&self, known: &Arc<Known>, due: &[Due]) {
        due.iter().for_each(|due| checks::page(&known.entry.row.id, &due.page));
        let pages: Vec<(u64, BookPage)> = due.iter().map(|due| (due.stamp, due.page)).collect();
        if let Err(error) = self.catalogue.keep(known.entry.row.no, &pages).await {
            tracing::warn!(%error, "closed windows cannot be stored; they stay in Redis");
            return;
        }
        let stored: Vec<(u64, u64)> = due.iter().map(|due| (due.page.window, due.stamp)).collect();
        let acknowledge =
            Errand::new(known.clone(), move |call, library| call.acknowledge(library, &stored));
        // Not heard: it is due again.
        let _again_then = self.books.look(acknowledge).await;
    }

    /// Removes what is left of a deleted deployment once nothing is charged to it.
    pub(super) async fn forget(&self, known: &Arc<Known>) {
        let deleted_for_ms = self.steady_ms().saturating_sub(known.since_ms);
        if deleted_for_ms < KEPT_DELETED_MS {
            return;
        }
        if let Err(error) = self.try_forget(known).await {
            tracing::debug!(%error, "a deleted deployment is kept for now");
        }
    }

    async fn try_forget(&self, known: &Arc<Known>) -> Result<(), Unavailable> {
        let forget = Errand::new(known.clone(), |call, library| call.forget(library));
        let is_gone = matches!(
            self.books.look(forget).await?,
            Reply::Missing | Reply::Here(_, Answer::Forgotten)
        );
        let (no, revision) = (known.entry.row.no, known.entry.revision);
        if is_gone {
            let forgotten = self.catalogue.forget(no, revision).await;
            forgotten.map_err(|_error| Unavailable::CannotWrite)?;
            self.register.forget(no, revision);
        }
        Ok(())
    }

    /// Forgets history that is older than it is kept.
    pub(super) async fn prune(&self) {
        let oldest = self.now().window.minute.saturating_sub(u64::from(self.history_hours) * 60);
        if let Err(error) = self.catalogue.prune(oldest).await {
            tracing::warn!(%error, "old history cannot be removed");
        }
    }
}

fn errand(known: &Arc<Known>) -> Errand<'static> {
    Errand::new(known.clone(), |call, library| call.harvest(library, PAGES))
}
