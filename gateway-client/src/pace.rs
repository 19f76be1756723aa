//! Whether the clock that leases are timed by can be trusted, as far as the machine's other clocks
//! tell.

use std::time::Duration;

use crate::Moment;
use crate::clock::Witness;

/// Clocks are compared over a lease's life: so long, at most.
const SPAN: Duration = Duration::from_secs(2);
/// Two clocks are read one after the other, and the process may be put aside in between.
const RAW_SLACK: Duration = Duration::from_millis(5);
/// Time services set the wall clock right by more than this where they do not slow it down.
const WALL_SLACK: Duration = Duration::from_millis(50);

/// How the clock that leases are timed by goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pace {
    /// Not slower than real time by more than 1 000 ppm.
    #[default]
    True,
    /// A time service slows it down: not by more than 100 000 ppm.
    Slow,
    /// It stood still, or went slower than that. No lease that is held can be timed by it.
    Lost,
}

/// Compares clocks.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    since: Option<(Moment, Witness)>,
}

impl Watch {
    /// How the clock went of late, of which this is now; the other clocks were read with it.
    pub(crate) fn look(&mut self, now: Moment, witness: Witness) -> Pace {
        let Some((then, before)) = self.since else {
            self.since = Some((now, witness));
            return Pace::True;
        };
        let own = now.since(then);
        let (raw, wall) = (witness.raw.since(before.raw), witness.wall.since(before.wall));
        let pace = match own {
            own if wall > own + own / 10 + WALL_SLACK || raw > own + own / 9 + RAW_SLACK => {
                Pace::Lost
            }
            own if raw > own + own / 1_000 + RAW_SLACK => Pace::Slow,
            _ => Pace::True,
        };
        if pace != Pace::True || own >= SPAN {
            self.since = Some((now, witness));
        }
        pace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said when the clock went on by `own` ms, the others by so many, in steps of 250 ms.
    fn said(own: u64, raw: u64, wall: u64) -> Pace {
        let mut watch = Watch::default();
        let at = |ms: u64, of: u64| {
            Moment::START + Duration::from_secs(70) + Duration::from_millis(ms * of / 8)
        };
        let look = |step| {
            let witness = Witness { raw: at(raw, step), wall: at(wall, step) };
            watch.look(at(own, step), witness)
        };
        let all: Vec<_> = (0..=8).map(look).collect();
        *all.iter().max_by_key(|pace| **pace as u8).unwrap()
    }

    #[test]
    fn clocks_that_agree_are_trusted() {
        for (own, raw, wall) in [(2_000, 2_000, 2_000), (2_000, 2_002, 1_999), (2_000, 1_990, 0)] {
            assert_eq!(said(own, raw, wall), Pace::True, "{own} {raw} {wall}");
        }
    }

    #[test]
    fn a_sleep_that_the_clock_counted_is_no_matter() {
        assert_eq!(said(60_000, 2_000, 60_000), Pace::True);
    }

    #[test]
    fn a_time_service_that_slows_the_clock_down_is_seen() {
        for ppm in [10_000, 83_333] {
            let raw = 2_000 * 1_000_000 / (1_000_000 - ppm);
            assert_eq!(said(2_000, raw, 2_000), Pace::Slow, "{ppm} ppm");
        }
    }

    #[test]
    fn a_pause_that_the_clock_did_not_count_is_seen_when_the_wall_clock_is_set_right() {
        assert_eq!(said(2_000, 2_000, 9_000), Pace::Lost);
        assert_eq!(said(2_000, 4_000, 2_000), Pace::Lost);
    }
}
