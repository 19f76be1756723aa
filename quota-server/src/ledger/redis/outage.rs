//! Whether Redis does what it is asked for: told once for each outage, for the log; `beat.rs` tells
//! the metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use super::link::LinkError;
use crate::ledger::Unavailable;

/// An outage is over when nothing has failed for so long, ms: one node of a cluster may be away
/// while the others answer.
const QUIET_MS: u64 = 1_000;

/// When a call failed last, by the server's steady clock, ms; 0: all is well.
#[derive(Debug, Default)]
pub(super) struct RedisOutage(AtomicU64);

impl RedisOutage {
    /// Calls are answered.
    pub(super) fn is_over(&self) -> bool {
        self.0.load(Ordering::Acquire) == 0
    }

    /// A call failed. It may have happened.
    pub(super) fn failed(&self, error: &LinkError, steady_ms: u64) -> Unavailable {
        // That Redis was not asked (`in_use`).
        let is_asked = !matches!(error, LinkError::NotInUse);
        if is_asked && self.0.swap(steady_ms.max(1), Ordering::AcqRel) == 0 {
            tracing::warn!(%error, "Redis does not do what it is asked for");
        }
        Unavailable::CannotWrite
    }

    /// A call was answered.
    pub(super) fn works(&self, steady_ms: u64) {
        // Read before it is written: all calls share it.
        let failed_ms = self.0.load(Ordering::Acquire);
        if failed_ms == 0 || steady_ms < failed_ms + QUIET_MS {
            return;
        }
        if self.0.compare_exchange(failed_ms, 0, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            tracing::info!("Redis does what it is asked for again");
        }
    }
}
