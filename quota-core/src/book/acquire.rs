//! Granting.

use super::{AHEAD_MS, Book};
use crate::account::MinuteSpan;
use crate::lease::Lease;
use crate::{
    Amount, Event, Granted, HolderId, Imbalance, LeaseId, MAX_LEASE, MAX_LIMIT, Now, Outcome,
    PeriodLimit, Refusal, SHORTEST_WINDOW_MS, WindowKind, Wish, WishPrint, sizing,
};

/// A lease that would last less, ms, is granted from the next window instead.
pub const SHORTEST_LIFE_MS: u64 = 20;

/// Where and for how long a lease would be.
struct Place {
    window: u64,
    starts_ms: u64,
    ends_ms: u64,
}

impl Book {
    pub(super) fn decide_acquire(
        &mut self,
        holder: HolderId,
        wish: &Wish,
        now: &Now,
    ) -> Result<(Outcome, Option<Event>), Refusal> {
        self.holders.seen(holder, now.steady_ms);
        if let Some(granted) = self.known(holder, wish, now)? {
            return Ok((Outcome::Granted(granted), None));
        }
        self.check_ask(wish)?;
        let place = self.place(wish.ahead, now)?;
        let (charged, ceiling) = (self.charged(place.window), self.policy.limit.ceiling());
        let minutes = MinuteSpan::of(place.starts_ms, place.ends_ms, now);
        let available = ceiling.saturating_sub(charged).min(self.countable(place.window));
        let available = available.min(self.periods.room(minutes, now));
        let lease = self.open_bucket(place.window, now).next_id();
        let holders = self.holders.active(now.steady_ms);
        let amount = sizing::grant(wish.min, wish.want, available, holders);
        // What is charged above a lowered limit holds up those too who ask for nothing of that
        // unit.
        let lacking = wish.min.saturating_sub(available);
        let missing = lacking.saturating_add(charged.saturating_sub(ceiling));
        let short = self.policy.limit.paused().or(missing.first_above(Amount::ZERO));
        let period = self.periods.short_of(wish.min, minutes, now);
        match (short, period, lease) {
            (None, None, Some(lease)) if !amount.is_zero() => {
                Ok(self.grant(lease, holder, wish, amount, &place, now))
            }
            _ => {
                self.note_denied(place.window, wish.min, now);
                if short.is_some() {
                    let bucket = self.open_bucket(place.window, now);
                    bucket.short = bucket.short.max(wish.min);
                }
                Err(Refusal::Denied(self.denial(wish.min, period, place.window, now)))
            }
        }
    }

    fn grant(
        &self,
        lease: LeaseId,
        holder: HolderId,
        wish: &Wish,
        amount: Amount,
        place: &Place,
        now: &Now,
    ) -> (Outcome, Option<Event>) {
        let event = Event::Granted {
            lease,
            holder,
            request: wish.request.granted(WishPrint::of(wish)),
            amount,
            starts_ms: place.starts_ms,
            ends_ms: place.ends_ms,
        };
        let granted = Granted {
            lease,
            amount,
            starts_in_ms: place.starts_ms.saturating_sub(now.steady_ms),
            expires_in_ms: place.ends_ms.saturating_sub(now.steady_ms),
            credit_ends_in_ms: self.credit_ends_in_ms(lease, place.ends_ms, now),
            returns_in_ms: self.returns_in_ms(lease.window, now),
            repeated: false,
        };
        (Outcome::Granted(granted), Some(event))
    }

    pub(super) fn enter_grant(
        &mut self,
        id: LeaseId,
        lease: Lease,
        now: &Now,
    ) -> Result<(), Imbalance> {
        if !lease.granted().fits(self.available(id.window)) {
            return Err(Imbalance::OverLimit(id));
        }
        let (ends_ms, amount) = (lease.ends_ms, lease.granted());
        self.open_bucket(id.window, now).grant(id, lease)?;
        self.account.charge(id, ends_ms, amount);
        self.periods.charge(id.window, &lease, now);
        Ok(())
    }

    /// What can be granted of a window: its limit less what is charged to it.
    pub(super) fn available(&self, window: u64) -> Amount {
        self.policy.limit.ceiling().saturating_sub(self.charged(window))
    }

    /// What is outstanding and overrun in a window, also in the next one where that is drawn from
    /// already, at most [`MAX_LIMIT`]. Above the limit, where that was lowered.
    pub(super) fn charged(&self, window: u64) -> Amount {
        let charged = self.account.charged(window).sum();
        let charged = match self.bucket(window + 1).filter(|next| next.is_early) {
            Some(next) => charged.saturating_add(next.tally.charged().sum()),
            None => charged,
        };
        charged.min(Amount::of_each(MAX_LIMIT))
    }

