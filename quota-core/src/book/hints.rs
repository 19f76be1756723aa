//! Who is active, and when asking again makes sense.

use std::collections::BTreeMap;

use super::Book;
use crate::account::{MinuteSpan, PeriodShort};
use crate::bucket::Bucket;
use crate::{
    Amount, Denial, HolderId, Limit, MAX_LIMIT, MINUTE_MS, Now, Settle, Settlement, State, Unit,
    sizing,
};

/// A holder counts as active for so long after it asked, ms.
pub const ACTIVE_MS: u64 = 10_000;

/// How soon holders give back their rests in an endgame, ms.
pub const BEAT_MS: u64 = 250;

/// How often it makes sense to ask whether running requests gave something back, ms.
pub const REFUND_MS: u64 = 1_000;

/// The holders that asked lately. Recounted now and then, not at each grant.
#[derive(Debug, Clone, Default)]
pub(super) struct Holders {
    last_ms: BTreeMap<HolderId, u64>,
    recount_ms: u64,
}

impl Holders {
    pub(super) fn seen(&mut self, holder: HolderId, steady_ms: u64) {
        self.last_ms.insert(holder, steady_ms);
    }

    /// How many are active, those counted that stopped asking in the last quarter second.
    pub(super) fn active(&mut self, steady_ms: u64) -> u64 {
        if steady_ms >= self.recount_ms {
            self.last_ms.retain(|_, last_ms| *last_ms + ACTIVE_MS > steady_ms);
            self.recount_ms = steady_ms + BEAT_MS;
        }
        self.known()
    }

    /// How many asked lately. Recounts nothing.
    pub(super) fn asked_lately(&self, steady_ms: u64) -> u64 {
        let lately = self.last_ms.values().filter(|last_ms| **last_ms + ACTIVE_MS > steady_ms);
        u64::try_from(lately.count()).unwrap_or(u64::MAX)
    }

    fn known(&self) -> u64 {
        u64::try_from(self.last_ms.len()).unwrap_or(u64::MAX)
    }
}

impl Book {
    /// Little is left of the open window, of the last 60 s, or of a further period.
    pub(super) fn state_of(&self, window: u64, now: &Now) -> State {
        let short = self.bucket(window).map_or(Amount::ZERO, |bucket| bucket.short);
        let of_window = self.state_in(self.policy.limit, self.available(window), short);
        if self.periods.is_unused() {
            return of_window;
        }
        // The end of a day is near as that of a minute is: when so much of a minute's share is
        // left.
        let minutely = self.periods.minutely();
        let starts_ms = now.steady_ms.max(now.window.opens_ms);
        let ahead_ms = window.saturating_sub(now.window.number) * now.window_ends_in_ms();
        let at_ms = starts_ms + ahead_ms;
        let room = self.periods.room(MinuteSpan::of(at_ms, at_ms + 1, now), now);
        match (of_window, self.state_in(minutely, room, short)) {
            (State::Exhausted, _) | (_, State::Exhausted) => State::Exhausted,
            (State::Endgame, _) | (_, State::Endgame) => State::Endgame,
            (state, _) => state,
        }
    }

    fn state_in(&self, limit: Limit, available: Amount, short: Amount) -> State {
        let is_used_up = |unit| limit.get(unit).is_some() && available[unit] == 0;
        if !sizing::is_endgame(limit, available, self.holders.known(), short) {
            State::Ok
        } else if Unit::ALL.into_iter().any(is_used_up) {
            State::Exhausted
        } else {
            State::Endgame
        }
    }

    /// A denial of `min`, with when that much may fit: what is short for longest, the window or a
    /// further period.
    pub(super) fn denial(
        &self,
        min: Amount,
        period: Option<PeriodShort>,
        window: u64,
        now: &Now,
    ) -> Denial {
        let paused = self.policy.limit.paused();
        let missing = self.missing(min, window);
        let of_window = paused.or(missing.first_above(Amount::ZERO));
        let of_window = of_window.or(period.is_none().then_some(Unit::Tokens));
        let of_window = of_window.map(|unit| self.denial_in_window(unit, missing, window, now));
        let of_period = period.map(|short| self.denial_in_period(&short, now));
        let both = of_window.into_iter().chain(of_period);
        both.max_by_key(|denial| denial.retry_after_ms).expect("one of them is short")
    }

    /// Soon while leases are out that holders will give back the rests of; later while running
    /// requests may be refunded; else when the window ends, or with `rolling` when enough has left
    /// the last 60 s. A pause lasts to the end of the open window, as far as is known.
    fn denial_in_window(&self, unit: Unit, missing: Amount, window: u64, now: &Now) -> Denial {
        if self.policy.limit.paused().is_some() {
            let retry_after_ms = ends_in_ms(window, now).max(1);
            return Denial { unit, period: None, state: State::Exhausted, retry_after_ms };
        }
        let certain_ms = self.account.certain_ms(missing, window, now);
        let is_expected =
            |bucket: &&Bucket| self.account.is_refilled_by(bucket.window, window, now);
        let (hope_ms, state) = self.hope(missing, is_expected);
        let retry_after_ms = hope_ms.min(certain_ms).max(1);
        Denial { unit, period: None, state, retry_after_ms }
    }

    /// The same of a further period, which all leases that are kept come back to.
    fn denial_in_period(&self, short: &PeriodShort, now: &Now) -> Denial {
        let PeriodShort { unit, period, missing, certain_ms } = *short;
        let missing = Amount::by_unit(|of| if of == unit { missing } else { 0 });
        let (hope_ms, state) = self.hope(missing, |bucket| bucket.window <= now.window.number);
        let retry_after_ms = hope_ms.min(certain_ms).max(1);
        Denial { unit, period: Some(period), state, retry_after_ms }
    }

    /// When what is missing may come back from holders, ms, and the state that this is.
    fn hope(&self, missing: Amount, comes_from: impl Fn(&&Bucket) -> bool) -> (u64, State) {
        let (open, unaccounted) = self.expected(comes_from);
        let refunds = Amount::by_unit(|unit| match unit.settle() {
            Settle::Difference => unaccounted[unit],
            Settle::Never => open[unit],
        });
        let hopes = self.policy.settlement == Settlement::Refund;
        if missing.fits(open) {
            (BEAT_MS, State::Endgame)
        } else if hopes && missing.fits(refunds) {
            (REFUND_MS, State::Exhausted)
        } else {
            (u64::MAX, State::Exhausted)
        }
    }

    /// What must come back before `min` is granted: what it lacks, and what is charged above the
    /// limit.
    fn missing(&self, min: Amount, window: u64) -> Amount {
        let (charged, ceiling) = (self.charged(window), self.policy.limit.ceiling());
        let lacking = min.saturating_sub(ceiling.saturating_sub(charged));
        let missing = lacking.saturating_add(charged.saturating_sub(ceiling));
        missing.min(Amount::of_each(MAX_LIMIT))
    }

    /// What may come back from windows: rests of leases that may still be drawn from, and all that
    /// nobody has accounted for.
    fn expected(&self, comes_from: impl Fn(&&Bucket) -> bool) -> (Amount, Amount) {
        let recent = self.buckets.iter().filter(comes_from);
        recent.fold(Default::default(), |(open, unaccounted): (Amount, Amount), bucket| {
            (open.saturating_add(bucket.open()), unaccounted.saturating_add(bucket.unaccounted()))
        })
    }
}

/// When a window ends at the earliest, ms from now.
fn ends_in_ms(window: u64, now: &Now) -> u64 {
    now.window_ends_in_ms() + (window - now.window.number) * MINUTE_MS
}
