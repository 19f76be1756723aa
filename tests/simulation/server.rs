//! The quota server, reduced to its book and its journal: what is granted is what the real one
//! grants, since both ask `quota-core`.

use std::collections::BTreeMap;

use quota_api::{
    AcquireItem, Batch, BatchReply, Code, GiveBackItem, GivenBack, Item, Lease, LeaseWindow,
    Problem, State, Usage, UsagePair, UseRecorded, UsedItem, Which,
};
use quota_core::{
    Amount, Book, Command, Denial, Event, HolderId, LeaseId, Limit, Now, Outcome, PeriodLimits,
    Policy, Reading, Refusal, Report, RequestKey, Return, Settlement, Standing, Timekeeper,
    WindowKind, Wish,
};

use crate::plan::Plan;

/// When the run begins, on the wall: a whole minute.
const BEGIN_MS: u64 = 29_384_640 * 60_000;

pub(crate) const DEPLOYMENT: &str = "simulated";

pub(crate) struct Server {
    policy: Policy,
    book: Book,
    keeper: Timekeeper,
    journal: Vec<(Event, Now)>,
    holders: BTreeMap<String, HolderId>,
    requests: BTreeMap<String, RequestKey>,
    /// Down after a crash, until this time.
    pub(crate) down_until_us: u64,
}

impl Server {
    pub(crate) fn new(plan: &Plan) -> Self {
        let policy = Policy {
            limit: Limit::new(Some(plan.tpm_limit), plan.rpm_limit),
            kind: plan.kind,
            life_ms: if plan.kind == WindowKind::Minute { 2_000 } else { 1_000 },
            guard_ms: 200,
            settlement: Settlement::Refund,
            periods: PeriodLimits::default(),
        };
        Self {
            book: Book::new(policy.clone()),
            policy,
            keeper: Timekeeper::start(reading(0)),
            journal: Vec::new(),
            holders: BTreeMap::new(),
            requests: BTreeMap::new(),
            down_until_us: 0,
        }
    }

    /// The memory is gone; what the journal has is all there is.
    pub(crate) fn crash(&mut self, back_at_us: u64) {
        self.down_until_us = back_at_us;
        self.book = Book::new(self.policy.clone());
        for (event, now) in &self.journal {
            self.book.replay(event, now).expect("what was journaled can be replayed");
        }
        self.book.audit().expect("the book adds up after a crash");
    }

    /// Whether a holder has a lease that may be drawn from, by the ledger's own clock.
    pub(crate) fn lets_draw(&mut self, holder: &str, at_us: u64) -> bool {
        let now = self.keeper.at(reading(at_us));
        let Some(holder) = self.holders.get(holder) else { return false };
        let held = self.book.held(&now);
        held.iter().any(|lease| lease.holder == *holder && lease.starts_in_ms == 0)
    }

    /// Whether leases that are granted now say so.
    pub(crate) fn is_in_endgame(&mut self, at_us: u64) -> bool {
        let now = self.keeper.at(reading(at_us));
        self.book.standing(&now).state == quota_core::State::Endgame
    }

    /// Answers one holder's beat: returns first, then reports, then wishes.
    pub(crate) fn answer(&mut self, batch: &Batch, at_us: u64) -> BatchReply {
        let now = self.keeper.at(reading(at_us));
        let next = HolderId(u32::try_from(self.holders.len()).expect("few holders"));
        let holder = *self.holders.entry(batch.holder.clone()).or_insert(next);
        let give_back =
            batch.give_back.iter().map(|item| self.give_back(holder, item, &now)).collect();
        let used = batch.used.iter().map(|item| self.record(holder, item, &now)).collect();
        let acquire = batch.acquire.iter().map(|item| self.acquire(holder, item, &now)).collect();
        self.book.audit().expect("the book adds up after every message");
        BatchReply { acquire, give_back, used }
    }

    fn tell(&mut self, command: &Command, now: &Now) -> Result<Outcome, Refusal> {
        let (outcome, event) = self.book.apply(command, now)?;
        self.journal.extend(event.map(|event| (event, *now)));
        Ok(outcome)
    }