    /// What the sum of all grants of a window has room for, however much of it was given back: that
    /// keeps every part of a page within [`MAX_LIMIT`], which databases and doubles can count to.
    fn countable(&self, window: u64) -> Amount {
        let granted = self.bucket(window).map_or(Amount::ZERO, |bucket| bucket.tally.granted);
        Amount::of_each(MAX_LIMIT).saturating_sub(granted)
    }

    /// The lease that the same request was given, in the windows that are kept.
    fn known(
        &mut self,
        holder: HolderId,
        wish: &Wish,
        now: &Now,
    ) -> Result<Option<Granted>, Refusal> {
        let mut buckets = self.buckets.iter_mut().rev();
        let known = buckets.find_map(|bucket| bucket.by_request(holder, wish.request));
        let Some((id, lease)) = known else { return Ok(None) };
        if !may_be_of(lease, wish) {
            return Err(Refusal::OtherWish);
        }
        // Who returned all of it is through with it.
        if lease.closed || lease.kept().is_zero() {
            return Err(Refusal::LeaseClosed);
        }
        let lease = *lease;
        Ok(Some(self.granted(id, &lease, now)))
    }

    /// A lease that was granted before, as it is now.
    fn granted(&self, lease: LeaseId, held: &Lease, now: &Now) -> Granted {
        let until = |ms: u64| ms.saturating_sub(now.steady_ms);
        Granted {
            lease,
            amount: held.granted(),
            starts_in_ms: until(held.starts_ms),
            expires_in_ms: until(held.ends_ms),
            credit_ends_in_ms: self.credit_ends_in_ms(lease, held.ends_ms, now),
            returns_in_ms: self.returns_in_ms(lease.window, now),
            repeated: true,
        }
    }

    /// How long a return of a lease that ends at `ends_ms` earns credit, ms from now.
    fn credit_ends_in_ms(&self, lease: LeaseId, ends_ms: u64, now: &Now) -> u64 {
        self.account.credit_ends_ms(lease, ends_ms, now).saturating_sub(now.steady_ms)
    }

    /// How long a return to a window's leases comes back to further periods, ms from now: as long
    /// as they are kept at the least.
    fn returns_in_ms(&self, window: u64, now: &Now) -> Option<u64> {
        let windows = (window + self.kept_windows()).saturating_sub(now.window.number + 1);
        let kept_ms = now.window_ends_in_ms() + windows * SHORTEST_WINDOW_MS;
        (!self.periods.is_unused()).then_some(kept_ms)
    }

    fn check_ask(&self, wish: &Wish) -> Result<(), Refusal> {
        if wish.want.is_zero() {
            return Err(Refusal::NothingAsked);
        }
        if !wish.min.fits(wish.want) {
            return Err(Refusal::WantBelowMin);
        }
        if self.policy.limit.paused().is_some() {
            // What is paused goes on some time, so this is a denial.
            return Ok(());
        }
        let most = self.policy.limit.ceiling().min(MAX_LEASE);
        if let Some(unit) = wish.min.first_above(most) {
            return Err(Refusal::NeverFits { unit, period: None, limit: most[unit] });
        }
        match self.periods.below(wish.min) {
            Some(PeriodLimit { unit, period, most }) => {
                Err(Refusal::NeverFits { unit, period: Some(period), limit: most })
            }
            None => Ok(()),
        }
    }

    /// The open window, or the next one when asked for it or when the open one is as good as over.
    fn place(&self, ahead: bool, now: &Now) -> Result<Place, Refusal> {
        let span = now.window;
        let ends_ms = now.steady_ms + self.policy.life_ms;
        if self.policy.kind == WindowKind::Rolling {
            return Ok(Place { window: span.number, starts_ms: now.steady_ms, ends_ms });
        }
        let last_ms = span.ends_ms.saturating_sub(self.policy.guard_ms);
        if ahead && now.window_ends_in_ms() > AHEAD_MS {
            return Err(Refusal::TooEarly { in_ms: now.window_ends_in_ms() - AHEAD_MS });
        }
        if ahead || now.steady_ms + SHORTEST_LIFE_MS > last_ms {
            let ends_ms = span.ends_ms + self.policy.life_ms;
            return Ok(Place { window: span.number + 1, starts_ms: span.ends_ms, ends_ms });
        }
        Ok(Place { window: span.number, starts_ms: now.steady_ms, ends_ms: ends_ms.min(last_ms) })
    }
}

/// Whether a lease was granted to this wish, as far as its request tells.
fn may_be_of(lease: &Lease, wish: &Wish) -> bool {
    lease.request.print().is_none_or(|known| known == WishPrint::of(wish))
        && wish.min.fits(lease.granted())
        && lease.granted().fits(wish.want)
}
