use std::time::Duration;

use quota_api::Lease;
use quota_units::{Amount, MAX_LIMIT};

use super::{Grant, LeaseNo, LeaseSample};
use crate::{Moment, Pace};

/// Less by a thousandth and by this, since the wire took time and clocks run apart (R6).
const GUARD: Duration = Duration::from_millis(5);
/// So long after a lease's end the server still hears of its usage.
const REPORTED_FOR: Duration = Duration::from_secs(600);

/// A lease, as its holder keeps account of it: until it has ended, its permits are settled, and the
/// server has acknowledged what was used and what was given back.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) no: LeaseNo,
    pub(super) id: String,
    pub(super) amount: Amount,
    pub(super) not_before: Moment,
    pub(super) not_after: Moment,
    /// From when on it could be drawn from.
    pub(super) opened: Moment,
    /// Until when a return earns credit in its window.
    credit_ends: Moment,
    /// Until when it comes back to something, if only to a longer period.
    returns_end: Moment,
    pub(super) is_closed: bool,
    /// The owner of the pool has ended it.
    pub(super) is_swept: bool,
    pub(super) free: Amount,
    in_flight: Amount,
    drawn: Amount,
    used: UsageTotals,
    given_back: Back,
}

/// Running totals of what was used, as they are and as the server has acknowledged them.
#[derive(Debug, Clone, Copy, Default)]
struct UsageTotals {
    now: (Amount, Amount),
    acked: (Amount, Amount),
}

/// The running total of what was taken out, as it is and as the server has acknowledged it.
#[derive(Debug, Clone, Copy, Default)]
struct Back {
    now: Amount,
    acked: Amount,
    is_close_acked: bool,
}

impl Held {
    /// The lease of an answer that came at `now` to a request of `sent_at`.
    pub(super) fn new(no: LeaseNo, lease: Lease, sent_at: Moment, now: Moment, pace: Pace) -> Self {
        let not_before =
            if lease.starts_in_ms == 0 { sent_at } else { now + longer(lease.starts_in_ms) };
        let amount = Amount::new(lease.tokens, lease.requests);
        let not_after = sent_at + shorter(lease.expires_in_ms, pace);
        let mut held = Self {
            no,
            id: lease.lease_id,
            amount,
            not_before,
            not_after,
            opened: not_before.max(now),
            credit_ends: now + Duration::from_millis(lease.window.ends_in_ms),
            returns_end: now
                + Duration::from_millis(
                    lease.window.returns_in_ms.unwrap_or_default().max(lease.window.ends_in_ms),
                ),
            is_closed: false,
            is_swept: false,
            free: amount,
            in_flight: Amount::default(),
            drawn: Amount::default(),
            used: UsageTotals::default(),
            given_back: Back::default(),
        };
        if not_after <= now {
            // The answer came too late to draw from it, so all of it can go back.
            held.refuse();
        }
        held
    }

    /// Nothing was drawn from it, nor will be.
    pub(super) fn refuse(&mut self) {
        self.is_closed = true;
        self.took(self.amount);
    }

    /// The lease, for the owner of the pool, unless it came too late.
    pub(super) fn grant(&self, deployment: super::DeploymentNo) -> Option<Grant> {
        (!self.is_closed).then_some(Grant {
            deployment,
            no: self.no,
            amount: self.amount,
            not_before: self.not_before,
            not_after: self.not_after,
        })
    }

    /// Takes a sample in, and answers with what was drawn since the last one, and with what was
    /// used since then beyond the lease.
    pub(super) fn learn(&mut self, sample: &LeaseSample) -> (Amount, Amount) {
        let drawn = sample.used.saturating_add(sample.in_flight).saturating_add(sample.refunded);
        let new = drawn.saturating_sub(self.drawn);
        self.drawn = drawn;
        self.free = sample.free;
        self.in_flight = sample.in_flight;
        let overrun = reportable(sample.overrun);
        let overrun_new = overrun.saturating_sub(self.used.now.1);
        self.used.now = (sample.used, overrun);
        (new, overrun_new)
    }

    /// Until when a return that is due at `now` is in time: for its window, or else for what else
    /// it comes back to.
    pub(super) fn in_time_until(&self, now: Moment) -> Moment {
        if now < self.credit_ends { self.credit_ends } else { self.returns_end }
    }

    /// Whether the server does not know yet how much was used beyond the lease.
    pub(super) fn owes_overrun(&self) -> bool {
        self.used.now.1 != self.used.acked.1
    }

    /// Whether permits of it are out.
    pub(super) fn is_in_flight(&self) -> bool {
        !self.in_flight.is_zero()
    }

