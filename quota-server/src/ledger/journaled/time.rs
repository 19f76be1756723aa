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
        Self::start_after(clock, last, 0)
    }

    /// The same where steady time was seen to have come to `seen_ms` since, nobody knows when.
    pub(crate) fn start_after(clock: Arc<dyn Clock>, last: Option<Stamp>, seen_ms: u64) -> Self {
        let boot = clock.boot();
        let reading = clock.reading();
        let (keeper, ahead_ms) = match last {
            // Without entries there is no window to go on with, but time does not go back.
            None => {
                let ahead_ms = signed(seen_ms.saturating_sub(reading.steady_ms));
                (Timekeeper::start(ahead(reading, ahead_ms)), ahead_ms)
            }
            Some(last) => resume(last, seen_ms, boot, reading),
        };
        Self { clock, boot, ahead_ms, keeper: Mutex::new(keeper) }
    }

    /// Goes on from a stamp of another machine, whose steady time was seen to be so far ahead of
    /// this machine's steady clock, at least.
    pub(crate) fn follow(clock: Arc<dyn Clock>, last: Stamp, seen_ahead_ms: i64) -> Self {
        let (boot, reading) = (clock.boot(), clock.reading());
        let least_ms = signed(last.now.steady_ms).saturating_sub(signed(reading.steady_ms));
        let ahead_ms = seen_ahead_ms.max(least_ms);
        let keeper = Timekeeper::resume_behind(last.now, ahead(reading, ahead_ms));
        Self { clock, boot, ahead_ms, keeper: Mutex::new(keeper) }
    }

    /// What came last may be lost: no window's number is given again.
    #[must_use]
    pub(crate) fn past_lost(mut self) -> Self {
        self.keeper.get_mut().unwrap_or_else(PoisonError::into_inner).skip_lost();
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
/// nobody knows: steady time goes on from where it was, so that no lease ends early. Windows that
/// were over by then, though nothing was written since, do not open again.
fn resume(last: Stamp, seen_ms: u64, boot: Option<u128>, reading: Reading) -> (Timekeeper, i64) {
    let here = ahead(reading, last.ahead_ms);
    let same_run = boot.is_some() && boot == last.boot;
    // A steady clock behind what was seen is another one, whatever it says of itself (a container
    // with its own time namespace), or it stood still while another machine's counted.
    if same_run && here.steady_ms >= last.now.steady_ms.max(seen_ms) {
        return (Timekeeper::resume(last.now, here), last.ahead_ms);
    }
    let seen = Reading { steady_ms: seen_ms, ..reading };
    let was = Timekeeper::resume(last.now, seen).at(seen);
    let ahead_ms = signed(was.steady_ms).saturating_sub(signed(reading.steady_ms));
    (Timekeeper::resume_elsewhere(was, ahead(reading, ahead_ms)), ahead_ms)
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
    fn a_window_that_was_seen_to_be_over_is_not_opened_again_by_another_run() {
        let clock = ManualClock::new();
        let first = LedgerTime::start(Arc::new(clock.clone()), None);
        let last = first.stamp();
        let left_ms = last.now.window_ends_in_ms();
        clock.advance(left_ms + 1_000);
        let seen = first.stamp().now;
        assert_eq!(seen.window.number, last.now.window.number + 1, "nothing is written in it");
        // The wall clock stands in its minute still, or in a later one, or was set back.
        for (passed_ms, step_ms) in [(2_000, 0), (200_000, 0), (2_000, -3_600_000)] {
            let clock = clock.clone();
            clock.step_wall(step_ms);
            clock.reboot(passed_ms);
            let time = LedgerTime::start_after(Arc::new(clock), Some(last), seen.steady_ms);
            let now = time.stamp().now;
            assert!(now.window.number >= seen.window.number, "{passed_ms} {step_ms}: {now:?}");
            assert!(now.steady_ms >= seen.steady_ms);
        }
    }

    #[test]
    fn what_was_seen_before_the_last_stamp_says_nothing() {
        let clock = ManualClock::new();
        let last = LedgerTime::start(Arc::new(clock.clone()), None).stamp();
        clock.advance(7_000);
        let seen_ms = last.now.steady_ms.saturating_sub(5_000);
        let time = LedgerTime::start_after(Arc::new(clock), Some(last), seen_ms);
        assert_eq!(time.stamp().now.steady_ms, last.now.steady_ms + 7_000);
    }

    #[test]
    fn time_does_not_go_back_where_nothing_is_written() {
        let clock = ManualClock::new();
        let seen_ms =
            LedgerTime::start(Arc::new(clock.clone()), None).stamp().now.steady_ms + 9_000;
        let time = LedgerTime::start_after(Arc::new(clock.clone()), None, seen_ms);
        assert_eq!(time.stamp().now.steady_ms, seen_ms);
        clock.advance(500);
        assert_eq!(time.stamp().now.steady_ms, seen_ms + 500);
        let behind = LedgerTime::start_after(Arc::new(clock), None, 1);
        assert!(behind.stamp().now.steady_ms > 1, "a machine's own clock may be further");
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
