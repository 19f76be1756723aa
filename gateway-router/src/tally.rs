use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use gateway_client::Moment;

const MINUTE_NANOS: u64 = 60_000_000_000;
const FIELD: u32 = 16;
const MOST: u64 = (1 << FIELD) - 1;

/// Requests of one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) total: u32,
    pub(crate) failed: u32,
}

/// Counts the requests of a minute by its clock: the minute, all and the failed ones in one word,
/// so that none is lost at the turn of a minute. Both counts stay at 65 535.
#[derive(Debug, Default)]
pub(crate) struct Tally(AtomicU64);

impl Tally {
    /// Counts one more, and answers with all of its minute.
    pub(crate) fn count(&self, now: Moment, failed: bool) -> Count {
        let minute = now.nanos() / MINUTE_NANOS;
        let more = |word: u64| {
            let word = if word >> (2 * FIELD) == minute { word } else { minute << (2 * FIELD) };
            let (total, fails) = (word >> FIELD & MOST, word & MOST);
            let (total, fails) = ((total + 1).min(MOST), (fails + u64::from(failed)).min(MOST));
            word >> (2 * FIELD) << (2 * FIELD) | total << FIELD | fails
        };
        let before = self.0.try_update(Relaxed, Relaxed, |word| Some(more(word)));
        let word = more(before.unwrap_or_default());
        Count { total: field(word >> FIELD), failed: field(word) }
    }
}

fn field(word: u64) -> u32 {
    u32::try_from(word & MOST).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_minute_begins_with_nothing() {
        let tally = Tally::default();
        let at = |seconds| Moment::START + Duration::from_secs(seconds);
        assert_eq!(tally.count(at(59), true), Count { total: 1, failed: 1 });
        assert_eq!(tally.count(at(59), false), Count { total: 2, failed: 1 });
        assert_eq!(tally.count(at(60), false), Count { total: 1, failed: 0 });
    }

    #[test]
    fn many_stay_many() {
        let tally = Tally::default();
        for _ in 0..100_000 {
            tally.count(Moment::START, true);
        }
        assert_eq!(tally.count(Moment::START, false), Count { total: 65_535, failed: 65_535 });
    }

    #[test]
    fn none_is_lost() {
        let tally = Tally::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for at in 0..5_000 {
                        tally.count(Moment::START, at % 2 == 0);
                    }
                });
            }
        });
        assert_eq!(tally.count(Moment::START, false), Count { total: 20_001, failed: 10_000 });
    }
}
