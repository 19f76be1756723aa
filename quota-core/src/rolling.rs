//! What the last 60 s hold. A lease may be drawn from until its end, so its charge stays for 60 s
//! from that end: any two draws less than 60 s apart are then held together when the later of their
//! leases is granted, and no interval of 60 s sees more than the limit.

use std::collections::BTreeMap;

use crate::{Amount, LeaseId};

const PERIOD_MS: u64 = 60_000;

/// The charges of a rolling window, by when they leave it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rolling {
    grants: Held,
    overruns: Held,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Held {
    by_release: BTreeMap<(u64, LeaseId), Amount>,
    sum: Amount,
}

impl Held {
    fn add(&mut self, key: (u64, LeaseId), amount: Amount) {
        self.sum = self.sum.saturating_add(amount);
        let held = self.by_release.entry(key).or_default();
        *held = held.saturating_add(amount);
    }

    fn take(&mut self, key: (u64, LeaseId), amount: Amount) -> Amount {
        let Some(held) = self.by_release.get_mut(&key) else {
            return Amount::ZERO;
        };
        let taken = amount.min(*held);
        *held = held.saturating_sub(taken);
        self.sum = self.sum.saturating_sub(taken);
        taken
    }

    fn release(&mut self, steady_ms: u64) {
        while let Some(entry) = self.by_release.first_entry() {
            if entry.key().0 > steady_ms {
                break;
            }
            self.sum = self.sum.saturating_sub(entry.remove());
        }
    }
}

/// When the charge of a lease that ends at `ends_ms` leaves the last 60 s.
pub(crate) const fn released_ms(ends_ms: u64) -> u64 {
    ends_ms + PERIOD_MS
}

impl Rolling {
    pub(crate) fn grant(&mut self, lease: LeaseId, ends_ms: u64, amount: Amount) {
        self.grants.add((released_ms(ends_ms), lease), amount);
    }

    pub(crate) fn give_back(&mut self, lease: LeaseId, ends_ms: u64, amount: Amount) {
        self.grants.take((released_ms(ends_ms), lease), amount);
    }

    pub(crate) fn overrun(&mut self, lease: LeaseId, steady_ms: u64, amount: Amount) {
        if !amount.is_zero() {
            self.overruns.add((released_ms(steady_ms), lease), amount);
        }
    }

    pub(crate) fn release(&mut self, steady_ms: u64) {
        self.grants.release(steady_ms);
        self.overruns.release(steady_ms);
    }

    pub(crate) fn outstanding(&self) -> Amount {
        self.grants.sum
    }

    pub(crate) fn overrun_sum(&self) -> Amount {
        self.overruns.sum
    }

    /// When `wanted` more than what is free now will have been released, steady ms.
    pub(crate) fn freed_ms(&self, wanted: Amount) -> Option<u64> {
        let mut grants = self.grants.by_release.iter().peekable();
        let mut overruns = self.overruns.by_release.iter().peekable();
        let mut freed = Amount::ZERO;
        loop {
            let next_grant = grants.peek().map(|(key, _)| key.0);
            let next_overrun = overruns.peek().map(|(key, _)| key.0);
            let from_grants =
                next_grant.is_some_and(|at| next_overrun.is_none_or(|other| at <= other));
            let ((at_ms, _), amount) =
                if from_grants { grants.next()? } else { overruns.next()? };
            freed = freed.saturating_add(*amount);
            if wanted.fits(freed) {
                return Some(*at_ms);
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.grants.by_release.is_empty() && self.overruns.by_release.is_empty()
    }

    /// The sums are those of the parts.
    pub(crate) fn adds_up(&self) -> bool {
        [&self.grants, &self.overruns].into_iter().all(|held| {
            held.by_release.values().fold(Amount::ZERO, |sum, part| sum.saturating_add(*part))
                == held.sum
        })
    }
}
