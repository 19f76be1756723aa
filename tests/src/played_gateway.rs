//! One gateway of one deployment in virtual time: the client's own machine, pool and choice of
//! servers, and the draws that wait, as its driver runs them. Whoever plays it says what time it is
//! and carries its messages.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use gateway_client::pool::{self, Leases, Pool, Signals};
use gateway_client::refill::{DeploymentNo, Failure, LeaseNo, Refill, Sample, Waiting};
use gateway_client::servers::{Outcome, ServerNo, Servers};
use gateway_client::{Amount, Denied, Moment, Permit, Reason};
use quota_api::{Batch, BatchReply};
use reqwest::Url;

/// A draw that waits: the request's number, its size, and until when it waits.
#[derive(Debug, Clone, Copy)]
struct Waiter {
    request: usize,
    amount: Amount,
    deadline: Moment,
}

/// What became of a draw, by the request's number.
#[derive(Debug)]
pub enum Drawn {
    /// It may be sent. The lease that has less for it, by the server's name: none, if no lease has.
    Admitted(usize, Permit, Option<String>),
    /// It may not.
    Denied(usize),
}

/// What became of a message.
#[derive(Debug, Clone)]
pub enum Heard {
    /// It was answered.
    Reply(BatchReply),
    /// Another server is to be asked, at this URL.
    Standby(String),
    /// No answer came, or none that helps.
    Nothing,
}

/// A message under way.
#[derive(Debug)]
struct Call {
    server: ServerNo,
    sent_at: Moment,
}

/// The gateway.
#[derive(Debug)]
pub struct Gateway {
    clock: Drift,
    refill: Refill,
    servers: Servers,
    call: Option<Call>,
    no: DeploymentNo,
    pool: Arc<Pool>,
    leases: Leases,
    /// What the server calls them.
    names: BTreeMap<LeaseNo, String>,
    /// All that it was told of: the machine numbers them in their order.
    told: BTreeSet<String>,
    signals: Signals,
    waiters: VecDeque<Waiter>,
    is_rung: bool,
    jitter: u16,
    max_wait: Duration,
    /// Numbers batches, so that an answer that comes after its time-out is known.
    pub flight: u64,
    /// When it wakes by itself, µs of true time; 0 if not.
    pub wakes_us: u64,
    /// It does nothing any more.
    pub is_dead: bool,
}

/// A clock that starts anywhere and is fast or slow.
#[derive(Debug, Clone, Copy)]
pub struct Drift {
    /// What it showed at the beginning, µs.
    pub origin_us: u64,
    /// How much too fast it is, parts in a million.
    pub ppm: i64,
}

impl Drift {
    fn moment(self, true_us: u64) -> Moment {
        let off = i128::from(true_us) * i128::from(self.ppm) / 1_000_000;
        let us = i128::from(self.origin_us) + i128::from(true_us) + off;
        Moment::from_nanos(u64::try_from(us * 1_000).expect("a clock after its origin"))
    }

    /// The first whole µs of true time at which this clock shows `moment` or later.
    fn true_us(self, moment: Moment) -> u64 {
        let shown = i128::from(moment.nanos() / 1_000) - i128::from(self.origin_us);
        let us = shown * 1_000_000 / (1_000_000 + i128::from(self.ppm)) + 2;
        u64::try_from(us.max(0)).unwrap_or(u64::MAX)
    }
}

impl Gateway {
    /// One that calls itself `name`, of this deployment; a draw waits at most `max_wait_ms`, and
    /// `jitter` is what it spreads its messages by, in thousandths.
    #[must_use]
    pub fn new(
        name: String,
        deployment: &str,
        clock: Drift,
        servers: Servers,
        jitter: u16,
        max_wait_ms: u64,
    ) -> Self {
        let mut refill = Refill::new(name);
        let no = refill.add(deployment);
        let pool = Arc::<Pool>::default();
        Self {
            clock,
            refill,
            servers,
            call: None,
            no,
            leases: Leases::of(pool.clone()),
            names: BTreeMap::new(),
            told: BTreeSet::new(),
            pool,
            signals: Signals::default(),
            waiters: VecDeque::new(),
            is_rung: true,
            jitter,
            max_wait: Duration::from_millis(max_wait_ms),
            flight: 0,
            wakes_us: 0,
            is_dead: false,
        }
    }

