//! What the server's answers change.

use std::time::Duration;

use quota_api::{BatchReply, Code, Item, Lease, Problem, State, Usage, Which, WindowKind};
use quota_units::Amount;

use super::ask::{Ask, Progress};
use super::held::Held;
use super::message::Flight;
use super::renewal::Renewal;
use super::{DeploymentNo, Failure, Grant, LeaseNo, Refill};
use crate::Moment;
use crate::Reason;
use crate::told::{Ban, Told};

/// How long a refusal is remembered that only somebody's doing can lift.
const REFUSED_FOR: Duration = Duration::from_secs(1);
/// How long it is remembered that a size is above the limit, which may be raised.
const NEVER_FITS_FOR: Duration = Duration::from_secs(5);

impl Refill {
    pub(super) fn answered(
        &mut self,
        flight: Flight,
        reply: BatchReply,
        now: Moment,
        jitter: u16,
    ) -> Vec<Grant> {
        self.back();
        self.lost_beyond(&flight, reply.acquire.len());
        let mut grants = Vec::new();
        for ((no, which), item) in flight.acquire.into_iter().zip(reply.acquire) {
            let ask = self.deployments[no.0].asks.place(which).take();
            grants.extend(ask.and_then(|ask| {
                self.asked(no, ask, item, (flight.sent_at, flight.is_doubtful), now, jitter)
            }));
        }
        for (returned, item) in flight.give_back.into_iter().zip(reply.give_back) {
            let renewal = &mut self.deployments[returned.deployment.0];
            if renewal.is_taken(&item, now, jitter)
                && let Some(held) = renewal.held(returned.lease)
            {
                held.return_acked(returned.total, returned.closed);
            }
        }
        for (used, item) in flight.used.into_iter().zip(reply.used) {
            let renewal = &mut self.deployments[used.deployment.0];
            if renewal.is_taken(&item, now, jitter)
                && let Some(held) = renewal.held(used.lease)
            {
                held.use_acked(used.used, used.overrun);
            }
        }
        grants
    }

    /// The batch brought nothing: whether the server got it nobody knows.
    pub(super) fn lost(&mut self, flight: &Flight) {
        self.lost_beyond(flight, 0);
    }

    fn lost_beyond(&mut self, flight: &Flight, answered: usize) {
        for (no, which) in flight.acquire.iter().skip(answered) {
            let renewal = &mut self.deployments[no.0];
            if let Some(ask) = renewal.asks.place(*which) {
                ask.progress = Progress::Lost;
            }
            renewal.due = Moment::START;
        }
    }

    pub(super) fn failed(&mut self, failure: Failure, now: Moment) {
        let (reason, retry_after) = match failure {
            Failure::Elsewhere => return,
            Failure::Away { retry_after } => (Reason::NoServer, retry_after),
            Failure::Refused => (Reason::Refused, REFUSED_FOR),
        };
        let until = now + retry_after;
        self.is_away = true;
        self.next_try = until;
        for renewal in &mut self.deployments {
            renewal.tell(|told| {
                told.is_away = true;
                told.ban(Ban::on_all(reason, until));
            });
        }
    }

    fn back(&mut self) {
        if !std::mem::take(&mut self.is_away) {
            return;
        }
        self.next_try = Moment::START;
        for renewal in &mut self.deployments {
            renewal.tell(|told| {
                told.is_away = false;
                told.lift(Reason::NoServer);
                told.lift(Reason::Refused);
            });
        }
    }

    fn asked(
        &mut self,
        no: DeploymentNo,
        ask: Ask,
        item: Item<Lease>,
        (sent_at, is_doubtful): (Moment, bool),
        now: Moment,
        jitter: u16,
    ) -> Option<Grant> {
        let renewal = &mut self.deployments[no.0];
        renewal.due = Moment::START;
        let lease = match item.into_result() {
            Ok(lease) => lease,
            Err(problem) if is_trouble(problem.code) => {
                renewal.asks.put(Ask { progress: Progress::Lost, ..ask });
                renewal.troubled(problem.retry_after_ms, now, jitter);
                return None;
            }
            Err(problem) => {
                renewal.denied_by(&ask, &problem, now);
                return None;
            }
        };
        let is_early = renewal.hear(&lease, (sent_at, now), jitter);
        if is_early {
            self.distrust(now);
        }
        let is_doubtful = is_doubtful || is_early;
        let renewal = &mut self.deployments[no.0];
        if renewal.leases.iter().any(|held| held.id == lease.lease_id) {
            return None;
        }
        self.leases += 1;
        let mut held = Held::new(LeaseNo(self.leases), lease, sent_at, now, self.pace);
        if is_doubtful && !held.is_closed {
            held.refuse();
        }
        let grant = held.grant(no);
        renewal.leases.push(held);
        grant
    }
}

impl Renewal {
    pub(super) fn tell(&mut self, change: impl FnOnce(&mut Told)) {
        change(&mut self.told);
        self.is_told_new = true;
    }

    /// Whether a report needs no repeating: it was taken, or will never be.
    fn is_taken<T>(&mut self, item: &Item<T>, now: Moment, jitter: u16) -> bool {
        let Some(code) = item.failure() else {
            return true;
        };
        if is_trouble(code) {
            let retry_after_ms = item.problem.as_ref().and_then(|problem| problem.retry_after_ms);
            self.troubled(retry_after_ms, now, jitter);
            return false;
        }
        let problem = item.problem.as_ref().map(tracing::field::display);
        tracing::warn!(deployment = %self.id, status = item.status, problem, "a report was refused");
        true
    }

