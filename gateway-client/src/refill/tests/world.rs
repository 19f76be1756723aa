//! A client of one deployment in virtual time, and a server that keeps the plainest book there is
//! and objects to whatever does not add up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use quota_api::{
    AcquireItem, Batch, BatchReply, Code, GiveBackItem, GivenBack, Item, Lease, LeaseWindow,
    Problem, State, Usage, UsagePair, UseRecorded, UsedItem, Which, WindowKind,
};

use quota_units::Amount;

use crate::pool::{Leases, Permit, Pool, Signals};
use crate::refill::{DeploymentNo, Failure, Refill, Sample, Waiting};
use crate::{Moment, Told};

pub(super) const fn tokens(tokens: u64) -> Amount {
    Amount::new(tokens, 1)
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Answered,
    RequestLost,
    AnswerLost,
}

pub(super) struct World {
    pub(super) now: Moment,
    pub(super) refill: Refill,
    pub(super) server: Server,
    pub(super) waiting: Vec<Amount>,
    pub(super) permits: Vec<Permit>,
    pub(super) pool: Arc<Pool>,
    no: DeploymentNo,
    leases: Leases,
    signals: Signals,
    is_rung: bool,
    /// A batch under way, and the answer that will come if none is lost.
    flight: Option<Batch>,
}

impl World {
    pub(super) fn new(limit: u64) -> Self {
        let mut refill = Refill::new("gw/1".to_owned());
        let pool = Arc::new(Pool::default());
        Self {
            now: Moment::START + Duration::from_secs(1_000),
            no: refill.add("demo"),
            refill,
            server: Server::new(limit),
            waiting: Vec::new(),
            permits: Vec::new(),
            leases: Leases::of(pool.clone()),
            pool,
            signals: Signals::default(),
            is_rung: false,
            flight: None,
        }
    }

    pub(super) fn pass(&mut self, ms: u64) {
        self.now = self.now + Duration::from_millis(ms);
        self.server.pass(ms);
    }

    /// Draws without waiting.
    pub(super) fn draw(&mut self, amount: Amount) -> bool {
        let Some(drawn) = self.pool.draw(amount, self.now) else {
            self.signals.denied(amount);
            self.signals.missed(amount);
            self.is_rung = true;
            return false;
        };
        self.is_rung |= drawn.is_low;
        self.permits.push(drawn.permit);
        true
    }

    pub(super) fn look(&mut self) {
        self.serve();
        let sample = self.sample();
        let orders = self.refill.look(self.no, &sample, self.now);
        for lease in orders.sweep {
            let amount = self.leases.sweep(lease);
            self.refill.took(self.no, lease, amount);
        }
        for lease in orders.retire {
            self.leases.retire(lease);
        }
        self.leases.warn(orders.warn);
    }

    /// What the client says now, if anything.
    pub(super) fn send(&mut self) -> Option<Batch> {
        let batch = self.refill.poll_request(self.now)?;
        assert!(self.flight.is_none(), "two messages at once");
        self.flight = Some(batch.clone());
        Some(batch)
    }

    /// The message under way meets its fate.
    pub(super) fn deliver(&mut self, fate: Fate) {
        let Some(batch) = self.flight.take() else {
            return;
        };
        let reply = (fate != Fate::RequestLost).then(|| self.server.beat(&batch));
        let away = Err(Failure::Away { retry_after: Duration::from_millis(50) });
        let answer = match (fate, reply) {
            (Fate::Answered, Some(reply)) => Ok(reply),
            _ => away,
        };
        for grant in self.refill.handle(answer, self.now, 500) {
            let (waiting, permits) = (&mut self.waiting, &mut self.permits);
            let now = self.now;
            self.leases.install(&grant, |draw| {
                waiting.retain(|amount| match draw(*amount, now) {
                    Some(permit) => {
                        permits.push(permit);
                        false
                    }
                    None => true,
                });
            });
        }
        self.refill.take_told(self.no);
    }

