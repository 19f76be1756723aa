//! While a journal cannot be written.

use std::sync::atomic::{AtomicUsize, Ordering};

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
}

impl Health {
    pub(crate) fn failed(&self) {
        self.broken.fetch_add(1, Ordering::AcqRel);
        metrics::writable(false);
    }

    pub(crate) fn mended(&self) {
        let before = self.broken.fetch_sub(1, Ordering::AcqRel);
        metrics::writable(before == 1);
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.broken.load(Ordering::Acquire) == 0
    }
}
