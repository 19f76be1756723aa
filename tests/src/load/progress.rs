use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::Outcome;

/// Counts that can be looked at while requests are under way. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    offered: AtomicU64,
    admitted: AtomicU64,
    denied: AtomicU64,
    unavailable: AtomicU64,
    failed: AtomicU64,
}

impl Progress {
    pub(super) fn offered(&self) {
        self.0.offered.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn answered(&self, outcome: Outcome) {
        let count = match outcome {
            Outcome::Admitted => &self.0.admitted,
            Outcome::Denied => &self.0.denied,
            Outcome::Unavailable => &self.0.unavailable,
            Outcome::Other(_) | Outcome::Lost => &self.0.failed,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

impl std::fmt::Display for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let counts = &*self.0;
        write!(f, "offered {}, ", read(&counts.offered))?;
        write!(f, "admitted {}, denied {}, ", read(&counts.admitted), read(&counts.denied))?;
        write!(f, "503 {}, failed {}", read(&counts.unavailable), read(&counts.failed))
    }
}
