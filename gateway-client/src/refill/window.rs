use std::time::Duration;

use crate::Moment;

const MINUTE: Duration = Duration::from_secs(60);
/// So long before a window's end the next one may be asked for ...
const AHEAD: Duration = Duration::from_millis(500);
/// ... by some clients sooner than by others, within this.
const AHEAD_SPREAD: Duration = Duration::from_millis(400);
/// Ends told more than this apart are those of different windows.
const APART: Duration = Duration::from_secs(2);

/// So much sooner than was told a window may end: clocks run apart by 1 000 ppm, and servers that
/// take over from each other know the end to some ms.
const EARLY: Duration = Duration::from_millis(150);

/// When a deployment's windows end, as far as the server's answers tell.
#[derive(Debug, Clone, Default)]
pub(super) struct Window {
    ends: Option<Moment>,
    /// It does not end before, by what was told last.
    ends_after: Moment,
    ahead_at: Moment,
    is_asked: bool,
}

impl Window {
    pub(super) const fn ends(&self) -> Option<Moment> {
        self.ends
    }

    /// The server told when the current window ends: between the two, since the answer was made
    /// between the sending of the request and the coming of the answer. No ledger ends a window
    /// sooner than it said; so where it seems to, time passed here that the clock did not count,
    /// and this says so.
    pub(super) fn heard(&mut self, (after, ends): (Moment, Moment), jitter: u16) -> bool {
        let is_early = self.ends.is_some() && ends + EARLY < self.ends_after;
        self.ends_after = after;
        let is_known =
            self.ends.is_some_and(|known| known.since(ends).max(ends.since(known)) < APART);
        self.ends = Some(ends);
        if !is_known {
            self.ahead_at = ends.less(AHEAD) + AHEAD_SPREAD * u32::from(jitter.min(1_000)) / 1_000;
            self.is_asked = false;
        }
        is_early
    }

    /// Whether a window ended since the last call. Windows are minutes, so the next end is known.
    pub(super) fn turns(&mut self, now: Moment) -> bool {
        let Some(ends) = self.ends.filter(|ends| *ends <= now) else {
            return false;
        };
        let minutes = now.since(ends).as_secs() / 60 + 1;
        let ahead = MINUTE.saturating_mul(u32::try_from(minutes).unwrap_or(u32::MAX));
        self.ends = Some(ends + ahead);
        self.ends_after = self.ends_after + ahead;
        self.ahead_at = self.ahead_at + ahead;
        self.is_asked = false;
        true
    }

    /// When to ask for the next window, if that was not done.
    pub(super) fn ahead_at(&self) -> Option<Moment> {
        (self.ends.is_some() && !self.is_asked).then_some(self.ahead_at)
    }

    pub(super) fn asked_ahead(&mut self) {
        self.is_asked = true;
    }

    /// The server will take it then.
    pub(super) fn ask_ahead_at(&mut self, at: Moment) {
        self.ahead_at = at;
        self.is_asked = false;
    }

    /// Whether the current window is as good as over.
    pub(super) fn is_closing(&self, now: Moment) -> bool {
        self.ends.is_some_and(|ends| now + AHEAD >= ends)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment::START + Duration::from_millis(ms)
    }

    #[test]
    fn the_next_window_is_asked_for_once_in_the_last_half_second() {
        let mut window = Window::default();
        assert_eq!(window.ahead_at(), None);
        window.heard((at(60_000), at(60_000)), 500);
        assert_eq!(window.ahead_at(), Some(at(59_700)));
        window.asked_ahead();
        window.heard((at(60_001), at(60_003)), 0);
        assert_eq!(window.ahead_at(), None, "the same end");
        assert!(!window.turns(at(60_002)) && window.turns(at(60_003)));
        assert_eq!(window.ahead_at(), Some(at(119_700)));
    }

    #[test]
    fn a_window_that_ends_too_soon_shows_that_the_clock_stood_still() {
        let mut window = Window::default();
        assert!(!window.heard((at(60_000), at(60_400)), 0));
        assert!(
            !window.heard((at(59_300), at(59_900)), 0),
            "the answers may have been made at once"
        );
        assert!(!window.heard((at(61_000), at(61_000)), 0), "it became longer");
        assert!(window.heard((at(58_000), at(58_100)), 0));
        assert!(!window.heard((at(58_000), at(58_100)), 0), "that is known");
        assert!(window.turns(at(60_000)));
        assert!(window.heard((at(111_000), at(111_000)), 0), "in the next one too");
    }

    #[test]
    fn windows_that_passed_unseen_are_skipped() {
        let mut window = Window::default();
        window.heard((at(60_000), at(60_000)), 0);
        assert!(window.turns(at(200_000)));
        assert_eq!(window.ends(), Some(at(240_000)));
        assert!(!window.turns(at(239_999)));
    }
}
