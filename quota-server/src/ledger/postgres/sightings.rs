//! How far the active server's steady time is ahead of this machine's steady clock.
//!
//! Whoever takes over must let the ledger's time go on: not faster than it really passed, or leases
//! and windows would end early, and hardly slower, or minutes would be missed. Wall clocks of two
//! machines don't say, and neither does PostgreSQL's, which can be stepped. But each sign of life
//! carries the active server's steady time, and when it is seen here at least that much has passed.
//! The largest difference of the last seconds is off by no more than the fastest of these signs
//! took.

use std::collections::VecDeque;

/// Older ones are forgotten: two machines' clocks differ in rate.
const KEPT_MS: u64 = 10_000;

/// How much faster than the other machine's this steady clock could be: 1 in 1 000, as with leases.
const DRIFT: u64 = 1_000;

/// When which steady time was seen.
#[derive(Debug, Default)]
pub(super) struct Sightings {
    seen: VecDeque<Sighting>,
    epoch: i64,
    latest_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sighting {
    /// This machine's steady clock, ms.
    here_ms: u64,
    /// The ledger's steady time, ms.
    steady_ms: u64,
}

impl Sightings {
    /// A steady time was seen. Seen before, it says nothing: the active server may have died since.
    /// Another epoch is perhaps another machine, whose time may be a little behind.
    pub(super) fn saw(&mut self, epoch: i64, steady_ms: u64, here_ms: u64) {
        self.latest_ms = self.latest_ms.max(steady_ms);
        if epoch != self.epoch {
            self.epoch = epoch;
            self.seen.clear();
        }
        if self.seen.back().is_some_and(|last| last.steady_ms == steady_ms) {
            return;
        }
        self.seen.push_back(Sighting { here_ms, steady_ms });
        self.seen.retain(|seen| seen.here_ms + KEPT_MS >= here_ms);
    }

    /// The steady time has come so far, whoever told it, ms.
    pub(super) const fn latest_ms(&self) -> u64 {
        self.latest_ms
    }

    /// So far ahead the steady time is now, at least. `None`: no server was seen alive.
    pub(super) fn ahead_ms(&self, here_ms: u64) -> Option<i64> {
        // The first may have been old when it was seen.
        let ahead = self.seen.iter().skip(1).map(|seen| {
            let drift_ms = here_ms.saturating_sub(seen.here_ms) / DRIFT;
            signed(seen.steady_ms) - signed(seen.here_ms) - signed(drift_ms)
        });
        ahead.max()
    }
}

fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fastest_sign_of_life_counts() {
        let mut sightings = Sightings::default();
        // The other clock is 5 000 ms ahead; signs take from 3 to 200 ms.
        for (sent_ms, took_ms) in [(1_000, 40), (1_400, 200), (1_800, 3), (2_200, 90)] {
            sightings.saw(1, sent_ms + 5_000, sent_ms + took_ms);
        }
        assert_eq!(sightings.ahead_ms(2_300), Some(4_997));
        assert_eq!(sightings.ahead_ms(2_300 + 60_000), Some(4_997 - 60), "less what may drift");
    }

    #[test]
    fn a_server_that_gives_no_signs_says_nothing() {
        let mut sightings = Sightings::default();
        assert_eq!(sightings.ahead_ms(0), None);
        for here_ms in [100, 350, 600] {
            sightings.saw(1, 77_000, here_ms);
        }
        assert_eq!(sightings.ahead_ms(900), None);
    }

    #[test]
    fn another_server_begins_anew() {
        let mut sightings = Sightings::default();
        for (epoch, steady_ms) in [(1, 900_000), (1, 900_400), (2, 900_700)] {
            sightings.saw(epoch, steady_ms, steady_ms - 900_000);
        }
        assert_eq!(sightings.ahead_ms(800), None);
        assert_eq!(sightings.latest_ms(), 900_700, "one is enough to say that it has come so far");
        sightings.saw(3, 900_600, 900);
        assert_eq!(sightings.latest_ms(), 900_700);
    }

    #[test]
    fn old_ones_are_forgotten() {
        let mut sightings = Sightings::default();
        for second in 0..60 {
            // This clock runs 100 ppm fast.
            let steady_ms = second * 1_000 + 500_000;
            sightings.saw(1, steady_ms, second * 1_000 + second / 10);
        }
        let ahead_ms = sightings.ahead_ms(59_005).unwrap();
        assert!((499_985..=499_995).contains(&ahead_ms), "{ahead_ms}");
    }
}
