//! Events added up by themselves, beside the books.

use std::sync::Arc;

use quota_core::{Amount, Event, HolderId, Policy, WindowKind};
use rustc_hash::FxHashMap;

use super::VerifyError;
use super::report::Grant;
use crate::ledger::LeaseRef;
use crate::ledger::journaled::{Catalogue, is_complete};

/// What the entries so far add up to.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) entries: u64,
    pub(super) grants: Vec<Grant>,
    floor: u64,
    ids: FxHashMap<u32, Arc<str>>,
    policies: FxHashMap<u32, Policy>,
    holders: FxHashMap<HolderId, Arc<str>>,
    by_lease: FxHashMap<LeaseRef, usize>,
    /// Outstanding and overrun, by deployment and window.
    spent: FxHashMap<(u32, u64), Amount>,
}

impl Tally {
    pub(super) fn new(catalogue: &Catalogue) -> Self {
        let rows = || catalogue.deployments.iter();
        Self {
            entries: 0,
            grants: Vec::new(),
            floor: catalogue.kept.floor,
            ids: rows().map(|row| (row.no, row.id.clone())).collect(),
            policies: rows().map(|row| (row.no, row.policy.clone())).collect(),
            holders: FxHashMap::default(),
            by_lease: FxHashMap::default(),
            spent: FxHashMap::default(),
        }
    }

    pub(super) fn holder(&mut self, holder: HolderId, name: &str) {
        self.holders.insert(holder, name.into());
    }

    /// Adds an event up. Those on leases of windows that lack entries are passed over.
    pub(super) fn event(&mut self, deployment: u32, event: &Event) -> Result<(), VerifyError> {
        let of = |lease| LeaseRef { deployment, lease };
        match *event {
            Event::Granted { lease, holder, amount, starts_ms, ends_ms, .. } => {
                self.grant(of(lease), holder, amount, [starts_ms, ends_ms])
            }
            Event::GivenBack { lease, total, .. } => {
                self.change(of(lease), |grant| grant.given_back = total)
            }
            Event::Used { lease, used, overrun } => self.change(of(lease), |grant| {
                grant.used = used;
                grant.overrun = overrun;
            }),
            Event::PolicySet { ref policy } | Event::PeriodsSet { ref policy, .. } => {
                self.policies.insert(deployment, policy.clone());
                Ok(())
            }
            Event::Carried { .. } | Event::Summed { .. } | Event::Doubted { .. } => Ok(()),
        }
    }

    fn grant(
        &mut self,
        lease: LeaseRef,
        holder: HolderId,
        amount: Amount,
        [starts_ms, ends_ms]: [u64; 2],
    ) -> Result<(), VerifyError> {
        let Some(policy) = self.policies.get(&lease.deployment) else { return Ok(()) };
        let (kind, limit) = (policy.kind, policy.limit);
        if !is_complete(kind, lease.lease, self.floor) {
            return Ok(());
        }
        let name = |names: Option<&Arc<str>>| names.cloned().unwrap_or_else(|| "".into());
        let grant = Grant {
            lease,
            deployment: name(self.ids.get(&lease.deployment)),
            holder: name(self.holders.get(&holder)),
            amount,
            given_back: Amount::ZERO,
            used: Amount::ZERO,
            overrun: Amount::ZERO,
            starts_ms,
            ends_ms,
        };
        self.by_lease.insert(lease, self.grants.len());
        self.spend(lease, Amount::ZERO, charge(&grant));
        self.grants.push(grant);
        let spent = self.spent.get(&window_of(lease)).copied().unwrap_or_default();
        // A rolling limit is over any 60 s, not over a window: the replay checks that one.
        if kind == WindowKind::Minute && !spent.fits(limit.ceiling()) {
            return Err(VerifyError::OverLimit { lease, spent, limit });
        }
        Ok(())
    }