    /// Looks, sends and delivers, until there is nothing to say at this moment.
    pub(super) fn settle_down(&mut self) -> Vec<Batch> {
        let mut said = Vec::new();
        for _ in 0..20 {
            self.look();
            let Some(batch) = self.send() else {
                return said;
            };
            said.push(batch);
            self.deliver(Fate::Answered);
        }
        panic!("the client talks without end: {said:?}");
    }

    /// Lets time pass in small steps, with all that happens in it.
    pub(super) fn run(&mut self, ms: u64) -> Vec<Batch> {
        let mut said = Vec::new();
        for _ in 0..ms / 10 {
            self.pass(10);
            if std::mem::take(&mut self.is_rung) || self.refill.is_due(self.no, self.now) {
                self.look();
            }
            if let Some(batch) = self.send() {
                said.push(batch);
                self.deliver(Fate::Answered);
            }
        }
        said
    }

    pub(super) fn told(&self) -> &Told {
        self.refill.told(self.no)
    }

    fn serve(&mut self) {
        let (pool, permits, now) = (&self.pool, &mut self.permits, self.now);
        self.waiting.retain(|amount| match pool.draw(*amount, now) {
            Some(drawn) => {
                permits.push(drawn.permit);
                false
            }
            None => true,
        });
    }

    fn sample(&self) -> Sample {
        let told = self.refill.told(self.no);
        let free = self.waiting.iter().filter(|amount| told.denial(**amount, self.now).is_none());
        let mut waiting = Waiting { total: self.waiting.len(), ..Waiting::default() };
        for amount in free {
            if waiting.count == 0 {
                waiting.first = *amount;
            }
            waiting.count += 1;
            waiting.sum = waiting.sum.saturating_add(*amount);
        }
        Sample {
            leases: self.leases.sample(),
            waiting,
            missed: self.signals.take_missed(),
            denied: self.signals.take_denied(),
        }
    }
}

/// One window of one deployment, limited in tokens.
pub(super) struct Server {
    pub(super) limit: u64,
    /// What denials say.
    pub(super) state: State,
    pub(super) retry_after_ms: u64,
    /// Its ledger does not work.
    pub(super) is_broken: bool,
    /// The lease that it answers with, whatever is asked.
    pub(super) always: Option<String>,
    pub(super) leases: BTreeMap<String, Entry>,
    pub(super) window_left_ms: u64,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    pub(super) granted: Amount,
    pub(super) given_back: Amount,
    pub(super) used: Amount,
    pub(super) overrun: Amount,
    pub(super) is_closed: bool,
    left_ms: u64,
}

impl Server {
    fn new(limit: u64) -> Self {
        Self {
            limit,
            state: State::Exhausted,
            retry_after_ms: 30_000,
            is_broken: false,
            always: None,
            leases: BTreeMap::new(),
            window_left_ms: 30_000,
        }
    }

    pub(super) fn outstanding(&self) -> u64 {
        self.leases.values().map(|lease| lease.granted.tokens() - lease.given_back.tokens()).sum()
    }

    pub(super) fn used(&self) -> u64 {
        self.leases.values().map(|lease| lease.used.tokens()).sum()
    }

    pub(super) fn pass(&mut self, ms: u64) {
        if ms >= self.window_left_ms {
            self.leases.clear();
            self.window_left_ms += 60_000;
        }
        self.window_left_ms -= ms;
        for lease in self.leases.values_mut() {
            lease.left_ms = lease.left_ms.saturating_sub(ms);
        }
    }

    fn beat(&mut self, batch: &Batch) -> BatchReply {
        let give_back = batch.give_back.iter().map(|item| self.give_back(item));
        let give_back = give_back.collect();
        let used = batch.used.iter().map(|item| self.record(item)).collect();
        let acquire = batch.acquire.iter().map(|item| self.acquire(item));
        BatchReply { acquire: acquire.collect(), give_back, used }
    }

