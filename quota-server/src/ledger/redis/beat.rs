//! What a server does by itself, beside calls.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use quota_core::Timekeeper;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Inner;
use super::link::Warning;
use crate::metrics;

/// How old this server's copy of the catalogue is at most.
const NEWS: Duration = Duration::from_secs(1);

/// How often this server looks which Redis is in use.
const LOOKS: Duration = Duration::from_secs(1);

/// How often the settings of Redis are looked at: books are marked by what was seen last.
const SETTINGS: Duration = Duration::from_secs(1);

/// How often closed windows are fetched. They lie in Redis meanwhile.
const HARVEST: Duration = Duration::from_secs(30);

/// How often old history is removed.
const PRUNE: Duration = Duration::from_secs(600);

impl Inner {
    /// Begins all of it; it ends with the ledger.
    pub(super) fn beat(self: &Arc<Self>, tasks: &TaskTracker) {
        self.keep_looking(tasks);
        tasks.spawn(every(NEWS, self.stop.clone(), self.clone(), news));
        tasks.spawn(every(SETTINGS, self.stop.clone(), self.clone(), settings));
        tasks.spawn(every(HARVEST, self.stop.clone(), self.clone(), harvest));
        tasks.spawn(every(PRUNE, self.stop.clone(), self.clone(), prune));
    }

    /// Looks which Redis is in use: apart from all else, since a server whose looks are late grants
    /// nothing.
    pub(super) fn keep_looking(self: &Arc<Self>, tasks: &TaskTracker) {
        let (inner, stop) = (self.clone(), self.stop.clone());
        tasks.spawn(async move { stop.run_until_cancelled(looks(&inner)).await });
    }

    /// Whether grants can be written down, as far as this server knows.
    pub(super) fn tell_writable(&self) {
        metrics::writable(self.may_grant() && self.books.outage.is_over());
    }

    /// The time, by this server's clock: for what needs not be exact.
    pub(super) fn now(&self) -> quota_core::Now {
        let reading = self.books.clock.reading();
        Timekeeper::start(reading).at(reading)
    }

    fn warn(&self, warnings: Vec<Warning>) {
        let mut told = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        for warning in warnings.iter().filter(|warning| !told.contains(warning)) {
            if self.acknowledged.has(*warning) {
                tracing::info!("acknowledged: {warning}");
            } else {
                tracing::warn!("{warning} (--redis-acknowledge {})", warning.name());
            }
        }
        let open = warnings.iter().filter(|warning| !self.acknowledged.has(**warning));
        metrics::store_warnings(open.count());
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

/// Again after a second, or at once where another process is connected to: nothing is called there
/// before.
async fn looks(inner: &Inner) {
    loop {
        let next = Instant::now() + LOOKS;
        let process = inner.books.link.process();
        // Told where the news cannot be read.
        let _as_it_was_then = inner.look().await;
        inner.tell_writable();
        let _no_other = timeout_at(next, inner.books.link.meets_other(process.as_ref())).await;
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
}

async fn harvest(inner: Arc<Inner>) {
    inner.harvest_in_turn().await;
}

async fn prune(inner: Arc<Inner>) {
    inner.prune().await;
}
