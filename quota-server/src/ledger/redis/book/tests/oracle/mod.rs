//! Random sequences of operations, answered as `quota_core::Book` answers them: amounts, hints,
//! states, windows, pages, and what comes into the history. Two servers of two builds take turns;
//! what Redis refuses while another script holds it up has not happened.

mod shown;
mod steps;

use std::collections::BTreeMap;

use quota_core::{
    Amount, Book, BookPage, CalendarSpan, Command, HolderId, LateUse, LeaseId, Now, Outcome,
    Period, PeriodLimit, PeriodLimits, Policy, Reading, Refusal, Report, RequestKey, Return,
    Settlement, Standing, Timekeeper, Unit, WindowKind, Wish,
};
use redis::Value;

use steps::{ALWAYS, OWNER, Op, Step, step};

use super::sequences;
use super::world::{World, busy, gw};
use crate::ledger::redis::book::{Answer, Mark, Operation};
use crate::ledger::redis::functions::Library;
use crate::ledger::redis::testing::TestRedis;

/// A book in Redis and the book that it must be.
struct Pair {
    /// Two servers, and which one calls.
    worlds: [World; 2],
    at: usize,
    port: u16,
    book: Book,
    time: Timekeeper,
    /// The server's steady clock and the ledger's time at the opening.
    opened_ms: (u64, u64),
    leases: Vec<(LeaseId, u32)>,
    /// How large they are.
    amounts: BTreeMap<LeaseId, Amount>,
    /// What was asked for.
    asked: Vec<(u32, Wish)>,
    /// What the history must come to: every page that was closed, with the usage that came late.
    closed: BTreeMap<u64, BookPage>,
    /// What it came to.
    history: BTreeMap<u64, BookPage>,
}

impl Pair {
    fn new(redis: &TestRedis, no: u32, policy: Policy) -> Self {
        let builds = [Library::with_manual_clock(), Library::of_another_build()];
        let mut worlds = builds.map(|library| World::by(library, redis, no));
        let mark = worlds[0].open(&policy, true);
        let [world, _] = &worlds;
        let time = Timekeeper::start(Reading { steady_ms: mark.ledger_ms, wall_ms: world.wall_ms });
        Self {
            opened_ms: (world.steady_ms, mark.ledger_ms),
            worlds,
            at: 0,
            port: redis.port,
            book: Book::new(policy),
            time,
            leases: Vec::new(),
            amounts: BTreeMap::new(),
            asked: Vec::new(),
            closed: BTreeMap::new(),
            history: BTreeMap::new(),
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Wait(ms) => self.worlds.iter_mut().for_each(|world| world.wait(ms)),
            Step::ClockJumps(ms) => self.worlds.iter_mut().for_each(|world| world.step_wall(ms)),
            Step::Other => {
                // What only looks is not written, so the time that one was told the other must
                // know.
                self.worlds[1 - self.at].seen = self.worlds[self.at].seen;
                self.at = 1 - self.at;
            }
            Step::Busy(op) => self.ask_in_vain(&op),
            Step::Run(ref ops) => self.run(ops),
            Step::SetLimit(limit) => self.set(Policy { limit, ..self.book.policy().clone() }),
            Step::SetPeriods(ref periods) => {
                let periods = periods.clone();
                self.set(Policy { periods, ..self.book.policy().clone() });
            }
            Step::SetLife { life_ms, guard_ms, refund } => {
                let settlement = if refund { Settlement::Refund } else { Settlement::None };
                self.set(Policy { life_ms, guard_ms, settlement, ..self.book.policy().clone() });
            }
            Step::Harvest { acknowledge } => self.harvest(acknowledge),
        }
        self.compare();
    }

    /// The oracle's time at what Redis answered. However Redis's clock is stepped, it runs as the
    /// steady clock does.
    fn now(&mut self, mark: &Mark) -> Now {
        let passed_ms = self.worlds[self.at].steady_ms - self.opened_ms.0;
        let off_ms = (mark.ledger_ms - self.opened_ms.1).abs_diff(passed_ms);
        assert!(off_ms <= passed_ms / 1_000 + 1, "{off_ms} ms off after {passed_ms} ms");
        let reading = Reading { steady_ms: mark.ledger_ms, wall_ms: self.worlds[self.at].wall_ms };
        let now = self.time.at(reading);
        assert_eq!(now.window.number, mark.window);
        now
    }

    fn apply(&mut self, command: &Command, mark: &Mark) -> Result<Outcome, Refusal> {
        let now = self.now(mark);
        let result = self.book.apply(command, &now).map(|(outcome, _)| outcome);
        self.book.audit().unwrap();
        self.note_closed();
        if let Ok(Outcome::Used(used)) = &result
            && let Some(late) = used.late
        {
            self.add_late(&late);
        }
        result
    }

    fn note_closed(&mut self) {
        for page in self.book.take_closed() {
            assert!(self.closed.insert(page.window, page).is_none(), "a window was closed twice");
        }
    }