    /// A request comes in: it is admitted or denied at once, or it waits.
    pub fn draw(&mut self, request: usize, amount: Amount, true_us: u64) -> Option<Drawn> {
        let now = self.clock.moment(true_us);
        if let Some((drawn, lease)) = draw(&self.pool, &self.leases, amount, now) {
            self.is_rung |= drawn.is_low;
            return Some(Drawn::Admitted(request, drawn.permit, self.name(lease)));
        }
        let denial = self.refill.told(self.no).denial(amount, now);
        let is_hopeless = denial.is_some_and(|denied| !may_pass(denied, self.max_wait));
        if is_hopeless {
            self.signals.denied(amount);
            return Some(Drawn::Denied(request));
        }
        self.waiters.push_back(Waiter { request, amount, deadline: now + self.max_wait });
        self.is_rung = true;
        None
    }

    /// Has a look, if it is time, and says what became of those who waited.
    pub fn attend(&mut self, true_us: u64) -> Vec<Drawn> {
        let now = self.clock.moment(true_us);
        if self.signals.has_denied() {
            self.refill.note_denials(self.no, now);
        }
        let mut drawn = Vec::new();
        if std::mem::take(&mut self.is_rung) || self.refill.is_due(self.no, now) {
            let (pool, leases) = (&self.pool, &self.leases);
            let from_pool = |amount| {
                let (drawn, lease) = draw(pool, leases, amount, now)?;
                Some((drawn.permit, lease))
            };
            let served = serve(&mut self.waiters, from_pool);
            drawn.extend(self.admitted(served));
            self.deny(now, &mut drawn);
            self.look(now);
        }
        self.deny(now, &mut drawn);
        drawn
    }

    /// What it has to say now, and to which server.
    pub fn send(&mut self, true_us: u64) -> Option<(String, Batch)> {
        let now = self.clock.moment(true_us);
        let batch = self.refill.poll_request(now)?;
        let target = self.servers.pick(now);
        self.call = Some(Call { server: target.no, sent_at: now });
        self.flight += 1;
        Some((target.origin.to_string(), batch))
    }

    /// Looks at another server if it is time, and perhaps goes there.
    pub fn spread(&mut self, true_us: u64, is_ready: impl Fn(&str) -> bool) {
        let now = self.clock.moment(true_us);
        if let Some(target) = self.servers.poll_probe(now) {
            let is_ready = is_ready(&target.origin.to_string());
            self.servers.probed(target.no, is_ready, now);
        }
    }

    /// What became of its batch.
    pub fn hear(&mut self, heard: Heard, true_us: u64) -> Vec<Drawn> {
        let now = self.clock.moment(true_us);
        let answer = self.answer(heard, now);
        let items = answer.iter().flat_map(|reply| reply.acquire.clone());
        for lease in items.filter_map(|item| item.body) {
            if self.told.insert(lease.lease_id.clone()) {
                self.names.insert(LeaseNo(self.told.len() as u64), lease.lease_id);
            }
        }
        let mut drawn = Vec::new();
        for grant in self.refill.handle(answer, now, self.jitter) {
            let (waiters, mut served) = (&mut self.waiters, Vec::new());
            self.leases.install(&grant, |draw| {
                served = serve(waiters, |amount| Some((draw(amount, now)?, Some(grant.no))));
            });
            drawn.extend(self.admitted(served));
            self.is_rung = true;
        }
        self.deny(now, &mut drawn);
        drawn
    }

    /// A permit was settled: what it returned may be of use.
    pub fn settled(&mut self) {
        self.is_rung |= !self.waiters.is_empty();
    }

    /// No more leases: all that is held goes back, and draws are denied.
    pub fn shut(&mut self) {
        self.refill.shut();
        self.is_rung = true;
    }

    /// Whether the server knows all that it should.
    #[must_use]
    pub fn is_square(&self, true_us: u64) -> bool {
        self.refill.is_square(self.clock.moment(true_us))
    }

    /// When to go on, µs of true time.
    #[must_use]
    pub fn next_us(&self, true_us: u64) -> u64 {
        let machine = self.refill.poll_timeout(self.clock.moment(true_us));
        let machine = machine.min(self.servers.poll_timeout());
        let waiters = self.waiters.iter().map(|waiter| waiter.deadline).min();
        self.clock.true_us(machine.min(waiters.unwrap_or(Moment::NEVER)))
    }

