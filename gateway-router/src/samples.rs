use std::array;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use gateway_client::Moment;

/// So many samples are kept.
pub const MAX_SAMPLES: usize = 32;
/// A place that was never written. No sample is it: they aren't negative.
const NONE: u64 = u64::MAX;

/// The last samples of something, in seconds. Whoever has one takes a place of its own and writes
/// it there, so none is lost however many come at once.
#[derive(Debug)]
pub struct Samples {
    /// How many there were.
    count: AtomicU64,
    kept: [AtomicU64; MAX_SAMPLES],
    /// When the last one came, nanoseconds of the clock.
    last: AtomicU64,
}

impl Default for Samples {
    fn default() -> Self {
        Self {
            count: AtomicU64::new(0),
            kept: array::from_fn(|_| AtomicU64::new(NONE)),
            last: AtomicU64::new(0),
        }
    }
}

impl Samples {
    /// Takes one in.
    pub fn record(&self, seconds: f64, now: Moment) {
        let count = self.count.fetch_add(1, Relaxed);
        self.place(count).store(seconds.max(0.0).to_bits(), Release);
        self.last.fetch_max(now.nanos(), Relaxed);
    }

    /// How many there ever were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }

    /// The average of the last `most` of them, at most [`MAX_SAMPLES`], seconds; `None` if none
    /// came since the moment.
    #[must_use]
    pub fn average(&self, most: usize, since: Moment) -> Option<f64> {
        let is_old = self.last.load(Relaxed) < since.nanos();
        let count = self.count();
        let first = count.saturating_sub(most.min(MAX_SAMPLES) as u64);
        let (mut sum, mut read) = (0.0, 0.0);
        for at in first..count {
            let bits = self.place(at).load(Acquire);
            if bits != NONE {
                sum += f64::from_bits(bits);
                read += 1.0;
            }
        }
        (read > 0.0 && !is_old).then(|| sum / read)
    }

    fn place(&self, count: u64) -> &AtomicU64 {
        let place = usize::try_from(count % MAX_SAMPLES as u64).unwrap_or_default();
        &self.kept[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment::from_nanos(1);

    #[test]
    fn the_last_ones_count() {
        let samples = Samples::default();
        assert_eq!(samples.average(10, Moment::START), None);
        samples.record(100.0, NOW);
        assert_eq!(samples.average(10, Moment::START), Some(100.0));
        (0..10).for_each(|at| samples.record(f64::from(at), NOW));
        assert_eq!(samples.average(10, Moment::START), Some(4.5));
        assert_eq!(samples.average(2, Moment::START), Some(8.5));
        assert_eq!(samples.average(usize::MAX, Moment::START), Some(145.0 / 11.0));
        assert_eq!(samples.average(10, Moment::from_nanos(2)), None, "all are older");
    }

    /// Ten that come at once are all kept, whatever stood there before.
    #[test]
    fn no_sample_is_lost_by_those_that_come_at_once() {
        for before in 0..200 {
            let samples = Samples::default();
            (0..before).for_each(|_| samples.record(1_000_000.0, NOW));
            std::thread::scope(|scope| {
                for at in 0..10_u32 {
                    let samples = &samples;
                    scope.spawn(move || samples.record(f64::from(1 << at), NOW));
                }
            });
            assert_eq!(samples.count(), before + 10);
            assert_eq!(samples.average(10, Moment::START), Some(102.3));
        }
    }
}