    fn add_late(&mut self, late: &LateUse) {
        let page = self.closed.get_mut(&late.window).expect("it was closed");
        page.used = page.used.checked_add(late.used).unwrap();
        page.burnt = page.burnt.checked_sub(late.used).unwrap();
        page.overrun = page.overrun.checked_add(late.overrun).unwrap();
    }

    /// The oracle goes first, so that a call can name what it is about to be granted.
    fn run(&mut self, ops: &[Op]) {
        let mark = self.mark();
        let (mut callers, mut operations) = (Vec::new(), Vec::new());
        let (mut commands, mut expected) = (Vec::new(), Vec::new());
        for op in ops {
            let Some((holder, operation, command)) = self.told(op) else { continue };
            let result = self.apply(&command, &mark);
            expected.push(self.answer_of(&command, result, &mark));
            commands.push(command);
            callers.push(gw(holder));
            operations.push(operation);
        }
        if operations.is_empty() {
            return;
        }
        self.stand(&commands, &mut expected, &mark);
        let told = callers.iter().zip(operations.iter().copied());
        let command = self.worlds[self.at].call().run(&self.worlds[self.at].library, told);
        let (after, answer) = self.worlds[self.at].ask(&command);
        assert_eq!((after.ledger_ms, answer), (mark.ledger_ms, Answer::Ran(expected)));
    }

    /// Redis is held up by a script: it does nothing of what it is asked for.
    fn ask_in_vain(&mut self, op: &Op) {
        let Some((holder, operation, _)) = self.told(op) else { return };
        let world = &mut self.worlds[self.at];
        let command = world.call().run(&world.library, [(&gw(holder), operation)]);
        let refused = busy(self.port, || command.query::<Value>(&mut world.redis).unwrap_err());
        assert_eq!(refused.code(), Some("BUSY"), "{refused}");
    }

    /// Standings are those after all of a call.
    fn stand(&mut self, commands: &[Command], answers: &mut [Answer], mark: &Mark) {
        let now = self.now(mark);
        for (command, answer) in commands.iter().zip(answers) {
            match (command, answer) {
                (_, Answer::Granted(granted, standing)) => {
                    *standing = self.book.standing_with(granted.lease, &now);
                }
                (Command::Acquire(_, wish), Answer::Refused(_, Some(standing))) => {
                    *standing = self.standing_of_denied(wish.ahead, &now);
                }
                _ => {}
            }
        }
    }

    fn told(&mut self, op: &Op) -> Option<(u32, Operation, Command)> {
        Some(match *op {
            Op::Acquire { holder, request, min, more, ahead } => {
                let (want, request) = (min.checked_add(more).unwrap(), RequestKey(request));
                let asked = (holder, Wish { request, min, want, ahead });
                self.asked.push(asked);
                wish(asked)
            }
            Op::Again { back } => {
                wish(*self.asked.iter().rev().nth(back % self.asked.len().max(1))?)
            }
            Op::GiveBack { holder, lease, total, closed } => {
                let (lease, owner) = self.lease(lease, holder)?;
                let give_back = Return { lease, total, closed };
                let command = Command::GiveBack(HolderId(owner), give_back);
                (owner, Operation::GiveBack(give_back), command)
            }
            Op::GiveBackAll { lease } => {
                let (lease, holder) = self.lease(lease, OWNER)?;
                let (total, closed) = (self.amounts[&lease], false);
                let give_back = Return { lease, total, closed };
                let command = Command::GiveBack(HolderId(holder), give_back);
                (holder, Operation::GiveBack(give_back), command)
            }
            Op::Use { holder, lease, used, overrun } => {
                let (lease, owner) = self.lease(lease, holder)?;
                let report = Report { lease, used, overrun };
                (owner, Operation::Use(report), Command::Use(HolderId(owner), report))
            }
            Op::Denied(amount) => (0, Operation::Denied(amount), Command::Denied(amount)),
        })
    }

    fn answer_of(
        &mut self,
        command: &Command,
        result: Result<Outcome, Refusal>,
        mark: &Mark,
    ) -> Answer {
        let now = self.now(mark);
        match (result, command) {
            (Ok(Outcome::Granted(granted)), Command::Acquire(holder, _)) => {
                self.leases.push((granted.lease, holder.0));
                self.amounts.insert(granted.lease, granted.amount);
                Answer::Granted(granted, self.book.standing_with(granted.lease, &now))
            }
            (Err(refusal @ Refusal::Denied(_)), Command::Acquire(_, wish)) => {
                Answer::Refused(refusal, Some(self.standing_of_denied(wish.ahead, &now)))
            }
            (Ok(Outcome::Returned(returned)), _) => Answer::Returned(returned),
            (Ok(Outcome::Used(used)), _) => Answer::Used(used),
            (Ok(Outcome::Noted), _) => Answer::Noted,
            (Ok(Outcome::Granted(_)), _) => panic!("a lease out of nothing"),
            (Err(Refusal::NotYours), _) => Answer::NotYourLease,
            (Err(refusal), _) => Answer::Refused(refusal, None),
        }
    }

