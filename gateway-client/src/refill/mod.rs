//! When to ask for leases, how much, and what to give back: the client's half of the protocol, as a
//! machine without IO, clock, randomness or async.
//!
//! Time, samples of the pools and answers come in; messages, grants and orders go out. Whoever
//! drives it does, in a loop (the driver with real time and HTTP, a simulation with virtual time
//! and messages that it loses at will):
//!
//! 1. For each deployment that was rung for or [`Refill::is_due`]: [`Refill::look`] with a sample;
//!    carry out the orders; tell [`Refill::took`] what was taken out.
//! 2. If [`Refill::poll_request`] has a batch, send it. One is under way at a time.
//! 3. When the answer comes, or it is clear that it does not: [`Refill::handle`]; install the
//!    grants.
//! 4. Publish what [`Refill::take_told`] has, so that draws are denied without asking.
//! 5. Go on at [`Refill::poll_timeout`] at the latest.
//!
//! A denial is remembered, and draws are denied by it without asking. What is denied is asked for
//! again all the same, for all deployments in one message each `PROBE` at most: so a limit that is
//! raised is seen.
//!
//! What makes it safe: a grant is timed from before its request was sent; an unanswered request is
//! repeated under its id, to whichever server of the ledger; returns and usage are running totals,
//! repeated until acknowledged; and what is given back was taken out of the pool first and never
//! returns to it. The answer to a repeat is timed from before the repeat was sent: the ledger says
//! how long the lease still lasts, not how long it lasted when it was granted.

mod answers;
mod ask;
mod demand;
mod exchange;
mod held;
mod message;
mod probe;
mod renewal;
mod window;

#[cfg(test)]
mod tests;

use std::time::Duration;

use quota_api::{Batch, BatchReply};
use quota_units::Amount;

use crate::told::{Ban, Told};
use crate::{Moment, Pace};
use message::Flight;
use probe::{PROBE, Probes};
use renewal::Renewal;

pub(crate) use answers::is_trouble;
pub use exchange::{DeploymentNo, Grant, LeaseNo, LeaseSample, Orders, Sample, Waiting};

/// How often returns and usage are reported at most.
pub const BEAT: Duration = Duration::from_millis(250);

/// Why a batch brought no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The server was not reached, its answer was lost, or it cannot work just now; another one may
    /// be asked at once.
    Elsewhere,
    /// No server is left to ask.
    Away {
        /// When one may be asked again.
        retry_after: Duration,
    },
    /// The server refuses this client.
    Refused,
}

/// The machine: one for each client.
#[derive(Debug)]
pub struct Refill {
    holder: String,
    deployments: Vec<Renewal>,
    /// No server answered the last message, or it was refused.
    is_away: bool,
    next_try: Moment,
    flight: Option<Flight>,
    last_sent: Moment,
    requests: u64,
    leases: u64,
    probes: Probes,
    pace: Pace,
    is_shut: bool,
}

impl Refill {
    /// A machine that speaks for this holder, whose name no other process and no earlier life of
    /// this one may have used: requests are numbered from 0.
    #[must_use]
    pub fn new(holder: String) -> Self {
        Self {
            holder,
            deployments: Vec::new(),
            is_away: false,
            next_try: Moment::START,
            flight: None,
            last_sent: Moment::START,
            requests: 0,
            leases: 0,
            probes: Probes::default(),
            pace: Pace::default(),
            is_shut: false,
        }
    }

    /// Takes a deployment in. Each id once.
    pub fn add(&mut self, deployment: &str) -> DeploymentNo {
        let mut renewal = Renewal::new(deployment);
        if self.is_shut {
            renewal.shut();
            renewal.tell(|told| told.ban(Ban::on_all(crate::Reason::Closed, Moment::NEVER)));
        }
        self.deployments.push(renewal);
        DeploymentNo(self.deployments.len() - 1)
    }

    /// Decides about a deployment.
    pub fn look(&mut self, no: DeploymentNo, sample: &Sample, now: Moment) -> Orders {
        let (requests, probe_at) = (&mut self.requests, self.probes.next(now));
        self.deployments[no.0].look(sample, now, probe_at, || {
            *requests += 1;
            format!("r{requests}")
        })
    }

