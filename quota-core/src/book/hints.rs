//! Who is active, and when asking again makes sense.

use std::collections::BTreeMap;

use super::Book;
use crate::bucket::Bucket;
use crate::{
    Amount, Denial, HolderId, MAX_LIMIT, MINUTE_MS, Now, Settle, Settlement, State, Unit, sizing,
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
    /// Little is left of the open window, or of the last 60 s.
    pub(super) fn state_of(&self, window: u64) -> State {
        let available = self.available(window);
        let short = self.bucket(window).map_or(Amount::ZERO, |bucket| bucket.short);
        let limit = self.policy.limit;
        let is_used_up = |unit| limit.get(unit).is_some() && available[unit] == 0;
        if !sizing::is_endgame(limit, available, self.holders.known(), short) {
            State::Ok
        } else if Unit::ALL.into_iter().any(is_used_up) {
            State::Exhausted
        } else {
            State::Endgame
        }
    }

    /// A denial of `min`, with when that much may fit: soon while leases are out that holders will
    /// give back the rests of; later while running requests may be refunded; else when the window
    /// ends, or with `rolling` when enough has left the last 60 s. A pause lasts to the end of the open
    /// window, as far as is known.
    pub(super) fn denial(&self, unit: Unit, min: Amount, window: u64, now: &Now) -> Denial {
        if self.policy.limit.paused().is_some() {
            let retry_after_ms = ends_in_ms(window, now).max(1);
            return Denial { unit, state: State::Exhausted, retry_after_ms };
        }
        let missing = self.missing(min, window);
        let (open, unaccounted) = self.expected(window, now);
        let certain_ms = self.account.certain_ms(missing, window, now);
        let refunds = Amount::by_unit(|unit| match unit.settle() {
            Settle::Difference => unaccounted[unit],
            Settle::Never => open[unit],
        });
        let hopes = self.policy.settlement == Settlement::Refund;
        let (retry_after_ms, state) = if missing.fits(open) {
            (BEAT_MS, State::Endgame)
        } else if hopes && missing.fits(refunds) {
            (REFUND_MS, State::Exhausted)
        } else {
            (u64::MAX, State::Exhausted)
        };
        Denial { unit, state, retry_after_ms: retry_after_ms.min(certain_ms).max(1) }
    }

    /// What must come back before `min` is granted: what it lacks, and what is charged above the limit.
    fn missing(&self, min: Amount, window: u64) -> Amount {
        let (charged, ceiling) = (self.charged(window), self.policy.limit.ceiling());
        let lacking = min.saturating_sub(ceiling.saturating_sub(charged));
        let missing = lacking.saturating_add(charged.saturating_sub(ceiling));
        missing.min(Amount::of_each(MAX_LIMIT))
    }

    /// What may come back to a window: rests of leases that may still be drawn from, and all that
    /// nobody has accounted for.
    fn expected(&self, window: u64, now: &Now) -> (Amount, Amount) {
        let is_expected =
            |bucket: &&Bucket| self.account.is_refilled_by(bucket.window, window, now);
        let recent = self.buckets.iter().filter(is_expected);
        recent.fold(Default::default(), |(open, unaccounted): (Amount, Amount), bucket| {
            (open.saturating_add(bucket.open()), unaccounted.saturating_add(bucket.unaccounted()))
        })
    }
}

/// When a window ends at the earliest, ms from now.
fn ends_in_ms(window: u64, now: &Now) -> u64 {
    now.window_ends_in_ms() + (window - now.window.number) * MINUTE_MS
}