    fn change(
        &mut self,
        lease: LeaseRef,
        change: impl FnOnce(&mut Grant),
    ) -> Result<(), VerifyError> {
        let Some(grant) = self.by_lease.get(&lease).and_then(|at| self.grants.get_mut(*at)) else {
            return Ok(());
        };
        let before = charge(grant);
        change(grant);
        let after = charge(grant);
        let spoken_for = grant.given_back.checked_add(grant.used);
        if !spoken_for.is_some_and(|sum| sum.fits(grant.amount)) {
            let Grant { amount: held, given_back, used, .. } = *grant;
            return Err(VerifyError::Overdrawn { lease, held, given_back, used });
        }
        self.spend(lease, before, after);
        Ok(())
    }

    fn spend(&mut self, lease: LeaseRef, before: Amount, after: Amount) {
        let spent = self.spent.entry(window_of(lease)).or_default();
        *spent = spent.saturating_sub(before).saturating_add(after);
    }
}

const fn window_of(lease: LeaseRef) -> (u32, u64) {
    (lease.deployment, lease.lease.window)
}

/// What a lease takes of its window: what it kept, and what was used above it.
fn charge(grant: &Grant) -> Amount {
    grant.amount.saturating_sub(grant.given_back).saturating_add(grant.overrun)
}

#[cfg(test)]
mod tests {
    use quota_core::{LeaseId, Limit, PeriodLimits, RequestKey, Settlement};

    use super::*;
    use crate::ledger::journaled::{DeploymentRow, Kept};

    fn tally(limit: u64) -> Tally {
        let policy = Policy {
            limit: Limit::new(Some(limit), None),
            kind: WindowKind::Minute,
            life_ms: 2_000,
            guard_ms: 200,
            settlement: Settlement::Refund,
            periods: PeriodLimits::default(),
        };
        let (id, details) = ("a".into(), "{}".into());
        let row = DeploymentRow { no: 0, id, policy, details, version: 1, deleted: false };
        let kept = Kept::default();
        Tally::new(&Catalogue {
            deployments: vec![row],
            last_deployment: Some(0),
            kept,
            oldest_seq: 1,
        })
    }

    const fn lease(number: u32) -> LeaseId {
        LeaseId { window: 9, number }
    }

    fn granted(number: u32, tokens: u64) -> Event {
        Event::Granted {
            lease: lease(number),
            holder: HolderId(1),
            request: RequestKey(1),
            amount: Amount::new(tokens, 1),
            starts_ms: 0,
            ends_ms: 2_000,
        }
    }

    #[test]
    fn a_grant_above_the_limit_is_found() {
        let mut tally = tally(500);
        tally.event(0, &granted(0, 300)).unwrap();
        let total = Amount::new(100, 0);
        tally.event(0, &Event::GivenBack { lease: lease(0), total, closed: false }).unwrap();
        tally.event(0, &granted(1, 300)).unwrap();
        let wrong = tally.event(0, &granted(2, 1)).unwrap_err();
        assert_eq!(
            wrong.to_string(),
            "lease 0-9-2 takes its window to 501 tokens and 3 requests, above the limit: 500 tokens"
        );
    }

    #[test]
    fn an_overrun_leaves_less_to_grant() {
        let mut tally = tally(500);
        tally.event(0, &granted(0, 300)).unwrap();
        let (used, overrun) = (Amount::new(300, 1), Amount::new(50, 0));
        tally.event(0, &Event::Used { lease: lease(0), used, overrun }).unwrap();
        assert!(tally.event(0, &granted(1, 151)).is_err());
    }

    #[test]
    fn a_lease_that_was_spent_twice_is_found() {
        let mut tally = tally(500);
        tally.event(0, &granted(0, 300)).unwrap();
        let total = Amount::new(200, 0);
        tally.event(0, &Event::GivenBack { lease: lease(0), total, closed: false }).unwrap();
        let (used, overrun) = (Amount::new(101, 1), Amount::ZERO);
        let wrong = tally.event(0, &Event::Used { lease: lease(0), used, overrun }).unwrap_err();
        assert_eq!(
            wrong.to_string(),
            "lease 0-9-0 held 300 tokens and 1 requests, and gave back 200 tokens and 0 requests \
             and used 101 tokens and 1 requests"
        );
    }
}
