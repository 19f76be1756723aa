//! The ledger's time, as a pure function of clock readings.
//!
//! Two clocks go in: a *steady* one that counts on through everything and never jumps, and the
//! *wall* clock, which says where minutes begin but may be stepped. Lives, ends and the last 60 s
//! count by the steady one alone. The wall clock is asked once for each window, at its opening, for
//! where the window ends: the first boundary of a wall minute at least [`SHORTEST_WINDOW_MS`] away.
//! So no step, forward or back, opens two windows in less than one; after a step the next window is
//! longer, up to just under two minutes, and aligned again at its end.
//!
//! Which minute a window stands for is only its name, but the history is kept by it, so a wall
//! clock that is far ahead for a while must not move it for good: each window moves it on by two
//! minutes at most. After a step that was meant the names catch up, a minute each minute.

use serde::{Deserialize, Serialize};

/// A minute, ms; also how long a charge of a rolling window stays.
pub const MINUTE_MS: u64 = 60_000;

/// A window is never shorter, ms: a minute less 1 000 ppm, twice the rate at which a kernel slews a
/// clock by itself (500 ppm, `ntp_adjtime(2)`), so that a wall clock being slewed so does not skip
/// a boundary. One that gains more on the steady clock, as chrony's may while it corrects a large
/// error (`maxslewrate`), skips boundaries: windows are longer then, and less is granted.
pub const SHORTEST_WINDOW_MS: u64 = MINUTE_MS - MINUTE_MS / 1_000;

/// By so much a window's end may miss its wall minute's, ms.
pub const SLEWED_MS: u64 = MINUTE_MS - SHORTEST_WINDOW_MS;

/// Fewer windows than this are lost with a journal's last entries: two years of minutes.
const LOST_WINDOWS: u64 = 1 << 20;

/// Both clocks, read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The steady clock, ms.
    pub steady_ms: u64,
    /// The wall clock, ms since the Unix epoch.
    pub wall_ms: u64,
}

/// The ledger's time at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// Steady time, ms. Never goes back.
    pub steady_ms: u64,
    /// The window that is open.
    pub window: WindowSpan,
}

impl Now {
    /// How long the open window still lasts, ms.
    #[must_use]
    pub const fn window_ends_in_ms(&self) -> u64 {
        self.window.ends_ms.saturating_sub(self.steady_ms)
    }
}

/// One window of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowSpan {
    /// Counts windows without a gap, so the next window is always `number + 1`.
    pub number: u64,
    /// The wall minute that it stands for, minutes since the Unix epoch. Never goes back.
    pub minute: u64,
    /// When it opened, steady ms.
    pub opens_ms: u64,
    /// When it ends, steady ms: fixed when it opens.
    pub ends_ms: u64,
}

impl WindowSpan {
    /// The wall minute at this steady time, as far as the window's end tells: it stands for its
    /// last minute.
    pub(crate) const fn minute_at(&self, steady_ms: u64) -> u64 {
        if steady_ms >= self.ends_ms {
            self.minute.saturating_add(1 + (steady_ms - self.ends_ms) / MINUTE_MS)
        } else {
            self.minute.saturating_sub((self.ends_ms - steady_ms - 1) / MINUTE_MS)
        }
    }

    fn first(at: Reading) -> Self {
        let minute = at.wall_ms / MINUTE_MS;
        let ends_ms = at.steady_ms + MINUTE_MS - at.wall_ms % MINUTE_MS;
        Self { number: minute, minute, opens_ms: at.steady_ms, ends_ms }
    }

    /// It stands for the last minute that it reaches into, so that a start in that one does not
    /// take it for over. Moved by two minutes at most, whatever the wall clock says.
    fn named_by_its_end(self, at: Reading) -> Self {
        let left_ms = self.ends_ms.saturating_sub(at.steady_ms);
        let last = (at.wall_ms + left_ms).saturating_sub(SLEWED_MS).div_ceil(MINUTE_MS);
        let minute = last.saturating_sub(1).clamp(self.minute, self.minute + 2);
        Self { minute, ..self }
    }