    /// So much was taken out of it.
    pub(super) fn took(&mut self, amount: Amount) {
        self.given_back.now = self.given_back.now.saturating_add(amount);
        self.free = Amount::default();
        self.is_swept = true;
    }

    pub(super) fn is_open(&self, now: Moment) -> bool {
        !self.is_closed && self.not_before <= now
    }

    pub(super) fn is_future(&self, now: Moment) -> bool {
        !self.is_closed && now < self.not_before
    }

    /// What must be told of returns: the total, and whether it is closed. A close is news only
    /// while the lease lives and holds something that the server counts on.
    pub(super) fn return_due(&self, now: Moment) -> Option<(Amount, bool)> {
        let back = self.given_back;
        let kept = self.amount.saturating_sub(back.now).saturating_sub(self.used.acked.0);
        let closes =
            self.is_closed && !back.is_close_acked && now < self.not_after && !kept.is_zero();
        (now < self.returns_end && (back.now != back.acked || closes))
            .then_some((back.now, self.is_closed))
    }

    /// What must be told of usage: the used and the overrun total.
    pub(super) fn use_due(&self) -> Option<(Amount, Amount)> {
        (self.used.now != self.used.acked).then_some(self.used.now)
    }

    pub(super) fn return_acked(&mut self, total: Amount, closed: bool) {
        self.given_back.acked = total;
        self.given_back.is_close_acked |= closed;
    }

    pub(super) fn use_acked(&mut self, used: Amount, overrun: Amount) {
        self.used.acked = (used, overrun);
    }

    /// Whether nothing of it will ever change or must be told.
    pub(super) fn is_done(&self, now: Moment) -> bool {
        let is_settled = self.free.is_zero() && self.in_flight.is_zero();
        let is_told = self.return_due(now).is_none() && self.use_due().is_none();
        self.is_closed
            && (self.is_swept && is_settled && is_told || now >= self.not_after + REPORTED_FOR)
    }
}

/// More than any limit is as much as can be said.
fn reportable(overrun: Amount) -> Amount {
    overrun.min(Amount::of_each(MAX_LIMIT))
}

fn shorter(ms: u64, pace: Pace) -> Duration {
    let micros_each = if pace == Pace::True { 999 } else { 900 };
    Duration::from_micros(ms.saturating_mul(micros_each)).saturating_sub(GUARD)
}

fn longer(ms: u64) -> Duration {
    Duration::from_micros(ms.saturating_mul(1_001)).saturating_add(GUARD)
}

#[cfg(test)]
mod tests {
    use quota_api::{LeaseWindow, State, Usage, WindowKind};

    use super::*;

    fn lease(starts_in_ms: u64) -> Lease {
        Lease {
            lease_id: "1-1-1".to_owned(),
            deployment: "demo".to_owned(),
            tokens: 100,
            requests: 1,
            starts_in_ms,
            expires_in_ms: 10_000,
            window: LeaseWindow {
                kind: WindowKind::Minute,
                ends_in_ms: 60_000,
                returns_in_ms: None,
            },
            state: State::Ok,
            usage: Usage::default(),
        }
    }

    /// What is left of a lease goes back to the minute until that ends, and to a day for as long as
    /// the server says.
    #[test]
    fn a_return_is_due_for_as_long_as_it_comes_back_to_something() {
        let now = Moment::START + Duration::from_secs(100);
        for returns_in_ms in [None, Some(120_000)] {
            let mut lease = lease(0);
            lease.window.returns_in_ms = returns_in_ms;
            let mut held = Held::new(LeaseNo(1), lease, now, now, Pace::default());
            held.took(Amount::new(10, 0));
            let at = |secs| now + Duration::from_secs(secs);
            assert!(held.return_due(at(59)).is_some());
            assert_eq!(held.in_time_until(at(59)), at(60));
            assert_eq!(held.return_due(at(119)).is_some(), returns_in_ms.is_some());
            assert_eq!(held.return_due(at(120)), None);
        }
    }

    /// Nobody knows when in between the server counted: an end counts from the earliest time, a
    /// start from the latest.
    #[test]
    fn whatever_a_message_takes_it_makes_no_lease_longer() {
        let sent_at = Moment::START + Duration::from_secs(100);
        for took_ms in [0, 1, 400, 3_000] {
            let now = sent_at + Duration::from_millis(took_ms);
            let held = |lease| Held::new(LeaseNo(1), lease, sent_at, now, Pace::default());
            let (ahead, open) = (held(lease(5_000)), held(lease(0)));
            assert!(ahead.not_before >= now + Duration::from_secs(5), "{took_ms} ms");
            assert!(open.not_before <= now, "{took_ms} ms: it has begun");
            for held in [ahead, open] {
                assert!(held.not_after < sent_at + Duration::from_secs(10), "{took_ms} ms");
            }
        }
    }
}
