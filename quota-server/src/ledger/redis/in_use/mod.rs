//! All servers of a catalogue call one Redis. A name may come to lead to another one while the
//! first lives and has servers connected to it: then both would be granted from.
//!
//! So the catalogue says which one is in use, and the servers that call it raise a sign of life
//! there, about once a second. A server that finds itself at another one grants nothing: books are
//! called in the process that was compared with the catalogue, and in no other (`Link::call`), and
//! while the looks there are not late. Once the sign stands still nobody calls the one in use any
//! more, and another takes its place. That begins a new term, which each call carries, and books of
//! an earlier one are quarantined (`functions/vouch.lua`): also those of a Redis that is in use
//! again.

mod watch;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::{Duration, sleep, timeout};

use super::Inner;
use super::link::Agreed;
use crate::store::catalogue::{CatalogueError, InUse};
use watch::{SILENT_MS, Step, Watch};

/// How long a start waits to find its Redis in use, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOKS: Duration = Duration::from_millis(250);

/// What this server saw of the Redis in use.
#[derive(Debug, Default)]
pub(super) struct Agreement {
    watch: Mutex<Watch>,
    /// When it looked last, by its steady clock, ms: when that look began, or ended where the
    /// catalogue could not be read.
    looked_ms: AtomicU64,
    /// Told that it calls another one.
    is_other: AtomicBool,
}

/// Which Redis this server calls.
#[derive(Debug)]
struct Own {
    /// One process, or a cluster by the name that is written in it.
    name: Arc<str>,
    /// See `Link::process`.
    process: Arc<str>,
}

/// What a look found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// This server calls the Redis in use.
    InUse,
    /// It calls another one.
    Other,
    /// It calls none just now.
    Away,
}

impl Agreement {
    /// Whether the last look is recent: then nobody has taken the place of what was found there.
    fn is_recent(&self, now_ms: u64) -> bool {
        now_ms < self.looked_ms.load(Ordering::Acquire) + SILENT_MS
    }

    /// This server was told that it calls another one.
    pub(super) fn is_other(&self) -> bool {
        self.is_other.load(Ordering::Acquire)
    }

    fn looked(&self, at_ms: u64) {
        self.looked_ms.store(at_ms, Ordering::Release);
    }

