//! What a server has seen of one book: how far it was, and when.

use super::Mark;

/// The largest number that the library knows; here: no bound.
const NEVER_MS: u64 = (1 << 53) - 1;

/// How far two steady clocks may drift apart.
const DRIFT_PPM: u64 = 1_000;

/// What is known of a book from the replies that came of it.
///
/// Redis's clock may be stepped, and a script has no steady clock. The server does: a reply was
/// made between the instants at which the call was sent and the reply came, so from then on the
/// ledger's time is known within the steady clock's drift. Both bounds err to the safe side: a call
/// that is long under way meets a later time than its bound allows, and its lease then ends no
/// later for it, since lives count from before the call was sent.
///
/// A server that has seen nothing bounds nothing: with fresh servers only, a step forward of
/// Redis's clock can open a window early, once.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    seq: u64,
    window: u64,
    not_before: Option<Sight>,
    not_after: Option<Sight>,
}

/// The ledger's time at an instant of the server's steady clock.
#[derive(Debug, Clone, Copy)]
struct Sight {
    steady_ms: u64,
    ledger_ms: u64,
}

/// What a call tells the book of what its server knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hints {
    pub(super) seq: u64,
    pub(super) window: u64,
    pub(super) not_before_ms: u64,
    pub(super) not_after_ms: u64,
}

impl Seen {
    /// What to tell the book in a call that is sent now, by the server's steady clock.
    pub(crate) fn hints(&self, steady_ms: u64) -> Hints {
        Hints {
            seq: self.seq,
            window: self.window,
            not_before_ms: self.not_before.map_or(0, |sight| sight.earliest_ms(steady_ms)),
            not_after_ms: self.not_after.map_or(NEVER_MS, |sight| sight.latest_ms(steady_ms)),
        }
    }

    /// Takes in a reply: when its call was sent and when it came, by the server's steady clock.
    pub(crate) fn learn(&mut self, sent_ms: u64, came_ms: u64, mark: &Mark) {
        self.seq = self.seq.max(mark.seq);
        self.window = self.window.max(mark.window);
        let earliest = Sight { steady_ms: came_ms, ledger_ms: mark.ledger_ms };
        let latest = Sight { steady_ms: sent_ms, ledger_ms: mark.ledger_ms };
        // The tighter bound holds. While a bound holds a stepped clock, replies lie on it: keeping
        // the old sight then, and its drift counted once, is what keeps the bound from creeping.
        if self.not_before.is_none_or(|old| earliest.is_later_than(old)) {
            self.not_before = Some(earliest);
        }
        if self.not_after.is_none_or(|old| latest.is_earlier_than(old)) {
            self.not_after = Some(latest);
        }
    }
}

impl Sight {
    fn is_later_than(self, old: Self) -> bool {
        let both_ms = self.steady_ms.max(old.steady_ms);
        self.earliest_ms(both_ms) > old.earliest_ms(both_ms)
    }

    fn is_earlier_than(self, old: Self) -> bool {
        let both_ms = self.steady_ms.max(old.steady_ms);
        self.latest_ms(both_ms) < old.latest_ms(both_ms)
    }

    fn earliest_ms(self, steady_ms: u64) -> u64 {
        let passed_ms = steady_ms.saturating_sub(self.steady_ms);
        self.ledger_ms + passed_ms - drift_ms(passed_ms)
    }

    fn latest_ms(self, steady_ms: u64) -> u64 {
        let passed_ms = steady_ms.saturating_sub(self.steady_ms);
        self.ledger_ms.saturating_add(passed_ms + drift_ms(passed_ms)).min(NEVER_MS)
    }
}

fn drift_ms(passed_ms: u64) -> u64 {
    (passed_ms * DRIFT_PPM).div_ceil(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(seq: u64, ledger_ms: u64) -> Mark {
        Mark { seq, ledger_ms, ..Mark::default() }
    }

    #[test]
    fn nothing_seen_bounds_nothing() {
        let hints = Seen::default().hints(5);
        assert_eq!((hints.seq, hints.not_before_ms, hints.not_after_ms), (0, 0, NEVER_MS));
    }

    #[test]
    fn a_sight_bounds_time_by_the_clock_and_its_drift() {
        let mut seen = Seen::default();
        seen.learn(1_000, 1_050, &mark(7, 90_000));
        let hints = seen.hints(11_000);
        assert_eq!(hints.seq, 7);
        assert_eq!(hints.not_before_ms, 90_000 + 9_950 - 10);
        assert_eq!(hints.not_after_ms, 90_000 + 10_000 + 10);
    }

    #[test]
    fn a_step_forward_moves_no_bound() {
        let mut seen = Seen::default();
        seen.learn(1_000, 1_000, &mark(1, 90_000));
        // Another server, fresh, let the stepped clock in; this one holds on to what it knows.
        seen.learn(2_000, 2_000, &mark(2, 150_000));
        assert_eq!(seen.hints(3_000).not_after_ms, 92_002);
        assert_eq!(seen.hints(3_000).not_before_ms, 150_999, "the book went there all the same");
    }

    #[test]
    fn an_old_reply_takes_nothing_back() {
        let mut seen = Seen::default();
        seen.learn(2_000, 2_000, &mark(9, 92_000));
        seen.learn(1_000, 3_000, &mark(8, 91_000));
        let hints = seen.hints(3_000);
        assert_eq!((hints.seq, hints.not_before_ms), (9, 92_999));
    }

    /// A call each millisecond, on a Redis whose clock was stepped after the first.
    fn after_a_step(step_ms: i64) -> u64 {
        let start_ms = 1_000_000_u64;
        let mut seen = Seen::default();
        let mut ledger_ms = start_ms;
        for steady_ms in 0..=60_000 {
            let step_ms = if steady_ms == 0 { 0 } else { step_ms };
            let wall_ms = (start_ms + steady_ms).saturating_add_signed(step_ms);
            let hints = seen.hints(steady_ms);
            let held_ms = wall_ms.min(hints.not_after_ms).max(hints.not_before_ms);
            ledger_ms = ledger_ms.max(held_ms);
            seen.learn(steady_ms, steady_ms, &mark(steady_ms, ledger_ms));
        }
        ledger_ms - start_ms
    }

    #[test]
    fn a_minute_lasts_a_minute_after_a_step() {
        assert_eq!(after_a_step(3_600_000), 60_060);
        assert_eq!(after_a_step(-900_000), 59_940);
        assert_eq!(after_a_step(0), 60_000);
    }
}
