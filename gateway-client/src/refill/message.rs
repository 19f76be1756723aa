//! The one message: all that the deployments have to say, and what became of it.

use std::time::Duration;

use quota_api::limits::MAX_BATCH_ITEMS;
use quota_api::{Batch, DeniedItem, GiveBackItem, State, UsedItem, Which};
use quota_units::{Amount, MAX_LIMIT, Unit};

use super::ask::{Ask, Progress};
use super::held::Held;
use super::renewal::Renewal;
use super::{BEAT, DeploymentNo, LeaseNo, PROBE};
use crate::Moment;

/// Reports that are pressing for nobody ride with the next ask, for so long at most: at less than a
/// few draws a second, a message of their own each beat would be one more for each draw.
const HOLD: Duration = Duration::from_secs(10);
/// So long before a return earns nothing any more it goes out.
const IN_TIME: Duration = Duration::from_secs(1);
/// Less than this part of what is left of a window is missed by nobody.
const MISSED_PART: u64 = 64;

/// A batch under way: what its entries were about, in their order.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) sent_at: Moment,
    /// The clock cannot say how long it has been under way.
    pub(super) is_doubtful: bool,
    pub(super) acquire: Vec<(DeploymentNo, Which)>,
    pub(super) give_back: Vec<Returned>,
    pub(super) used: Vec<Used>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Returned {
    pub(super) deployment: DeploymentNo,
    pub(super) lease: LeaseNo,
    pub(super) total: Amount,
    pub(super) closed: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Used {
    pub(super) deployment: DeploymentNo,
    pub(super) lease: LeaseNo,
    pub(super) used: Amount,
    pub(super) overrun: Amount,
}

impl Renewal {
    /// When this deployment wants a message to go out, if the last one went out at `last_sent`: an
    /// ask at once, reports at the next beat or with the next ask.
    pub(super) fn message_due(&self, last_sent: Moment, now: Moment) -> Option<Moment> {
        let mut due = None;
        if self.asks.iter().any(Ask::is_ready) {
            due = Some(last_sent);
        } else if let Some(reports) = self.reports_due(last_sent, now) {
            due = Some(reports);
        } else if !self.denied.is_zero() {
            due = Some(last_sent + PROBE);
        }
        Some(due?.max(self.reach.next_try))
    }

    fn reports_due(&self, last_sent: Moment, now: Moment) -> Option<Moment> {
        let returns = || self.leases.iter().filter(|held| held.return_due(now).is_some());
        let owes_returns = returns().next().is_some();
        if !owes_returns && !self.leases.iter().any(|held| held.use_due().is_some()) {
            return None;
        }
        if self.is_shut || owes_returns && self.is_scarce() {
            return Some(last_sent);
        }
        if !self.may_hold(now) {
            return Some(last_sent + BEAT);
        }
        let in_time = returns().map(|held| held.in_time_until(now).less(IN_TIME));
        Some(in_time.fold(last_sent + HOLD, Moment::min))
    }

    /// Whether what is not told yet is pressing for nobody: asks are rare, there is plenty, and
    /// what other holders could do with it is little.
    fn may_hold(&self, now: Moment) -> bool {
        let untold = |held: &&Held| held.return_due(now).is_some() || held.use_due().is_some();
        let held = self.leases.iter().filter(untold);
        let sum = held.clone().fold(Amount::default(), |sum, held| sum.saturating_add(held.amount));
        let part = sum.saturating_mul(MISSED_PART);
        let is_little = self.told.usage.is_some_and(|usage| {
            let is_little = |unit| usage.of(unit).remaining().is_none_or(|left| part[unit] <= left);
            Unit::ALL.into_iter().all(is_little)
        });
        is_little
            && self.told.state == Some(State::Ok)
            && self.is_rare()
            && !held.into_iter().any(Held::owes_overrun)
    }
}

/// Collects what is to be said, as much as a batch takes; the rest is said in the next.
pub(super) fn compose(holder: &str, deployments: &mut [Renewal], now: Moment) -> (Batch, Flight) {
    let mut batch = Batch { holder: holder.to_owned(), ..Batch::default() };
    let mut flight = Flight {
        sent_at: now,
        is_doubtful: false,
        acquire: Vec::new(),
        give_back: Vec::new(),
        used: Vec::new(),
    };
    let able = deployments.iter_mut().enumerate().filter(|(_, it)| it.reach.next_try <= now);
    for (at, renewal) in able {
        let no = DeploymentNo(at);
        add_asks(renewal, no, &mut batch, &mut flight);
        add_returns(renewal, no, now, &mut batch, &mut flight);
        add_uses(renewal, no, &mut batch, &mut flight);
        add_denied(renewal, &mut batch);
    }
    (batch, flight)
}

fn add_asks(renewal: &mut Renewal, no: DeploymentNo, batch: &mut Batch, flight: &mut Flight) {
    for ask in renewal.asks.iter_mut().filter(|ask| ask.is_ready()) {
        if batch.acquire.len() < MAX_BATCH_ITEMS {
            ask.progress = Progress::Sent;
            batch.acquire.push(ask.item(&renewal.id));
            flight.acquire.push((no, ask.which));
        }
    }
}

fn add_returns(
    renewal: &Renewal,
    no: DeploymentNo,
    now: Moment,
    batch: &mut Batch,
    flight: &mut Flight,
) {
    for held in &renewal.leases {
        let Some((total, closed)) = held.return_due(now) else {
            continue;
        };
        if batch.give_back.len() == MAX_BATCH_ITEMS {
            return;
        }
        batch.give_back.push(GiveBackItem {
            lease_id: held.id.clone(),
            tokens: total.tokens(),
            requests: total.requests(),
            closed,
        });
        flight.give_back.push(Returned { deployment: no, lease: held.no, total, closed });
    }
}

fn add_uses(renewal: &Renewal, no: DeploymentNo, batch: &mut Batch, flight: &mut Flight) {
    for held in &renewal.leases {
        let Some((used, overrun)) = held.use_due() else {
            continue;
        };
        if batch.used.len() == MAX_BATCH_ITEMS {
            return;
        }
        batch.used.push(UsedItem {
            lease_id: held.id.clone(),
            tokens: used.tokens(),
            requests: used.requests(),
            overrun: overrun.into(),
        });
        flight.used.push(Used { deployment: no, lease: held.no, used, overrun });
    }
}

/// Said once: a statistic may get lost with its message.
fn add_denied(renewal: &mut Renewal, batch: &mut Batch) {
    if renewal.denied.is_zero() || batch.denied.len() == MAX_BATCH_ITEMS {
        return;
    }
    let denied = std::mem::take(&mut renewal.denied).min(Amount::of_each(MAX_LIMIT));
    batch.denied.push(DeniedItem {
        deployment: renewal.id.clone(),
        tokens: denied.tokens(),
        requests: denied.requests(),
    });
}