    fn standing_of_denied(&mut self, ahead: bool, now: &Now) -> Standing {
        if ahead && self.book.policy().kind == WindowKind::Minute {
            let next = LeaseId { window: now.window.number + 1, number: 0 };
            self.book.standing_with(next, now)
        } else {
            self.book.standing(now)
        }
    }

    /// A lease of lately, and who speaks for it.
    fn lease(&self, back: usize, holder: u32) -> Option<(LeaseId, u32)> {
        let (lease, owner) = *self.leases.iter().rev().nth(back % self.leases.len().max(1))?;
        Some((lease, if holder == OWNER { owner } else { holder }))
    }

    fn set(&mut self, policy: Policy) {
        assert_eq!(self.worlds[self.at].configure(&policy), Answer::Configured);
        self.worlds[1 - self.at].version = self.worlds[self.at].version;
        let mark = self.mark();
        self.apply(&Command::SetPolicy(policy), &mark).expect("its kind is the same");
    }

    /// How the book stands, without a change.
    fn mark(&mut self) -> Mark {
        let command = self.worlds[self.at].call().standing(&self.worlds[self.at].library);
        self.worlds[self.at].ask(&command).0
    }

    fn harvest(&mut self, acknowledge: bool) {
        let command = self.worlds[self.at].call().harvest(&self.worlds[self.at].library, 3);
        let (mark, answer) = self.worlds[self.at].ask(&command);
        let now = self.now(&mark);
        self.book.advance(&now);
        self.note_closed();
        let Answer::Harvest(due) = answer else { panic!("{answer:?}") };
        for due in &due {
            self.history.insert(due.page.window, due.page);
        }
        if acknowledge {
            let stored: Vec<_> = due.iter().map(|due| (due.page.window, due.stamp)).collect();
            let command =
                self.worlds[self.at].call().acknowledge(&self.worlds[self.at].library, &stored);
            assert_eq!(self.worlds[self.at].ask(&command).1, Answer::Noted);
        }
    }

    /// Everything that was closed is fetched in the end, once and for all.
    fn finish(&mut self) {
        self.step(&Step::Wait(200_000));
        for _ in 0..200 {
            self.harvest(true);
        }
        assert_eq!(self.history, self.closed);
        let before = self.history.len();
        self.history.clear();
        self.harvest(false);
        assert!(self.history.is_empty(), "{before} were acknowledged");
    }
}

fn wish((holder, wish): (u32, Wish)) -> (u32, Operation, Command) {
    (holder, Operation::Acquire(wish), Command::Acquire(HolderId(holder), wish))
}

fn replay(kind: WindowKind) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let redis = runtime.block_on(TestRedis::start());
    let mut last = 0;
    sequences::play(150, 100, step(), |steps| {
        last += 1;
        let periods = PeriodLimits::new(vec![ALWAYS]).unwrap();
        let policy = Policy { periods, ..super::world::policy(kind, 500) };
        let mut pair = Pair::new(&redis, last, policy);
        steps.iter().for_each(|step| pair.step(step));
        pair.finish();
    });
}

#[test]
fn a_minute_book_answers_as_the_oracle() {
    replay(WindowKind::Minute);
}

#[test]
fn a_rolling_book_answers_as_the_oracle() {
    replay(WindowKind::Rolling);
}

/// The window that it has turned to is left open for nearly two minutes by a clock that was put
/// back, and begins in another hour than it is named after.
#[test]
fn a_long_window_shows_what_is_charged_in_the_hour_of_its_last_minute() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let redis = runtime.block_on(TestRedis::start());
    let hourly = PeriodLimit {
        unit: Unit::Tokens,
        period: Period::Calendar { span: CalendarSpan::Hour, offset_min: 1_439 },
        most: 88,
    };
    let acquire = |tokens, ahead| Op::Acquire {
        holder: 0,
        request: 0,
        min: Amount::ZERO,
        more: Amount::new(tokens, 0),
        ahead,
    };
    let periods = PeriodLimits::new(vec![ALWAYS]).unwrap();
    let policy = Policy { periods, ..super::world::policy(WindowKind::Minute, 500) };
    let mut pair = Pair::new(&redis, 1, policy);
    for step in [
        Step::Run(vec![acquire(0, false)]),
        Step::SetPeriods(PeriodLimits::new(vec![ALWAYS, hourly]).unwrap()),
        Step::Wait(54_595),
        Step::Wait(1_177),
        Step::ClockJumps(-313),
        Step::Wait(1_966),
        Step::Wait(1_266),
        Step::Run(vec![acquire(1, true)]),
        Step::Wait(1_001),
    ] {
        pair.step(&step);
    }
    pair.finish();
}
