//! A book with a clock of its own, told what happens in short sentences.

use quota_core::{
    Amount, Book, CalendarSpan, Command, Denial, Event, Granted, HolderId, LeaseId, Limit, Now,
    Outcome, Period, PeriodLimit, PeriodLimits, Policy, Refusal, Report, RequestKey, Return,
    Returned, Settlement, State, Unit, Used, WindowKind, WindowSpan, Wish,
};

pub(crate) const MINUTE_MS: u64 = 60_000;

pub(crate) fn policy(kind: WindowKind, tokens: u64, requests: u64) -> Policy {
    Policy {
        limit: Limit::new(Some(tokens), Some(requests)),
        kind,
        life_ms: if kind == WindowKind::Minute { 2_000 } else { 1_000 },
        guard_ms: 200,
        settlement: Settlement::Refund,
        periods: PeriodLimits::default(),
    }
}

pub(crate) fn hour(unit: Unit, most: u64) -> PeriodLimit {
    let period = Period::Calendar { span: CalendarSpan::Hour, offset_min: 0 };
    PeriodLimit { unit, period, most }
}

pub(crate) fn with_periods(mut policy: Policy, limits: &[PeriodLimit]) -> Policy {
    policy.periods = PeriodLimits::new(limits.to_vec()).expect("they are valid");
    policy
}

pub(crate) fn now(ms: u64) -> Now {
    let number = ms / MINUTE_MS;
    let window = WindowSpan {
        number,
        minute: number,
        opens_ms: number * MINUTE_MS,
        ends_ms: (number + 1) * MINUTE_MS,
    };
    Now { steady_ms: ms, window }
}

pub(crate) fn amount(tokens: u64, requests: u64) -> Amount {
    Amount::new(tokens, requests)
}

/// A book and all the events that it made, with their times.
pub(crate) struct World {
    pub(crate) book: Book,
    pub(crate) ms: u64,
    pub(crate) journal: Vec<(Event, Now)>,
    requests: u128,
}

impl World {
    pub(crate) fn new(policy: Policy) -> Self {
        Self { book: Book::new(policy), ms: 10 * MINUTE_MS, journal: Vec::new(), requests: 0 }
    }

    /// So many ms into the open window.
    pub(crate) fn at(&mut self, ms: u64) -> &mut Self {
        self.ms = self.ms / MINUTE_MS * MINUTE_MS + ms;
        self
    }

    pub(crate) fn tell(&mut self, command: &Command) -> Result<Outcome, Refusal> {
        let now = now(self.ms);
        let result = self.book.apply(command, &now);
        self.book.audit().expect("the book adds up after every step");
        self.book.audit_some(2).expect("and part by part, while it changes");
        let (outcome, event) = result?;
        self.journal.extend(event.map(|event| (event, now)));
        Ok(outcome)
    }

    pub(crate) fn ask(
        &mut self,
        holder: u32,
        request: u128,
        min: Amount,
        want: Amount,
        ahead: bool,
    ) -> Result<Granted, Refusal> {
        let wish = Wish { request: RequestKey(request), min, want, ahead };
        match self.tell(&Command::Acquire(HolderId(holder), wish))? {
            Outcome::Granted(granted) => Ok(granted),
            other => panic!("an acquire came to {other:?}"),
        }
    }

    /// Asks for exactly this much.
    pub(crate) fn acquire(&mut self, holder: u32, exactly: Amount) -> Result<Granted, Refusal> {
        self.requests += 1;
        self.ask(holder, self.requests, exactly, exactly, false)
    }

    pub(crate) fn acquire_ahead(
        &mut self,
        holder: u32,
        exactly: Amount,
    ) -> Result<Granted, Refusal> {
        self.requests += 1;
        self.ask(holder, self.requests, exactly, exactly, true)
    }

    pub(crate) fn give_back(
        &mut self,
        holder: u32,
        lease: LeaseId,
        total: Amount,
    ) -> Result<Returned, Refusal> {
        self.return_of(holder, lease, total, false)
    }

    pub(crate) fn return_of(
        &mut self,
        holder: u32,
        lease: LeaseId,
        total: Amount,
        closed: bool,
    ) -> Result<Returned, Refusal> {
        let give_back = Return { lease, total, closed };
        match self.tell(&Command::GiveBack(HolderId(holder), give_back))? {
            Outcome::Returned(returned) => Ok(returned),
            other => panic!("a return came to {other:?}"),
        }
    }

    pub(crate) fn close(&mut self, holder: u32, lease: LeaseId, total: Amount) {
        self.return_of(holder, lease, total, true).expect("a lease can be closed");
    }

    pub(crate) fn report(
        &mut self,
        holder: u32,
        lease: LeaseId,
        used: Amount,
        overrun: Amount,
    ) -> Result<Used, Refusal> {
        let report = Report { lease, used, overrun };
        match self.tell(&Command::Use(HolderId(holder), report))? {
            Outcome::Used(used) => Ok(used),
            other => panic!("a report came to {other:?}"),
        }
    }

    pub(crate) fn standing(&mut self) -> State {
        self.book.standing(&now(self.ms)).state
    }

    pub(crate) fn outstanding(&mut self) -> Amount {
        self.book.standing(&now(self.ms)).outstanding
    }
}

pub(crate) fn denial<T: std::fmt::Debug>(result: Result<T, Refusal>) -> Denial {
    match result {
        Err(Refusal::Denied(denial)) => denial,
        other => panic!("not a denial: {other:?}"),
    }
}