    fn watch<T>(&self, act: impl FnOnce(&mut Watch) -> T) -> T {
        act(&mut self.watch.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Inner {
    /// Nothing speaks against granting from the Redis that this server calls.
    pub(super) fn may_grant(&self) -> bool {
        !self.site.is_foreign()
            && self.books.link.is_agreed()
            && self.agreement.is_recent(self.steady_ms())
    }

    /// Looks until this server calls the Redis in use; what was found at last.
    pub(super) async fn look_patiently(&self) -> Result<Found, CatalogueError> {
        let mut found = self.look().await;
        let looks = async {
            while !matches!(found, Ok(Found::InUse)) {
                sleep(LOOKS).await;
                match self.look().await {
                    // It connects anew, to see whether that leads elsewhere.
                    Ok(Found::Away) if matches!(found, Ok(Found::Other)) => {}
                    next => found = next,
                }
            }
        };
        let _or_in_vain = timeout(PATIENCE, looks).await;
        found
    }

    /// Compares the Redis that this server calls with the one in use. While the catalogue cannot be
    /// read all stays as it is.
    pub(super) async fn look(&self) -> Result<Found, CatalogueError> {
        let was_recent = self.agreement.is_recent(self.steady_ms());
        let own = self.own().await;
        let began_ms = self.steady_ms();
        let found = self.compare(own).await;
        match found {
            // Another may take the place of one that cannot be called.
            Ok(Found::Away) => {}
            Ok(Found::InUse | Found::Other) => self.agreement.looked(began_ms),
            Err(_) => {
                self.agreement.watch(Watch::missed);
                if was_recent {
                    self.agreement.looked(self.steady_ms());
                }
            }
        }
        // Not in one that is compared for the first time: its marks say how old it is.
        if self.books.link.is_agreed() {
            self.site.mark(&self.books.link).await;
        }
        found
    }

    async fn compare(&self, own: Option<Own>) -> Result<Found, CatalogueError> {
        let Some(own) = own else {
            // What is seen counts all the same.
            let read = self.catalogue.redis_in_use().await?;
            self.agreement.watch(|watch| watch.step(read.as_ref(), None, self.steady_ms()));
            return Ok(Found::Away);
        };
        let term = self.term_of(&own).await?;
        self.note(&own, term);
        if term.is_none() {
            return Ok(Found::Other);
        }
        self.site.use_as(&self.books.link, own.name).await;
        Ok(Found::InUse)
    }

    /// The term in which it is in use; `None`: another one is.
    async fn term_of(&self, own: &Own) -> Result<Option<u64>, CatalogueError> {
        // Once more where somebody was faster, who may call the same one.
        for is_again in [false, true] {
            let read = self.catalogue.redis_in_use().await?;
            let now_ms = self.steady_ms();
            let step =
                self.agreement.watch(|watch| watch.step(read.as_ref(), Some(&*own.name), now_ms));
            let Some(term) = self.next_term(step, read.as_ref()).await else { return Ok(None) };
            let is_done = self.catalogue.use_redis(&own.name, term, read.as_ref()).await?;
            // Where another server is faster twice it has raised the sign in between.
            if is_done || (is_again && step == Step::Raise) {
                return Ok(Some(term));
            }
        }
        Ok(None)
    }

    /// The term of the Redis that this server calls, where it is the one in use or takes its place.
    async fn next_term(&self, step: Step, read: Option<&InUse>) -> Option<u64> {
        let Some(read) = read else { return Some(0) };
        if step == Step::Raise || self.is_kept(read).await {
            return Some(read.term);
        }
        // Where nobody else has this catalogue open there is nobody to wait for.
        let must_wait = step == Step::Wait && self.catalogue.is_shared();
        (!must_wait).then_some(read.term + 1)
    }

    /// Whether the Redis that this server calls is the one in use after a restart: it has that
    /// one's data and this server's last mark, and this server was connected to it to its end.
    async fn is_kept(&self, read: &InUse) -> bool {
        let link = &self.books.link;
        let is_vouched = link.vouched().is_some_and(|process| *process == *read.name);
        is_vouched
            && self.site.used(link).await.is_some_and(|process| *process == *read.name)
            && self.site.is_marked(link).await
    }

    fn note(&self, own: &Own, term: Option<u64>) {
        let process = own.process.clone();
        self.books.link.agree(term.map(|term| Agreed { process, term }));
        let was_other = self.agreement.is_other.swap(term.is_none(), Ordering::AcqRel);
        if term.is_some() && was_other {
            tracing::info!("this Redis is the one in use");
        } else if term.is_none() && !was_other {
            tracing::warn!(
                "the catalogue names another Redis as the one in use: nothing is granted from this one while servers use that one"
            );
        }
        if term.is_none() {
            // The address may lead there by now.
            self.books.link.reopen();
        }
    }

    /// Which Redis this server calls, if it takes writes: only who could grant raises the sign of
    /// life.
    async fn own(&self) -> Option<Own> {
        let link = &self.books.link;
        let process = link.process()?;
        match self.site.claim(link).await {
            Ok(true) => {}
            Ok(false) => {
                link.reopen();
                return None;
            }
            Err(_) if self.other_shards_take_writes().await => {}
            Err(_) => return None,
        }
        let name = if link.is_cluster() { self.site.cluster(link).await? } else { process.clone() };
        Some(Own { name, process })
    }

    /// The shard that says whose Redis it is may be away while others are granted from.
    async fn other_shards_take_writes(&self) -> bool {
        let link = &self.books.link;
        link.is_cluster()
            && link.probe().await.is_ok_and(|all| all.iter().any(super::link::Probed::is_writable))
    }
}
