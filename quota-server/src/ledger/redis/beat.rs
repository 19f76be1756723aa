//! What a server does by itself, beside calls.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use quota_core::Timekeeper;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Inner;
use super::link::Warning;
use crate::metrics;

/// How old this server's copy of the catalogue is at most.
const NEWS: Duration = Duration::from_secs(1);

/// How often the settings of Redis are looked at: books are marked by what was seen last.
const SETTINGS: Duration = Duration::from_secs(1);

/// How often closed windows are fetched. They lie in Redis meanwhile.
const HARVEST: Duration = Duration::from_secs(30);

/// How often old history is removed.
const PRUNE: Duration = Duration::from_secs(600);

impl Inner {
    /// Begins all of it; it ends with the ledger.
    pub(super) fn beat(self: &Arc<Self>, tasks: &TaskTracker) {
        tasks.spawn(every(NEWS, self.stop.clone(), self.clone(), news));
        tasks.spawn(every(SETTINGS, self.stop.clone(), self.clone(), settings));
        tasks.spawn(every(HARVEST, self.stop.clone(), self.clone(), harvest));
        tasks.spawn(every(PRUNE, self.stop.clone(), self.clone(), prune));
    }

    /// The time, by this server's clock: for what needs not be exact.
    pub(super) fn now(&self) -> quota_core::Now {
        let reading = self.books.clock.reading();
        Timekeeper::start(reading).at(reading)
    }

    fn warn(&self, warnings: Vec<Warning>) {
        let mut told = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        for warning in warnings.iter().filter(|warning| !told.contains(warning)) {
            tracing::warn!("{warning}");
        }
        metrics::store_warnings(warnings.len());
        *told = warnings;
    }
}

async fn every<F: Future<Output = ()>>(
    pause: Duration,
    stop: CancellationToken,
    inner: Arc<Inner>,
    act: impl Fn(Arc<Inner>) -> F,
) {
    let mut ticks = interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        if stop.run_until_cancelled(act(inner.clone())).await.is_none() {
            return;
        }
    }
}

async fn news(inner: Arc<Inner>) {
    // Told where it failed; the next beat tries again.
    let _old_news_then = inner.refresh().await;
    inner.books.quarantines.beat(inner.books.clock.reading().steady_ms);
}

async fn settings(inner: Arc<Inner>) {
    if let Ok(warnings) = inner.books.link.warnings().await {
        inner.warn(warnings);
    }
    // While Redis is away there is nobody to ask. Only who could write there calls it.
    let took_it = inner.site.claim(&inner.books.link).await;
    let name = if took_it.is_ok() { inner.name().await } else { None };
    // Told where the news cannot be read; the next beat tries again.
    let _as_it_was_then = inner.agree(name).await;
}

/// One server at a time asks every book. All of them see to what is deleted, which each forgets for itself.
async fn harvest(inner: Arc<Inner>) {
    if inner.site.may_harvest(&inner.books.link).await {
        inner.harvest().await;
    } else {
        inner.harvest_deleted().await;
    }
}

async fn prune(inner: Arc<Inner>) {
    inner.prune().await;
}