    /// What it is to the refill machine, once the choice of servers has heard of it.
    fn answer(&mut self, heard: Heard, now: Moment) -> Result<BatchReply, Failure> {
        let asked = Url::parse("http://0.0.0.0/v1/leases/batch").expect("a URL");
        let outcome = match &heard {
            Heard::Reply(_) => Outcome::Answered,
            Heard::Standby(location) => Outcome::Standby { asked: &asked, location },
            Heard::Nothing => Outcome::Lost { retry_after: None },
        };
        let call = self.call.take().expect("a message is under way");
        match (self.servers.heard(call.server, outcome, call.sent_at, now), heard) {
            (None, Heard::Reply(reply)) => Ok(reply),
            (failure, _) => Err(failure.unwrap_or(Failure::Elsewhere)),
        }
    }

    fn name(&self, lease: Option<LeaseNo>) -> Option<String> {
        self.names.get(&lease?).cloned()
    }

    fn admitted(&self, served: Vec<Served>) -> impl Iterator<Item = Drawn> {
        let admitted = |served: Served| {
            Drawn::Admitted(served.request, served.permit, self.name(served.lease))
        };
        served.into_iter().map(admitted)
    }

    fn look(&mut self, now: Moment) {
        let sample = Sample {
            leases: self.leases.sample(),
            waiting: self.waiting(now),
            missed: self.signals.take_missed(),
            denied: self.signals.take_denied(),
        };
        let orders = self.refill.look(self.no, &sample, now);
        for lease in &orders.sweep {
            let amount = self.leases.sweep(*lease);
            self.refill.took(self.no, *lease, amount);
        }
        for lease in &orders.retire {
            self.leases.retire(*lease);
            self.names.remove(lease);
        }
        self.leases.warn(orders.warn);
        self.refill.take_told(self.no);
    }

    fn waiting(&self, now: Moment) -> Waiting {
        let told = self.refill.told(self.no);
        let mut waiting = Waiting { total: self.waiters.len(), ..Waiting::default() };
        for waiter in self.waiters.iter().filter(|waiter| told.denial(waiter.amount, now).is_none())
        {
            if waiting.count == 0 {
                waiting.first = waiter.amount;
            }
            waiting.count += 1;
            waiting.sum = waiting.sum.saturating_add(waiter.amount);
        }
        waiting
    }

    /// Turns those away whose time is over, or for whom waiting is of no use.
    fn deny(&mut self, now: Moment, drawn: &mut Vec<Drawn>) {
        let told = self.refill.told(self.no);
        let signals = &self.signals;
        self.waiters.retain(|waiter| {
            let left = waiter.deadline.since(now);
            let denial = told.denial(waiter.amount, now);
            let is_hopeless = denial.is_some_and(|denied| !may_pass(denied, left));
            if left.is_zero() || is_hopeless {
                signals.denied(waiter.amount);
                drawn.push(Drawn::Denied(waiter.request));
                return false;
            }
            true
        });
    }
}

/// A draw that waited no longer.
struct Served {
    request: usize,
    permit: Permit,
    lease: Option<LeaseNo>,
}

fn serve(
    waiters: &mut VecDeque<Waiter>,
    draw: impl Fn(Amount) -> Option<(Permit, Option<LeaseNo>)>,
) -> Vec<Served> {
    let mut served = Vec::new();
    waiters.retain(|waiter| {
        let drawn = draw(waiter.amount).map(|(permit, lease)| Served {
            request: waiter.request,
            permit,
            lease,
        });
        let waits = drawn.is_none();
        served.extend(drawn);
        waits
    });
    served
}

/// A permit does not say which lease it is of, so this looks which has less for it.
fn draw(
    pool: &Pool,
    leases: &Leases,
    amount: Amount,
    now: Moment,
) -> Option<(pool::Drawn, Option<LeaseNo>)> {
    let before = leases.sample();
    let drawn = pool.draw(amount, now)?;
    let after = leases.sample();
    let from = before.iter().zip(&after).find(|(before, after)| before.free != after.free);
    Some((drawn, from.map(|(lease, _)| lease.no)))
}

/// Whether waiting is of use: only for what other holders are about to give back.
fn may_pass(denied: Denied, within: Duration) -> bool {
    denied.reason == Reason::Endgame && denied.retry_after <= within
}