    fn after(self, at: Reading) -> Self {
        let opens_ms = self.ends_ms;
        let wall_at_opening_ms = at.wall_ms.saturating_sub(at.steady_ms.saturating_sub(opens_ms));
        let boundary_ms = (wall_at_opening_ms + SHORTEST_WINDOW_MS).next_multiple_of(MINUTE_MS);
        Self {
            number: self.number + 1,
            minute: (boundary_ms / MINUTE_MS - 1).clamp(self.minute + 1, self.minute + 2),
            opens_ms,
            ends_ms: opens_ms + (boundary_ms - wall_at_opening_ms),
        }
    }
}

/// Turns readings into the ledger's time.
#[derive(Debug, Clone)]
pub struct Timekeeper {
    now: Now,
}

impl Timekeeper {
    /// A ledger's first start.
    #[must_use]
    pub fn start(at: Reading) -> Self {
        Self { now: Now { steady_ms: at.steady_ms, window: WindowSpan::first(at) } }
    }

    /// A start after `last`, with the same steady clock still running.
    #[must_use]
    pub fn resume(last: Now, at: Reading) -> Self {
        let mut keeper = Self { now: last };
        keeper.at(at);
        keeper
    }

    /// A start after `last` with steady time known from below: what is left of its window may reach
    /// into later minutes than it would have.
    #[must_use]
    pub fn resume_behind(last: Now, at: Reading) -> Self {
        let mut keeper = Self::resume(last, at);
        let steady_ms = keeper.now.steady_ms;
        keeper.now.window = keeper.now.window.named_by_its_end(Reading { steady_ms, ..at });
        keeper
    }

    /// A start after `last` on a machine whose steady clock knows nothing of the time between: the
    /// caller lets steady time go on from `last.steady_ms`. A wall clock that has moved on to a
    /// later minute is believed; one that has not leaves the last window open for a whole minute.
    #[must_use]
    pub fn resume_elsewhere(last: Now, at: Reading) -> Self {
        let minute = at.wall_ms / MINUTE_MS;
        let old = last.window;
        let window = if minute > old.minute {
            WindowSpan { number: old.number + (minute - old.minute), ..WindowSpan::first(at) }
        } else {
            let open = WindowSpan { ends_ms: at.steady_ms, ..old }.after(at);
            WindowSpan { number: old.number, minute: old.minute, ..open }.named_by_its_end(at)
        };
        Self { now: Now { steady_ms: at.steady_ms.max(last.steady_ms), window } }
    }

    /// A start where what was last may be lost: no window goes on under a number that a lost one
    /// can have had, whatever the wall clock says of the time between. It is for books that grant
    /// nothing until the open window and the next are over.
    pub fn skip_lost(&mut self) {
        self.now.window.number = self.now.window.number.saturating_add(LOST_WINDOWS);
    }