    /// So much was taken out of a lease, by an order to sweep it.
    pub fn took(&mut self, no: DeploymentNo, lease: LeaseNo, amount: Amount) {
        if let Some(held) = self.deployments[no.0].held(lease) {
            held.took(amount);
        }
    }

    /// Whether it is time to look at a deployment that did not call for it.
    #[must_use]
    pub fn is_due(&self, no: DeploymentNo, now: Moment) -> bool {
        self.deployments[no.0].due <= now
    }

    /// Draws are being denied: before long they should be counted, and it should be asked whether
    /// they still must be.
    pub fn note_denials(&mut self, no: DeploymentNo, now: Moment) {
        let at = self.probes.next(now);
        self.deployments[no.0].probe(at);
    }

    /// What to send now, if anything. The request must go out at once: `now` is its time.
    pub fn poll_request(&mut self, now: Moment) -> Option<Batch> {
        if self.message_due(now).is_none_or(|due| now < due) {
            return None;
        }
        let (batch, flight) = message::compose(&self.holder, &mut self.deployments, now);
        self.flight = Some(flight);
        self.last_sent = now;
        Some(batch)
    }

    /// Takes in the answer to the batch under way, which came at `now`, or its failure. `jitter`, a
    /// random number of thousandths, spreads what many clients would otherwise do at once.
    pub fn handle(
        &mut self,
        answer: Result<BatchReply, Failure>,
        now: Moment,
        jitter: u16,
    ) -> Vec<Grant> {
        let Some(flight) = self.flight.take() else {
            return Vec::new();
        };
        self.probes.spread(jitter);
        match answer {
            Ok(reply) => self.answered(flight, reply, now, jitter),
            Err(failure) => {
                self.lost(&flight);
                self.failed(failure, now);
                Vec::new()
            }
        }
    }

    /// When to go on at the latest, even if nothing happens.
    #[must_use]
    pub fn poll_timeout(&self, now: Moment) -> Moment {
        let looks = self.deployments.iter().map(|renewal| renewal.due);
        looks.chain(self.message_due(now)).min().unwrap_or(Moment::NEVER)
    }

    /// What is to be published about a deployment, if it changed.
    pub fn take_told(&mut self, no: DeploymentNo) -> Option<Told> {
        let renewal = &mut self.deployments[no.0];
        std::mem::take(&mut renewal.is_told_new).then(|| renewal.told.clone())
    }

    /// What is published about a deployment.
    #[must_use]
    pub fn told(&self, no: DeploymentNo) -> &Told {
        &self.deployments[no.0].told
    }

    /// How the clock that `now` is of goes, from now on. Leases that were timed by a better one go
    /// back.
    pub fn paced(&mut self, pace: Pace, now: Moment) {
        let is_worse = pace == Pace::Lost || pace == Pace::Slow && self.pace == Pace::True;
        // One that was lost is none to be trusted in full at once.
        self.pace = if pace == Pace::Lost { Pace::Slow } else { pace };
        if is_worse {
            self.distrust(now);
        }
    }

    /// Time passed that the clock did not count: no lease in hand ends when it should.
    fn distrust(&mut self, now: Moment) {
        if let Some(flight) = &mut self.flight {
            flight.is_doubtful = true;
        }
        for renewal in &mut self.deployments {
            renewal.drop_leases(now);
        }
    }

    /// No more leases: all that is held goes back.
    pub fn shut(&mut self) {
        self.is_shut = true;
        for renewal in &mut self.deployments {
            renewal.shut();
            renewal.tell(|told| told.ban(Ban::on_all(crate::Reason::Closed, Moment::NEVER)));
        }
    }

    /// Whether the server knows all that it should. After [`Refill::shut`] it is time to end.
    #[must_use]
    pub fn is_square(&self, now: Moment) -> bool {
        self.flight.is_none() && self.deployments.iter().all(|renewal| renewal.is_square(now))
    }

    /// When the next message should go out, as far as is known at `now`.
    fn message_due(&self, now: Moment) -> Option<Moment> {
        if self.flight.is_some() {
            return None;
        }
        let last_sent = self.last_sent;
        let due = self.deployments.iter().filter_map(|it| it.message_due(last_sent, now));
        Some(due.min()?.max(self.next_try))
    }
}