    fn acquire(&mut self, holder: HolderId, item: &AcquireItem, now: &Now) -> Item<Lease> {
        let fresh = RequestKey(self.requests.len() as u128);
        let name = format!("{}/{}", holder.0, item.request_id);
        let wish = Wish {
            request: *self.requests.entry(name).or_insert(fresh),
            min: Amount::new(item.tokens.min, item.requests.min),
            want: Amount::new(item.tokens.want, item.requests.want),
            ahead: item.window == Which::Next,
        };
        match self.tell(&Command::Acquire(holder, wish), now) {
            Ok(Outcome::Granted(granted)) => {
                let standing = self.book.standing_with(granted.lease, now);
                let lease = Lease {
                    lease_id: granted.lease.to_string(),
                    deployment: item.deployment.clone(),
                    tokens: granted.amount.tokens(),
                    requests: granted.amount.requests(),
                    starts_in_ms: granted.starts_in_ms,
                    expires_in_ms: granted.expires_in_ms,
                    window: LeaseWindow {
                        kind: wire_kind(self.policy.kind),
                        ends_in_ms: granted.credit_ends_in_ms,
                        returns_in_ms: None,
                    },
                    state: state(standing.state),
                    usage: usage(&standing),
                };
                Item::done(201, lease)
            }
            Ok(other) => panic!("an acquire came to {other:?}"),
            Err(Refusal::Denied(denial)) => Item::failed(denied(&denial, &self.book.standing(now))),
            Err(Refusal::TooEarly { in_ms }) => {
                Item::failed(Problem::new(Code::TooEarly, "too early").retry_after_ms(in_ms))
            }
            Err(Refusal::NeverFits { .. }) => Item::failed(Problem::new(Code::NeverFits, "never")),
            // A repeat that was long under way.
            Err(Refusal::LeaseClosed) => {
                Item::failed(Problem::new(Code::LeaseClosed, "it was closed since"))
            }
            Err(other) => panic!("an acquire was refused: {other}"),
        }
    }

    fn give_back(&mut self, holder: HolderId, item: &GiveBackItem, now: &Now) -> Item<GivenBack> {
        let total = Amount::new(item.tokens, item.requests);
        let give_back = Return { lease: lease(&item.lease_id), total, closed: item.closed };
        let told = self.tell(&Command::GiveBack(holder, give_back), now);
        match told.expect("a client gives back what it has") {
            Outcome::Returned(returned) => Item::done(
                200,
                GivenBack {
                    lease_id: item.lease_id.clone(),
                    credited: wire(returned.credited),
                    given_back: wire(returned.given_back),
                },
            ),
            other => panic!("a return came to {other:?}"),
        }
    }

    fn record(&mut self, holder: HolderId, item: &UsedItem, now: &Now) -> Item<UseRecorded> {
        let used = Amount::new(item.tokens, item.requests);
        let overrun = Amount::new(item.overrun.tokens, item.overrun.requests);
        let report = Report { lease: lease(&item.lease_id), used, overrun };
        match self.tell(&Command::Use(holder, report), now) {
            Ok(Outcome::Used(known)) => Item::done(
                200,
                UseRecorded {
                    lease_id: item.lease_id.clone(),
                    used: wire(known.used),
                    overrun: wire(known.overrun),
                },
            ),
            Err(Refusal::NoSuchLease) => {
                Item::failed(Problem::new(Code::LeaseNotFound, "forgotten"))
            }
            other => panic!("a report came to {other:?}"),
        }
    }
}

fn reading(at_us: u64) -> Reading {
    Reading { steady_ms: at_us / 1_000, wall_ms: BEGIN_MS + at_us / 1_000 }
}

fn lease(text: &str) -> LeaseId {
    text.parse().expect("a lease id of ours")
}

fn wire(amount: Amount) -> quota_api::Amount {
    amount.into()
}

fn wire_kind(kind: WindowKind) -> quota_api::WindowKind {
    match kind {
        WindowKind::Minute => quota_api::WindowKind::Minute,
        WindowKind::Rolling => quota_api::WindowKind::Rolling,
    }
}

fn state(state: quota_core::State) -> State {
    match state {
        quota_core::State::Ok => State::Ok,
        quota_core::State::Endgame => State::Endgame,
        quota_core::State::Exhausted => State::Exhausted,
        quota_core::State::Quarantined => State::Quarantined,
    }
}

fn usage(standing: &Standing) -> Usage {
    Usage::by_unit(|unit| UsagePair {
        limit: standing.limit.get(unit),
        outstanding: standing.outstanding[unit],
        overrun: standing.overrun[unit],
    })
}

fn denied(denial: &Denial, standing: &Standing) -> Problem {
    Problem {
        state: Some(state(denial.state)),
        unit: Some(denial.unit),
        usage: Some(usage(standing)),
        ..Problem::new(Code::Exhausted, "not enough").retry_after_ms(denial.retry_after_ms)
    }
}
