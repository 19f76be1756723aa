//! Giving back and reporting usage: running totals, merged by maximum.

use super::Book;
use crate::lease::Lease;
use crate::{
    Amount, Event, HolderId, Imbalance, LateUse, LeaseId, Now, Outcome, Refusal, Report, Return,
    Returned, Used,
};

impl Book {
    pub(super) fn decide_give_back(
        &self,
        holder: HolderId,
        give_back: &Return,
        now: &Now,
    ) -> Result<(Outcome, Option<Event>), Refusal> {
        let id = give_back.lease;
        let Some(lease) = self.bucket(id.window).and_then(|bucket| bucket.find(id)) else {
            return self.return_of_old(holder, id, now);
        };
        if lease.holder != holder {
            return Err(Refusal::NotYours);
        }
        let total = lease.given_back().max(give_back.total);
        let closed = lease.closed || give_back.closed;
        check_total(lease, total, lease.used())?;
        // A further period is credited as long as the window's leases are kept.
        let earns = self.account.earns_credit(id, lease.ends_ms, now) || !self.periods.is_unused();
        if !earns {
            return Ok((returned(Amount::ZERO, lease.given_back()), None));
        }
        let credited = total.saturating_sub(lease.given_back());
        let changed = !credited.is_zero() || closed != lease.closed;
        let event = changed.then_some(Event::GivenBack { lease: id, total, closed });
        Ok((returned(credited, total), event))
    }

    /// A return to a window whose book is closed: too late for credit, and no fault of the
    /// holder's.
    fn return_of_old(
        &self,
        holder: HolderId,
        lease: LeaseId,
        now: &Now,
    ) -> Result<(Outcome, Option<Event>), Refusal> {
        match self.owner(lease) {
            Some(owner) if owner != holder => Err(Refusal::NotYours),
            None if !self.is_over(lease.window, now) => Err(Refusal::NoSuchLease),
            _ => Ok((returned(Amount::ZERO, Amount::ZERO), None)),
        }
    }

    pub(super) fn decide_use(
        &self,
        holder: HolderId,
        report: &Report,
    ) -> Result<(Outcome, Option<Event>), Refusal> {
        let id = report.lease;
        if self.owner(id).ok_or(Refusal::NoSuchLease)? != holder {
            return Err(Refusal::NotYours);
        }
        let (known, kept, is_late) = self.recorded(id).ok_or(Refusal::NoSuchLease)?;
        let used = known.used.max(report.used);
        let overrun = known.overrun.max(report.overrun);
        if !used.fits(kept) {
            return Err(Refusal::ExceedsLease);
        }
        let changed = (used, overrun) != (known.used, known.overrun);
        let overrun_added = overrun.saturating_sub(known.overrun);
        let late = (is_late && changed).then(|| LateUse {
            window: id.window,
            used: used.saturating_sub(known.used),
            overrun: overrun_added,
        });
        let event = changed.then_some(Event::Used { lease: id, used, overrun });
        Ok((Outcome::Used(Used { used, overrun, overrun_added, late }), event))
    }

    /// What is recorded of a lease's usage, what it kept of its amount, and whether its window's
    /// book is closed.
    fn recorded(&self, id: LeaseId) -> Option<(Used, Amount, bool)> {
        if let Some(bucket) = self.bucket(id.window) {
            let lease = bucket.find(id)?;
            return Some((known(lease.used(), bucket.overrun_of(id)), lease.kept(), false));
        }
        let late = self.late.find(id)?;
        Some((known(late.used, late.overrun), late.kept, true))
    }

    pub(super) fn enter_return(
        &mut self,
        id: LeaseId,
        total: Amount,
        closed: bool,
    ) -> Result<(), Imbalance> {
        let unknown = Imbalance::UnknownLease(id);
        let bucket = self.bucket_mut(id.window).ok_or(unknown)?;
        let ends_ms = bucket.find(id).ok_or(unknown)?.ends_ms;
        let credited = bucket.give_back(id, total, closed)?;
        self.account.credit(id, ends_ms, credited);
        self.periods.credit(id.window, credited);
        Ok(())
    }

    pub(super) fn enter_use(
        &mut self,
        id: LeaseId,
        used: Amount,
        overrun: Amount,
        now: &Now,
    ) -> Result<(), Imbalance> {
        let is_apart = self.apart.find(id).is_some();
        let added = match self.bucket_mut(id.window) {
            Some(bucket) => bucket.record(id, used, overrun)?,
            None if is_apart => self.apart.record(id, used, overrun)?,
            None => self.late.record(id, used, overrun)?,
        };
        self.account.overrun(id, added, now);
        self.periods.overrun(id.window, added, now);
        Ok(())
    }
}

fn check_total(lease: &Lease, given_back: Amount, used: Amount) -> Result<(), Refusal> {
    let sum = given_back.checked_add(used).ok_or(Refusal::ExceedsLease)?;
    if sum.fits(lease.granted()) { Ok(()) } else { Err(Refusal::ExceedsLease) }
}

fn returned(credited: Amount, given_back: Amount) -> Outcome {
    Outcome::Returned(Returned { credited, given_back })
}

const fn known(used: Amount, overrun: Amount) -> Used {
    Used { used, overrun, overrun_added: Amount::ZERO, late: None }
}
