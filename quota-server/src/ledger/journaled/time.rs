//! The ledger's time, shared by all shards, and what of it every entry of the journal keeps.

use std::sync::{Arc, Mutex, PoisonError};

use quota_core::{Now, Reading, Timekeeper};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;

/// When an entry was written, and by which clock: all that a restart needs to go on from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    pub(crate) now: Now,
    /// Which run of the machine it was.
    pub(crate) boot: Option<u128>,
    /// What steady time was ahead of the machine's steady clock, ms.
    pub(crate) ahead_ms: i64,
}

/// Gives every batch its time.
pub(crate) struct LedgerTime {
    clock: Arc<dyn Clock>,
    boot: Option<u128>,
    ahead_ms: i64,
    keeper: Mutex<Timekeeper>,
}

impl LedgerTime {
    /// Goes on from the last stamp that was committed, if there is one.
    pub(crate) fn start(clock: Arc<dyn Clock>, last: Option<Stamp>) -> Self {
        let boot = clock.boot();
        let reading = clock.reading();
        let (keeper, ahead_ms) = match last {
            None => (Timekeeper::start(reading), 0),
            Some(last) => resume(last, boot, reading),
        };
        Self { clock, boot, ahead_ms, keeper: Mutex::new(keeper) }
    }

    /// Goes on from a stamp of another machine, whose steady time was seen to be so far ahead of this
    /// machine's steady clock, at least.
    pub(crate) fn follow(clock: Arc<dyn Clock>, last: Stamp, seen_ahead_ms: i64) -> Self {
        let (boot, reading) = (clock.boot(), clock.reading());
        let least_ms = signed(last.now.steady_ms).saturating_sub(signed(reading.steady_ms));
        let ahead_ms = seen_ahead_ms.max(least_ms);
        let keeper = Timekeeper::resume_behind(last.now, ahead(reading, ahead_ms));
        Self { clock, boot, ahead_ms, keeper: Mutex::new(keeper) }
    }

    /// What came after that stamp may be lost.
    #[must_use]
    pub(crate) fn past_lost(self, last: Stamp) -> Self {
        let reading = ahead(self.clock.reading(), self.ahead_ms);
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        keeper.skip_lost(last.now, reading);
        drop(keeper);
        self
    }

    /// The time now. Later calls, from any shard, never get an earlier one.
    pub(crate) fn stamp(&self) -> Stamp {
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        let now = keeper.at(ahead(self.clock.reading(), self.ahead_ms));
        Stamp { now, boot: self.boot, ahead_ms: self.ahead_ms }
    }
}

/// On the same run of the machine the steady clock has counted what passed since. On another one
/// nobody knows: steady time goes on from where it was, so that no lease ends early.
fn resume(last: Stamp, boot: Option<u128>, reading: Reading) -> (Timekeeper, i64) {
    let here = ahead(reading, last.ahead_ms);
    let same_run = boot.is_some() && boot == last.boot;
    // A steady clock behind the last stamp is another one, whatever it says of itself (a container
    // with its own time namespace).
    if same_run && here.steady_ms >= last.now.steady_ms {
        return (Timekeeper::resume(last.now, here), last.ahead_ms);
    }
    let ahead_ms = signed(last.now.steady_ms).saturating_sub(signed(reading.steady_ms));
    (Timekeeper::resume_elsewhere(last.now, ahead(reading, ahead_ms)), ahead_ms)
}

fn ahead(reading: Reading, by_ms: i64) -> Reading {
    Reading { steady_ms: reading.steady_ms.saturating_add_signed(by_ms), ..reading }
}

pub(super) fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::manual::ManualClock;

    #[test]
    fn the_same_run_counts_the_time_between() {
        let clock = ManualClock::new();
        let last = LedgerTime::start(Arc::new(clock.clone()), None).stamp();
        clock.advance(7_000);
        let next = LedgerTime::start(Arc::new(clock), Some(last)).stamp();
        assert_eq!(next.now.steady_ms, last.now.steady_ms + 7_000);
        assert_eq!(next.now.window, last.now.window);
    }

    #[test]
    fn another_run_goes_on_from_the_last_stamp() {
        let clock = ManualClock::new();
        let last = LedgerTime::start(Arc::new(clock.clone()), None).stamp();
        clock.reboot(7_000);
        let time = LedgerTime::start(Arc::new(clock.clone()), Some(last));
        assert_eq!(time.stamp().now.steady_ms, last.now.steady_ms);
        clock.advance(500);
        let later = time.stamp();
        assert_eq!(later.now.steady_ms, last.now.steady_ms + 500);
        // And a restart on that run counts on by its clock.
        clock.advance(500);
        let again = LedgerTime::start(Arc::new(clock), Some(later)).stamp();
        assert_eq!(again.now.steady_ms, last.now.steady_ms + 1_000);
    }

    #[test]
    fn windows_never_go_back_over_a_restart() {
        let clock = ManualClock::new();
        let last = LedgerTime::start(Arc::new(clock.clone()), None).stamp();
        clock.step_wall(-3_600_000);
        clock.reboot(1_000);
        let next = LedgerTime::start(Arc::new(clock), Some(last)).stamp();
        assert_eq!(next.now.window.number, last.now.window.number);
        assert_eq!(next.now.window.minute, last.now.window.minute);
    }
}