    /// The server answers, but cannot work for this deployment.
    fn troubled(&mut self, retry_after_ms: Option<u64>, now: Moment, jitter: u16) {
        if now < self.reach.next_try {
            return;
        }
        let retry_after = retry_after_ms.map(Duration::from_millis);
        self.reach.failed(retry_after, jitter, now);
        let until = self.reach.next_try;
        self.tell(|told| {
            told.is_away = true;
            told.ban(Ban::on_all(Reason::NoServer, until));
        });
    }

    /// What a lease tells of its deployment. Answers with whether the window ends so much sooner
    /// than was told before that the clock here must have stood still.
    fn hear(&mut self, lease: &Lease, (sent_at, now): (Moment, Moment), jitter: u16) -> bool {
        self.reach.succeeded();
        let is_current = lease.starts_in_ms == 0;
        let mut is_early = false;
        if lease.window.kind == WindowKind::Minute {
            let until_end = if is_current { lease.window.ends_in_ms } else { lease.starts_in_ms };
            let until_end = Duration::from_millis(until_end);
            is_early = self.window.heard((sent_at + until_end, now + until_end), jitter);
        }
        let window_ends = self.window.ends();
        self.tell(|told| {
            told.window_ends = window_ends;
            told.is_away = false;
            told.is_known = Some(true);
            if is_current {
                told.state = Some(lease.state);
                told.usage = Some(lease.usage);
                told.usage_at = now;
                if lease.state != State::Quarantined {
                    told.lift(Reason::Quarantined);
                }
                told.granted(Amount::new(lease.tokens, lease.requests));
                told.limited(&lease.usage);
                if lease.state == State::Ok {
                    lift_what_fits(told, &lease.usage);
                }
            }
        });
        is_early
    }

    fn denied_by(&mut self, ask: &Ask, problem: &Problem, now: Moment) {
        let retry_after = problem.retry_after_ms.map(Duration::from_millis);
        if ask.which == Which::Next {
            // Says nothing about the window that is open.
            if problem.code == Code::TooEarly {
                self.window.ask_ahead_at(now + retry_after.unwrap_or_default());
            }
            return;
        }
        let ban = ban(ask.min, problem, retry_after, now);
        self.reach.succeeded();
        self.tell(|told| {
            problem.usage.iter().for_each(|usage| told.limited(usage));
            told.ban(ban);
            told.is_away = false;
            told.is_known = Some(problem.code != Code::DeploymentNotFound);
            told.state = problem.state.or(told.state);
            if problem.usage.is_some() {
                told.usage = problem.usage;
                told.usage_at = now;
            }
        });
    }
}

/// The denial of an ask for so much.
fn ban(least: Amount, problem: &Problem, retry_after: Option<Duration>, now: Moment) -> Ban {
    let reason = match (problem.code, problem.state) {
        (Code::Exhausted, Some(State::Endgame)) => Reason::Endgame,
        (Code::Exhausted, Some(State::Quarantined)) => Reason::Quarantined,
        (Code::Exhausted | Code::Unknown(429), _) => Reason::Exhausted,
        (Code::NeverFits, _) => Reason::NeverFits,
        (Code::Quarantined, _) => Reason::Quarantined,
        (Code::DeploymentNotFound, _) => Reason::UnknownDeployment,
        _ => Reason::Refused,
    };
    match reason {
        Reason::Endgame | Reason::Exhausted | Reason::NeverFits => Ban {
            reason,
            until: now
                + match reason {
                    Reason::NeverFits => NEVER_FITS_FOR,
                    _ => retry_after.unwrap_or(REFUSED_FOR),
                },
            least,
            unit: problem.unit,
            of_window: problem.per.is_none(),
        },
        _ => Ban::on_all(reason, now + retry_after.unwrap_or(REFUSED_FOR)),
    }
}

/// Whether the server could not work, and the same ask makes sense again.
pub(crate) fn is_trouble(code: Code) -> bool {
    let of_this_ask = matches!(
        code,
        Code::Exhausted
            | Code::Quarantined
            | Code::TooEarly
            | Code::TooManyLeases
            | Code::NoRoom
            | Code::Unknown(429)
    );
    code.is_retryable() && !of_this_ask
}

/// There is room again: what was denied for want of it may be asked for.
fn lift_what_fits(told: &mut Told, usage: &Usage) {
    let left = Amount::by_unit(|unit| usage.of(unit).remaining().unwrap_or(u64::MAX));
    told.bans.retain(|ban| {
        let is_scarcity = matches!(ban.reason, Reason::Exhausted | Reason::Endgame);
        !(is_scarcity && ban.of_window && ban.fits(left))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(limit: u64) -> Usage {
        let mut usage = Usage::default();
        usage.tokens.limit = Some(limit);
        usage
    }

    /// How full the window is says nothing of a day: only a grant of that size does, or its own
    /// end.
    #[test]
    fn a_days_denial_is_not_lifted_by_what_is_left_of_a_minute() {
        for (code, per, stays) in [
            (Code::Exhausted, None, false),
            (Code::Exhausted, Some("day"), true),
            (Code::NeverFits, None, false),
            (Code::NeverFits, Some("day"), true),
        ] {
            let mut problem = Problem::new(code, "");
            problem.unit = Some(quota_api::Unit::Tokens);
            problem.per = per.map(ToOwned::to_owned);
            let now = Moment::START;
            let mut told = Told::default();
            let least = Amount::new(60, 1);
            told.ban(ban(least, &problem, Some(Duration::from_secs(9_000)), now));
            told.granted(Amount::new(59, 1));
            told.limited(&usage(1_000));
            lift_what_fits(&mut told, &usage(1_000));
            let is_denied = told.denial(least, now + Duration::from_millis(1)).is_some();
            assert_eq!(is_denied, stays, "{code:?} {per:?}");
            told.granted(least);
            assert!(told.denial(least, now).is_none());
        }
    }
}
