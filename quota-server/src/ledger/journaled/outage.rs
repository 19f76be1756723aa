//! While a journal cannot be written.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::{Duration, Instant};

use crate::metrics;

const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(1);

/// When to try again.
#[derive(Debug)]
pub(crate) struct Outage {
    pause: Duration,
    next: Instant,
}

impl Outage {
    pub(crate) fn begin() -> Self {
        Self { pause: SHORTEST, next: Instant::now() + SHORTEST }
    }

    /// It failed again: wait longer.
    pub(crate) fn goes_on(&mut self) {
        self.pause = (self.pause * 2).min(LONGEST);
        self.next = Instant::now() + self.pause;
    }

    pub(crate) fn is_due(&self) -> bool {
        self.next <= Instant::now()
    }

    /// How long until the next try.
    pub(crate) fn wait(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }
}

/// How many shards cannot be written.
#[derive(Debug, Default)]
pub(crate) struct Health {
    broken: AtomicUsize,
    /// The deployments of each shard that are quarantined.
    quarantined: Mutex<BTreeMap<u32, Vec<Arc<str>>>>,
}

/// So many quarantined deployments are named in a warning.
const MOST_NAMED: usize = 8;

impl Health {
    pub(crate) fn failed(&self) {
        self.broken.fetch_add(1, Ordering::AcqRel);
        metrics::writable(false);
    }

    pub(crate) fn mended(&self) {
        let before = self.broken.fetch_sub(1, Ordering::AcqRel);
        metrics::writable(before == 1);
    }

    /// These deployments of a shard are quarantined now.
    pub(crate) fn quarantined(&self, shard: u32, ids: Vec<Arc<str>>) {
        let mut all = self.quarantined.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(shard, ids);
        metrics::quarantined_now(all.values().map(Vec::len).sum());
    }

    /// What an operator should know.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let all = self.quarantined.lock().unwrap_or_else(PoisonError::into_inner);
        let count: usize = all.values().map(Vec::len).sum();
        if count == 0 {
            return Vec::new();
        }
        let named: Vec<&str> = all.values().flatten().take(MOST_NAMED).map(|id| &**id).collect();
        vec![format!("{count} deployments are quarantined: {}", named.join(", "))]
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.broken.load(Ordering::Acquire) == 0
    }
}
