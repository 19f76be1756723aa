//! What the book should say, worked out from nothing but the list of all that happened.

use std::collections::BTreeMap;

use quota_core::{Amount, HolderId, LeaseId, Limit, Now, RequestKey, WindowKind};

#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) holder: HolderId,
    pub(crate) request: RequestKey,
    /// What was asked for: `min`, `want`, ahead.
    pub(crate) wish: (Amount, Amount, bool),
    pub(crate) is_closed: bool,
    pub(crate) amount: Amount,
    pub(crate) ends_ms: u64,
    /// Returns that earned credit, as they were told.
    pub(crate) returns: Vec<Amount>,
    /// Reports, with their times.
    pub(crate) reports: Vec<(u64, Amount, Amount)>,
}

impl Grant {
    fn given_back(&self) -> Amount {
        self.returns.iter().fold(Amount::ZERO, |most, total| most.max(*total))
    }

    /// Its holder is through with it.
    pub(crate) fn is_through(&self) -> bool {
        self.is_closed || self.given_back() == self.amount
    }

    fn used(&self) -> Amount {
        self.reports.iter().fold(Amount::ZERO, |most, (_, used, _)| most.max(*used))
    }

    fn overrun_after(&self, count: usize) -> Amount {
        self.reports[..count].iter().fold(Amount::ZERO, |most, (_, _, overrun)| most.max(*overrun))
    }
}

/// Every grant ever made, and nothing else.
#[derive(Debug, Default)]
pub(crate) struct Naive {
    pub(crate) grants: BTreeMap<LeaseId, Grant>,
}

impl Naive {
    pub(crate) fn outstanding(&self, kind: WindowKind, window: u64, now: &Now) -> Amount {
        self.charged(kind, window, now).fold(Amount::ZERO, |sum, grant| {
            sum.saturating_add(grant.amount).saturating_sub(grant.given_back())
        })
    }

    pub(crate) fn overrun(&self, kind: WindowKind, window: u64, now: &Now) -> Amount {
        let mut sum = Amount::ZERO;
        for (id, grant) in &self.grants {
            for count in 1..=grant.reports.len() {
                let added =
                    grant.overrun_after(count).saturating_sub(grant.overrun_after(count - 1));
                let counts = match kind {
                    WindowKind::Minute => id.window == window,
                    WindowKind::Rolling => grant.reports[count - 1].0 + 60_000 > now.steady_ms,
                };
                if counts {
                    sum = sum.saturating_add(added);
                }
            }
        }
        sum
    }

    fn spent(&self, kind: WindowKind, window: u64, now: &Now) -> Amount {
        self.outstanding(kind, window, now).saturating_add(self.overrun(kind, window, now))
    }

    pub(crate) fn room(&self, kind: WindowKind, limit: Limit, window: u64, now: &Now) -> Amount {
        limit.ceiling().saturating_sub(self.spent(kind, window, now))
    }

    /// Whether more is spent than the limit, in one unit at least: then nothing is granted.
    pub(crate) fn is_over(&self, kind: WindowKind, limit: Limit, window: u64, now: &Now) -> bool {
        !self.spent(kind, window, now).fits(limit.ceiling())
    }

    /// What a return should credit; `None` if it is more than was leased.
    pub(crate) fn credit(
        &self,
        id: LeaseId,
        total: Amount,
        kind: WindowKind,
        now: &Now,
    ) -> Option<Amount> {
        let grant = &self.grants[&id];
        let total = total.max(grant.given_back());
        if !total.saturating_add(grant.used()).fits(grant.amount) {
            return None;
        }
        Some(if self.is_in_time(id, kind, now) {
            total.saturating_sub(grant.given_back())
        } else {
            Amount::ZERO
        })
    }

    /// Whether a return of it still counts.
    pub(crate) fn is_in_time(&self, id: LeaseId, kind: WindowKind, now: &Now) -> bool {
        match kind {
            WindowKind::Minute => id.window >= now.window.number,
            WindowKind::Rolling => self.grants[&id].ends_ms + 60_000 > now.steady_ms,
        }
    }

    /// Whether a report of so much is more than the lease kept.
    pub(crate) fn is_too_much(&self, id: LeaseId, used: Amount) -> bool {
        let grant = &self.grants[&id];
        !used.max(grant.used()).saturating_add(grant.given_back()).fits(grant.amount)
    }

    pub(crate) fn of_request(&self, holder: HolderId, request: RequestKey) -> Option<LeaseId> {
        let mut grants = self.grants.iter().rev();
        grants
            .find(|(_, grant)| (grant.holder, grant.request) == (holder, request))
            .map(|(id, _)| *id)
    }

    fn charged(&self, kind: WindowKind, window: u64, now: &Now) -> impl Iterator<Item = &Grant> {
        let steady_ms = now.steady_ms;
        self.grants.iter().filter_map(move |(id, grant)| {
            let counts = match kind {
                WindowKind::Minute => id.window == window,
                WindowKind::Rolling => grant.ends_ms + 60_000 > steady_ms,
            };
            counts.then_some(grant)
        })
    }
}
