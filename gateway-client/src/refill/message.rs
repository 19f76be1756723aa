//! The one message: all that the deployments have to say, and what became of it.

use std::time::Duration;

use quota_api::limits::{MAX_BATCH_ITEMS, MAX_LIMIT};
use quota_api::{Amount, Batch, DeniedItem, GiveBackItem, UsedItem};

use super::amounts::is_nothing;
use super::ask::{Ask, Progress};
use super::renewal::{DENIED_LOOK, Renewal};
use super::{BEAT, DeploymentNo, LeaseNo};
use crate::Moment;

/// A batch under way: what its entries were about, in their order.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) sent_at: Moment,
    pub(super) acquire: Vec<DeploymentNo>,
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
    /// When this deployment wants a message to go out, if the last one went out at `last_sent`.
    pub(super) fn message_due(&self, last_sent: Moment, now: Moment) -> Option<Moment> {
        Some((last_sent + self.pause(now)?).max(self.reach.next_try))
    }

    /// How long after the last message: an ask goes at once, reports at the next beat.
    fn pause(&self, now: Moment) -> Option<Duration> {
        let returns = || self.leases.iter().any(|held| held.return_due(now).is_some());
        let uses = || self.leases.iter().any(|held| held.use_due().is_some());
        if self.ask.as_ref().is_some_and(Ask::is_ready) {
            Some(Duration::ZERO)
        } else if returns() {
            Some(if self.is_shut || self.is_scarce() { Duration::ZERO } else { BEAT })
        } else if uses() {
            Some(if self.is_shut { Duration::ZERO } else { BEAT })
        } else {
            (!is_nothing(self.denied)).then_some(DENIED_LOOK)
        }
    }
}

/// Collects what is to be said, as much as a batch takes; the rest is said in the next.
pub(super) fn compose(holder: &str, deployments: &mut [Renewal], now: Moment) -> (Batch, Flight) {
    let mut batch = Batch { holder: holder.to_owned(), ..Batch::default() };
    let mut flight =
        Flight { sent_at: now, acquire: Vec::new(), give_back: Vec::new(), used: Vec::new() };
    let able = deployments.iter_mut().enumerate().filter(|(_, it)| it.reach.next_try <= now);
    for (at, renewal) in able {
        let no = DeploymentNo(at);
        add_ask(renewal, no, &mut batch, &mut flight);
        add_returns(renewal, no, now, &mut batch, &mut flight);
        add_uses(renewal, no, &mut batch, &mut flight);
        add_denied(renewal, &mut batch);
    }
    (batch, flight)
}

fn add_ask(renewal: &mut Renewal, no: DeploymentNo, batch: &mut Batch, flight: &mut Flight) {
    let Some(ask) = renewal.ask.as_mut().filter(|ask| ask.is_ready()) else {
        return;
    };
    if batch.acquire.len() < MAX_BATCH_ITEMS {
        ask.progress = Progress::Sent;
        batch.acquire.push(ask.item(&renewal.id));
        flight.acquire.push(no);
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
            tokens: total.tokens,
            requests: total.requests,
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
            tokens: used.tokens,
            requests: used.requests,
            overrun,
        });
        flight.used.push(Used { deployment: no, lease: held.no, used, overrun });
    }
}

/// Said once: a statistic may get lost with its message.
fn add_denied(renewal: &mut Renewal, batch: &mut Batch) {
    if is_nothing(renewal.denied) || batch.denied.len() == MAX_BATCH_ITEMS {
        return;
    }
    let denied = std::mem::take(&mut renewal.denied);
    batch.denied.push(DeniedItem {
        deployment: renewal.id.clone(),
        tokens: denied.tokens.min(MAX_LIMIT),
        requests: denied.requests.min(MAX_LIMIT),
    });
}
