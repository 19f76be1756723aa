//! What the book should say, worked out from nothing but the list of all that happened.

use std::collections::BTreeMap;

use quota_core::{
    Amount, HolderId, LeaseId, Limit, Now, Period, PeriodLimit, PeriodLimits, RequestKey,
    WindowKind,
};

#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) holder: HolderId,
    pub(crate) request: RequestKey,
    /// What was asked for: `min`, `want`, ahead.
    pub(crate) wish: (Amount, Amount, bool),
    pub(crate) is_closed: bool,
    pub(crate) amount: Amount,
    pub(crate) starts_ms: u64,
    pub(crate) ends_ms: u64,
    /// Returns that earned credit, as they were told.
    pub(crate) returns: Vec<Amount>,
    /// Reports, with their times.
    pub(crate) reports: Vec<(u64, Amount, Amount)>,
}

impl Grant {
    fn minutes(&self) -> (u64, u64) {
        (self.starts_ms / 60_000, (self.ends_ms - 1) / 60_000)
    }

    fn last_report_ms(&self) -> u64 {
        self.reports.iter().map(|(at_ms, ..)| *at_ms).max().unwrap_or(0)
    }

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
    /// Whether there are limits over further periods: then returns count for as long as windows are
    /// kept.
    pub(crate) has_periods: bool,
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
        let kept = if kind == WindowKind::Minute { 2 } else { 3 };
        self.has_periods && id.window + kept > now.window.number
            || match kind {
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

    /// The most that a further period has room for, as far as each lease by itself says; with
    /// `late`, as far as a book that lets all of a window go at once may make of it.
    pub(crate) fn period_room(&self, limit: &PeriodLimit, now: &Now, late: bool) -> u64 {
        let charged = self.grants.iter().map(|(id, grant)| {
            let overrun = grant.overrun_after(grant.reports.len());
            let (mut minutes, mut ends_ms) = (grant.minutes(), grant.ends_ms);
            if late {
                let of_window = self.grants.range(
                    LeaseId { window: id.window, number: 0 }..=LeaseId {
                        window: id.window,
                        number: u32::MAX,
                    },
                );
                for (_, other) in of_window {
                    let of = other.minutes();
                    minutes = (minutes.0.min(of.0), minutes.1.max(of.1));
                    ends_ms = ends_ms.max(other.ends_ms).max(other.last_report_ms());
                }
                // What is reported after the window counts from then on.
                minutes.1 = minutes.1.max(grant.last_report_ms() / 60_000);
            }
            let minute = now.steady_ms / 60_000;
            let counts = match limit.period {
                Period::Calendar { .. } => {
                    let hours = minutes.0 / 60..=minutes.1 / 60;
                    hours.contains(&(minute / 60)) || late && hours.contains(&((minute + 1) / 60))
                }
                Period::Rolling { secs } => {
                    let span_ms = u64::from(secs) * 1_000;
                    let late_ms = if late { span_ms / 128 + 1 } else { 0 };
                    ends_ms + span_ms + late_ms > now.steady_ms
                }
            };
            let charge = grant.amount.saturating_sub(grant.given_back()).saturating_add(overrun);
            if counts { charge.get(limit.unit) } else { 0 }
        });
        limit.most.saturating_sub(charged.sum())
    }

    /// Whether an ask of so much may be denied for one of these limits.
    pub(crate) fn may_be_short(&self, limits: &PeriodLimits, min: Amount, now: &Now) -> bool {
        let mut limits = limits.as_slice().iter();
        limits.any(|limit| {
            let room = self.period_room(limit, now, true);
            room == 0 || min.get(limit.unit) > room
        })
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