    fn acquire(&mut self, item: &AcquireItem) -> Item<Lease> {
        if self.is_broken {
            return broken();
        }
        if let Some(lease) = self.always.clone() {
            return Item::done(201, self.lease(&AcquireItem { request_id: lease, ..item.clone() }));
        }
        assert!(item.tokens.min <= item.tokens.want && item.requests.min <= item.requests.want);
        let left = self.limit - self.outstanding();
        if !self.leases.contains_key(&item.request_id) {
            if item.tokens.min > left {
                return Item::failed(self.denial());
            }
            let granted = Amount::new(item.tokens.want.min(left), item.requests.want);
            let entry = Entry { granted, left_ms: 2_000, ..Entry::default() };
            self.leases.insert(item.request_id.clone(), entry);
        }
        Item::done(201, self.lease(item))
    }

    fn lease(&self, item: &AcquireItem) -> Lease {
        let entry = &self.leases[&item.request_id];
        let is_next = item.window == Which::Next;
        Lease {
            lease_id: item.request_id.clone(),
            deployment: item.deployment.clone(),
            tokens: entry.granted.tokens(),
            requests: entry.granted.requests(),
            starts_in_ms: if is_next { self.window_left_ms } else { 0 },
            expires_in_ms: entry.left_ms + if is_next { self.window_left_ms } else { 0 },
            window: LeaseWindow {
                kind: WindowKind::Minute,
                ends_in_ms: self.window_left_ms + if is_next { 60_000 } else { 0 },
                returns_in_ms: None,
            },
            state: match self.state {
                State::Endgame => State::Endgame,
                _ => State::Ok,
            },
            usage: self.usage(),
        }
    }

    fn denial(&self) -> Problem {
        let problem = Problem::new(Code::Exhausted, "nothing left");
        Problem {
            state: Some(self.state),
            unit: Some(quota_api::Unit::Tokens),
            usage: Some(self.usage()),
            ..problem.retry_after_ms(self.retry_after_ms)
        }
    }

    fn usage(&self) -> Usage {
        let tokens =
            UsagePair { limit: Some(self.limit), outstanding: self.outstanding(), overrun: 0 };
        Usage { tokens, requests: UsagePair::default() }
    }

    fn give_back(&mut self, item: &GiveBackItem) -> Item<GivenBack> {
        if self.is_broken {
            return broken();
        }
        // A lease of a window that is over is not in the book any more.
        let mut over = Entry::default();
        let lease = self.leases.get_mut(&item.lease_id).unwrap_or(&mut over);
        let total = lease.given_back.max(Amount::new(item.tokens, item.requests));
        lease.given_back = total;
        lease.is_closed |= item.closed;
        lease.adds_up();
        Item::done(
            200,
            GivenBack {
                lease_id: item.lease_id.clone(),
                credited: Amount::ZERO.into(),
                given_back: total.into(),
            },
        )
    }

    fn record(&mut self, item: &UsedItem) -> Item<UseRecorded> {
        if self.is_broken {
            return broken();
        }
        let mut over = Entry::default();
        let lease = self.leases.get_mut(&item.lease_id).unwrap_or(&mut over);
        lease.used = lease.used.max(Amount::new(item.tokens, item.requests));
        lease.overrun = item.overrun.into();
        lease.adds_up();
        Item::done(
            200,
            UseRecorded {
                lease_id: item.lease_id.clone(),
                used: lease.used.into(),
                overrun: lease.overrun.into(),
            },
        )
    }
}

fn broken<T>() -> Item<T> {
    Item::failed(Problem::new(Code::LedgerUnavailable, "the disk is full"))
}

impl Entry {
    fn adds_up(&self) {
        let is_over = self.granted == Amount::default();
        let tokens = self.used.tokens() + self.given_back.tokens() <= self.granted.tokens();
        let requests = self.used.requests() + self.given_back.requests() <= self.granted.requests();
        assert!(is_over || tokens && requests, "more than it held: {self:?}");
    }
}