    /// The time at these readings; a steady reading before the last one counts as the last one.
    pub fn at(&mut self, reading: Reading) -> Now {
        let steady_ms = reading.steady_ms.max(self.now.steady_ms);
        while self.now.window.ends_ms <= steady_ms {
            self.now.window = self.now.window.after(Reading { steady_ms, ..reading });
        }
        self.now.steady_ms = steady_ms;
        self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON_MS: u64 = 29_384_640 * MINUTE_MS;

    fn reading(steady_ms: u64, wall_ms: u64) -> Reading {
        Reading { steady_ms, wall_ms }
    }

    #[test]
    fn windows_are_the_wall_minutes() {
        let mut keeper = Timekeeper::start(reading(1_000, NOON_MS + 20_000));
        let first = keeper.at(reading(40_999, NOON_MS + 59_999)).window;
        assert_eq!((first.minute, first.ends_ms), (NOON_MS / MINUTE_MS, 41_000));
        let second = keeper.at(reading(41_000, NOON_MS + 60_000)).window;
        assert_eq!(
            (second.minute, second.opens_ms, second.ends_ms),
            (first.minute + 1, 41_000, 101_000)
        );
        let third = keeper.at(reading(161_000, NOON_MS + 180_000)).window;
        assert_eq!((third.number, third.ends_ms), (first.number + 3, 221_000));
    }

    /// A steady clock does not go back, but one that starts anew may stand before what was seen of
    /// the last one.
    #[test]
    fn a_reading_from_before_leaves_the_time_where_it_was() {
        let mut keeper = Timekeeper::start(reading(1_000, NOON_MS));
        let now = keeper.at(reading(30_000, NOON_MS + 29_000));
        assert_eq!(keeper.at(reading(5_000, NOON_MS + 4_000)), now);
        assert_eq!(keeper.at(reading(30_001, NOON_MS + 29_001)).steady_ms, 30_001);
    }

    #[test]
    fn a_step_forward_makes_the_next_window_longer_and_skips_its_minute() {
        let mut keeper = Timekeeper::start(reading(0, NOON_MS));
        let before = keeper.at(reading(10_000, NOON_MS + 10_000));
        let stepped = keeper.at(reading(10_001, NOON_MS + 55_001));
        assert_eq!(stepped.window, before.window, "an open window keeps its end");
        let next = keeper.at(reading(60_000, NOON_MS + 105_000)).window;
        assert_eq!((next.opens_ms, next.ends_ms), (60_000, 135_000), "aligned again at its end");
        assert_eq!(
            (next.number, next.minute),
            (before.window.number + 1, before.window.minute + 2)
        );
    }

    #[test]
    fn a_step_back_opens_no_window_again() {
        let mut keeper = Timekeeper::start(reading(0, NOON_MS));
        let last = keeper.at(reading(60_000, NOON_MS + 60_000)).window;
        let mut opened = vec![last];
        for second in 61..600_u64 {
            let window =
                keeper.at(reading(second * 1_000, NOON_MS + second * 1_000 - 300_000)).window;
            if window != opened[opened.len() - 1] {
                opened.push(window);
            }
        }
        for pair in opened.windows(2) {
            assert_eq!(pair[1].number, pair[0].number + 1);
            assert!(pair[1].minute > pair[0].minute);
            assert!(pair[0].ends_ms - pair[0].opens_ms >= SHORTEST_WINDOW_MS);
        }
    }

    #[test]
    fn a_wall_clock_that_is_a_day_ahead_at_a_turn_moves_the_minute_on_by_one() {
        const DAY_MS: u64 = 24 * 60 * MINUTE_MS;
        let mut keeper = Timekeeper::start(reading(0, NOON_MS));
        keeper.at(reading(60_000, NOON_MS + 60_000 + DAY_MS));
        for minute in 2..20 {
            let window = keeper.at(reading(minute * 60_000, NOON_MS + minute * 60_000)).window;
            let ahead = window.minute - (NOON_MS / MINUTE_MS + minute);
            assert_eq!(ahead, 1, "minute {minute}");
        }
        // A step that stays is caught up with.
        let mut keeper = Timekeeper::start(reading(0, NOON_MS));
        let mut windows = (1..40).map(|minute| {
            let wall_ms = NOON_MS + minute * 60_000 + 30 * MINUTE_MS;
            (keeper.at(reading(minute * 60_000, wall_ms)).window.minute, wall_ms / MINUTE_MS)
        });
        assert!(windows.any(|(minute, wall)| minute == wall));
    }

    #[test]
    fn a_slewed_clock_keeps_its_minutes() {
        let mut keeper = Timekeeper::start(reading(0, NOON_MS));
        // The wall clock gains 500 ppm on the steady one for an hour.
        for second in 0..3_600_u64 {
            let steady_ms = second * 1_000;
            let wall_ms = NOON_MS + steady_ms + steady_ms / 2_000;
            let now = keeper.at(reading(steady_ms, wall_ms));
            let off_ms = (wall_ms / MINUTE_MS).abs_diff(now.window.minute);
            assert!(off_ms <= 1, "at {second} s");
        }
        assert_eq!(keeper.now.window.number - NOON_MS / MINUTE_MS, 60);
    }

    #[test]
    fn the_same_machine_resumes_its_window() {
        let mut keeper = Timekeeper::start(reading(0, NOON_MS));
        let last = keeper.at(reading(30_000, NOON_MS + 30_000));
        let resumed = Timekeeper::resume(last, reading(31_000, NOON_MS + 31_000)).now;
        assert_eq!(resumed.window, last.window);
        // The wall clock was set back an hour while the server was down.
        let stepped = Timekeeper::resume(last, reading(31_000, NOON_MS - 3_569_000)).now;
        assert_eq!(stepped.window, last.window);
    }

    #[test]
    fn another_machine_believes_a_later_minute_and_distrusts_an_earlier_one() {
        let last = Timekeeper::start(reading(0, NOON_MS)).at(reading(50_000, NOON_MS + 50_000));
        let later =
            Timekeeper::resume_elsewhere(last, reading(50_000, NOON_MS + 130_000)).now.window;
        assert_eq!((later.number, later.ends_ms), (last.window.number + 2, 100_000));
        let earlier =
            Timekeeper::resume_elsewhere(last, reading(50_000, NOON_MS - 1_000)).now.window;
        assert_eq!((earlier.number, earlier.minute), (last.window.number, last.window.minute));
        assert!(earlier.ends_ms >= 50_000 + SHORTEST_WINDOW_MS);
    }

    #[test]
    fn numbers_of_windows_that_may_be_lost_are_not_given_again() {
        let mut lost = Timekeeper::start(reading(0, NOON_MS));
        let last = lost.at(reading(10_000, NOON_MS + 10_000));
        let year_ms = 365 * 1_440 * MINUTE_MS;
        let number = lost.at(reading(year_ms, NOON_MS + year_ms)).window.number;
        // The wall clock may say that a year has passed, or nothing of it.
        for behind_ms in [0, 89_000, 3_600_000, year_ms, 2 * year_ms] {
            let at = reading(10_000, NOON_MS + year_ms - behind_ms);
            for mut keeper in
                [Timekeeper::resume_behind(last, at), Timekeeper::resume_elsewhere(last, at)]
            {
                keeper.skip_lost();
                // The one after the last was granted from ahead.
                assert!(keeper.at(at).window.number > number + 1, "{behind_ms}");
            }
        }
    }

    #[test]
    fn a_window_that_steady_time_fell_behind_in_stands_for_its_last_minute() {
        let last = Timekeeper::start(reading(0, NOON_MS)).at(reading(10_000, NOON_MS + 10_000));
        // Of 100 s nobody knows: the window goes on into the next minutes.
        let behind = reading(10_000, NOON_MS + 110_000);
        let mut keeper = Timekeeper::resume_behind(last, behind);
        let later = keeper.at(reading(15_000, NOON_MS + 115_000));
        assert_eq!(later.window.number, last.window.number);
        // A start in one of them leaves it open, and opens no other in the same minute.
        let elsewhere = Timekeeper::resume_elsewhere(later, reading(15_000, NOON_MS + 125_000));
        assert_eq!(elsewhere.now.window.number, last.window.number);
        // Where nothing is amiss it keeps its name.
        let here = Timekeeper::resume_behind(last, reading(20_000, NOON_MS + 20_040));
        assert_eq!(here.now.window, last.window);
        let mad = Timekeeper::resume_behind(last, reading(20_000, NOON_MS + 86_400_000));
        assert_eq!(mad.now.window.minute, last.window.minute + 2, "whatever the wall clock says");
    }

    #[test]
    fn starts_of_the_machine_open_no_two_windows_in_less_than_one() {
        let mut keeper = Timekeeper::start(reading(0, NOON_MS));
        let first = keeper.at(reading(17_000, NOON_MS + 17_000));
        // The window is left open for a whole minute: into the next wall minute, to its end.
        let mut again = Timekeeper::resume_elsewhere(first, reading(17_000, NOON_MS + 18_000));
        let second = again.at(reading(99_000, NOON_MS + 100_000));
        assert_eq!(second.window.number, first.window.number);
        let third = Timekeeper::resume_elsewhere(second, reading(99_000, NOON_MS + 105_000));
        assert_eq!(third.now.window.number, first.window.number, "that minute was granted from");
    }
}
