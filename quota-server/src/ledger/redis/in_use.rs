//! All servers of a catalogue call one Redis. A name may come to lead to another one while the first lives and has servers
//! connected to it: then both would be granted from.
//!
//! So the catalogue says which one is in use, and the servers that call it raise a sign of life there, about once a second.
//! A server that finds itself at another one grants nothing. Once the sign stands still nobody calls the one in use any
//! more, and the other takes its place; its books are quarantined as after any loss (`functions/vouch.lua`).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::{Duration, sleep, timeout};

use super::Inner;
use crate::metrics;
use crate::store::catalogue::{CatalogueError, InUse};

/// How long the sign of life must stand still, ms: three signs are missing then.
const SILENT_MS: u64 = 3_000;

/// How long a start waits for that, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOKS: Duration = Duration::from_millis(250);

/// Whether this server calls the Redis in use, as it saw it last.
#[derive(Debug, Default)]
pub(super) struct Agreement {
    watch: Mutex<Watch>,
    is_other: AtomicBool,
}

/// What was read last, and since when, by this server's steady clock, ms.
#[derive(Debug, Default)]
struct Watch(Option<(InUse, u64)>);

/// What a server does about what it read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It calls the one in use.
    Raise,
    /// The one that it calls takes the place.
    Take,
    /// It calls another one.
    Wait,
}

impl Watch {
    /// `own` is the Redis that this server calls; `None`: none just now.
    fn step(&mut self, read: Option<&InUse>, own: Option<&str>, now_ms: u64) -> Step {
        if self.0.as_ref().map(|(last, _)| last) != read {
            self.0 = read.map(|read| (read.clone(), now_ms));
        }
        let Some(own) = own else { return Step::Wait };
        match &self.0 {
            None => Step::Take,
            Some((read, _)) if read.name == own => Step::Raise,
            Some((_, since_ms)) if since_ms + SILENT_MS <= now_ms => Step::Take,
            Some(_) => Step::Wait,
        }
    }
}

impl Agreement {
    /// Servers of this catalogue call another Redis than this one does.
    pub(super) fn is_other(&self) -> bool {
        self.is_other.load(Ordering::Acquire)
    }
}

impl Inner {
    /// Nothing speaks against granting from the Redis that this server calls.
    pub(super) fn may_grant(&self) -> bool {
        !self.site.is_foreign() && !self.agreement.is_other()
    }

    /// Waits until this server calls the Redis in use; whether it does.
    pub(super) async fn agreed(&self) -> Result<bool, CatalogueError> {
        let agreed = async {
            while !self.agree(self.name().await).await? {
                sleep(LOOKS).await;
            }
            Ok(true)
        };
        timeout(PATIENCE, agreed).await.unwrap_or(Ok(false))
    }

    /// Compares the Redis that this server calls (`None`: none just now) with the one in use, and whether it is that one.
    /// While the catalogue cannot be read all stays as it is.
    pub(super) async fn agree(&self, own: Option<Arc<str>>) -> Result<bool, CatalogueError> {
        let agrees = match self.agree_once(own.as_deref()).await? {
            Some(agrees) => agrees,
            // Somebody was faster, who may call the same one.
            None => self.agree_once(own.as_deref()).await?.unwrap_or(false),
        };
        if let Some(own) = own {
            self.note(agrees);
            if agrees {
                self.site.use_as(&self.books.link, own).await;
            }
        }
        Ok(agrees)
    }

    /// `None`: the place was taken meanwhile.
    async fn agree_once(&self, own: Option<&str>) -> Result<Option<bool>, CatalogueError> {
        let read = self.catalogue.redis_in_use().await?;
        let step = {
            let mut watch = self.agreement.watch.lock().unwrap_or_else(PoisonError::into_inner);
            watch.step(read.as_ref(), own, self.steady_ms())
        };
        // What it saw counts all the same.
        let Some(own) = own else { return Ok(Some(false)) };
        Ok(match step {
            Step::Raise => {
                // Where another server was faster it has done the same, or the next look tells.
                self.catalogue.use_redis(own, read.as_ref()).await?;
                Some(true)
            }
            Step::Wait if self.must_wait(read.as_ref()).await => Some(false),
            Step::Wait | Step::Take => {
                self.catalogue.use_redis(own, read.as_ref()).await?.then_some(true)
            }
        })
    }

    /// Not where nobody else has this catalogue open, nor where the Redis that this server calls is the one in use after a
    /// restart: it has that one's data, and this server was connected to it to its end.
    async fn must_wait(&self, read: Option<&InUse>) -> bool {
        let Some(read) = read.filter(|_| self.catalogue.is_shared()) else { return false };
        let link = &self.books.link;
        let is_kept = link.vouched().is_some_and(|process| *process == *read.name);
        !(is_kept && self.site.used(link).await.is_some_and(|process| *process == *read.name))
    }

    fn note(&self, agrees: bool) {
        let was_other = self.agreement.is_other.swap(!agrees, Ordering::AcqRel);
        if !agrees && !was_other {
            metrics::writable(false);
            tracing::warn!(
                "the catalogue names another Redis as the one in use: nothing is granted from this one while servers use that one"
            );
            // The name may lead there by now.
            self.books.link.reopen();
        } else if agrees && was_other {
            metrics::writable(true);
            tracing::info!("this Redis is the one in use");
        }
    }

    /// Which Redis this server calls: one process, or a cluster by the name that is written in it.
    pub(super) async fn name(&self) -> Option<Arc<str>> {
        if self.books.link.is_cluster() {
            return self.site.cluster(&self.books.link).await;
        }
        self.books.link.process()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, sign: u64) -> InUse {
        InUse { name: name.to_owned(), sign }
    }

    #[test]
    fn another_redis_takes_the_place_of_one_that_nobody_calls() {
        let mut watch = Watch::default();
        for (read, own, now_ms, step) in [
            (None, None, 0, Step::Wait),
            (None, Some("a"), 0, Step::Take),
            (Some(read("a", 0)), Some("a"), 1_000, Step::Raise),
            // Another one now: it waits while somebody raises the sign.
            (Some(read("a", 1)), Some("b"), 2_000, Step::Wait),
            (Some(read("a", 2)), Some("b"), 60_000, Step::Wait),
            (Some(read("a", 2)), Some("b"), 62_999, Step::Wait),
            (Some(read("a", 2)), Some("b"), 63_000, Step::Take),
            // Somebody else took it first.
            (Some(read("c", 3)), Some("b"), 63_001, Step::Wait),
            // What is seen while this server calls none counts too, but none takes no place.
            (Some(read("c", 3)), None, 70_000, Step::Wait),
            (Some(read("c", 3)), Some("b"), 70_001, Step::Take),
        ] {
            assert_eq!(watch.step(read.as_ref(), own, now_ms), step, "{read:?} {own:?} {now_ms}");
        }
    }
}
