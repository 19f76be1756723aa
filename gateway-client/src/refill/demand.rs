//! How much a deployment's draws will need soon, learnt from what they took and what they missed.

use std::time::Duration;

use quota_units::{Amount, Unit};

use crate::Moment;

/// Samples closer together than this are taken as one.
const STEP: Duration = Duration::from_millis(100);
/// A rising demand is believed soon, a falling one late: a lease too many goes back, one too few
/// makes draws wait.
const RISE: Duration = Duration::from_millis(500);
const FALL: Duration = Duration::from_secs(1);
/// A lease low by this much of demand is followed by the next.
const LOW_WATER: Duration = Duration::from_millis(300);
/// Below so many requests a second, leases are asked for one request at a time: what is held for
/// the next one would go back as idle before it comes, at the price of a message. A single request
/// raises a rate of nothing to less than 2.
const STEADY: u64 = 3;

const MILLI: u64 = 1_000;
const SECOND: Duration = Duration::from_secs(1);

/// A demand, in each unit.
#[derive(Debug, Clone, Default)]
pub(super) struct Demand {
    /// By unit, in their order.
    rates: [Rate; Unit::COUNT],
    /// Seen since the last step.
    fresh: Amount,
    stepped: Moment,
}

/// Thousandths a second.
#[derive(Debug, Clone, Copy, Default)]
struct Rate(u64);

impl Demand {
    /// So much was drawn or denied since the last call.
    pub(super) fn learn(&mut self, offered: Amount, now: Moment) {
        self.fresh = self.fresh.saturating_add(offered);
        let span = now.since(self.stepped);
        if span < STEP {
            return;
        }
        for unit in Unit::ALL {
            self.rates[unit as usize].step(self.fresh[unit], span);
        }
        self.fresh = Amount::default();
        self.stepped = now;
    }

    /// Whether the next second brings requests enough to hold leases for them beforehand.
    pub(super) fn is_steady(&self) -> bool {
        self.rate(Unit::Requests).0 >= STEADY * MILLI
    }

    /// About a second of demand: what is expected, and two standard deviations of the count.
    pub(super) fn target(&self) -> Amount {
        let expected = self.over(SECOND);
        let spread = 2 * expected.requests().isqrt();
        expected.saturating_add(self.request().saturating_mul(spread))
    }

    /// What came since the last step: all that is known of a demand that just began.
    pub(super) const fn fresh(&self) -> Amount {
        self.fresh
    }

    /// The rest at which the next lease should be asked for.
    pub(super) fn low_water(&self) -> Amount {
        self.over(LOW_WATER).saturating_add(self.request())
    }

    /// A request of mean size.
    pub(super) fn request(&self) -> Amount {
        let requests = self.rate(Unit::Requests).0.max(1);
        Amount::by_unit(|unit| match unit {
            Unit::Requests => 1,
            _ => self.rate(unit).0.saturating_add(requests / 2) / requests,
        })
    }

    fn over(&self, span: Duration) -> Amount {
        Amount::by_unit(|unit| self.rate(unit).over(span))
    }

    fn rate(&self, unit: Unit) -> Rate {
        self.rates[unit as usize]
    }
}

impl Rate {
    fn step(&mut self, count: u64, span: Duration) {
        let nanos = span.as_nanos().max(1);
        let seen = u128::from(count) * u128::from(MILLI) * SECOND.as_nanos() / nanos;
        let seen = u64::try_from(seen).unwrap_or(u64::MAX);
        let memory = if seen > self.0 { RISE } else { FALL };
        let part = |change: u64| {
            let part = u128::from(change) * nanos / (nanos + memory.as_nanos());
            u64::try_from(part).unwrap_or(u64::MAX)
        };
        self.0 =
            if seen > self.0 { self.0 + part(seen - self.0) } else { self.0 - part(self.0 - seen) };
    }

    fn over(self, span: Duration) -> u64 {
        let count = u128::from(self.0) * span.as_nanos();
        u64::try_from(count.div_ceil(u128::from(MILLI) * SECOND.as_nanos())).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(demand: &mut Demand, from_ms: u64, to_ms: u64, each: Amount) {
        for ms in (from_ms..to_ms).step_by(250) {
            let now = Moment::START + Duration::from_millis(ms + 250);
            demand.learn(each, now);
        }
    }

    #[test]
    fn it_nears_a_steady_rate_and_forgets_it() {
        let mut demand = Demand::default();
        let each = Amount::new(2_500, 25);
        run(&mut demand, 0, 3_000, each);
        let target = demand.target();
        assert!((9_900..=12_100).contains(&target.tokens()), "{target:?}");
        assert!((99..=121).contains(&target.requests()), "{target:?}");
        assert_eq!(demand.request().tokens(), 100);
        run(&mut demand, 3_000, 12_000, Amount::default());
        assert!(!demand.is_steady());
    }

    #[test]
    fn a_request_now_and_then_is_not_steady() {
        let mut demand = Demand::default();
        let one = Amount::new(15, 1);
        for second in 1..60 {
            demand.learn(one, Moment::START + Duration::from_secs(second));
            assert!(!demand.is_steady());
        }
    }

    #[test]
    fn the_largest_counts_do_not_overflow() {
        let mut demand = Demand::default();
        let all = Amount::new(u64::MAX, u64::MAX);
        run(&mut demand, 0, 5_000, all);
        assert!(demand.target().tokens() > 0 && demand.low_water().tokens() > 0);
    }
}
