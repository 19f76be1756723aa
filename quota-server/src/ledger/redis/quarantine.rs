//! Which books are quarantined, as far as this server was told: for the log and the metrics.

use std::sync::{Mutex, PoisonError};

use rustc_hash::FxHashMap;

use super::book::Mark;
use crate::metrics;

/// Until when each quarantined book grants nothing, by the server's steady clock, ms.
#[derive(Debug, Default)]
pub(super) struct Quarantines(Mutex<FxHashMap<u32, u64>>);

impl Quarantines {
    /// Takes in a reply of a book.
    pub(super) fn note(&self, no: u32, id: &str, mark: &Mark, steady_ms: u64) {
        if mark.is_new_quarantine {
            metrics::quarantined();
        }
        if mark.quarantined_for_ms == 0 {
            return;
        }
        let until_ms = steady_ms + mark.quarantined_for_ms;
        let before = self.with(|books| books.insert(no, until_ms));
        if mark.is_new_quarantine || before.is_none() {
            let for_ms = mark.quarantined_for_ms;
            tracing::warn!(
                deployment = id,
                for_ms,
                "Redis may have lost writes: the book is quarantined, nothing is granted from it"
            );
        }
    }

    /// Forgets those that are over, and shows how many there are.
    pub(super) fn beat(&self, steady_ms: u64) {
        let left = self.with(|books| {
            books.retain(|_, until_ms| *until_ms > steady_ms);
            books.len()
        });
        metrics::quarantined_now(left);
    }

    fn with<T>(&self, act: impl FnOnce(&mut FxHashMap<u32, u64>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
