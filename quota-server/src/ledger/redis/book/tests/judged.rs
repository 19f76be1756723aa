//! Two servers of two builds that call one book, and a judge that knows nothing of books: it adds
//! up what was granted and what was credited. Nobody may ever hold more of a minute than its limit.

use std::collections::BTreeMap;

use proptest::prelude::*;
use quota_core::{
    Amount, CalendarSpan, LeaseId, Period, PeriodLimit, PeriodLimits, Policy, RequestKey, Return,
    Unit, WindowKind, Wish,
};
use redis::Cmd;

use super::world::{NOON_MS, World, gw, policy};
use crate::ledger::redis::book::{Answer, Operation, Reply};
use crate::ledger::redis::functions::Library;
use crate::ledger::redis::testing::TestRedis;

/// Of a minute.
pub(super) const LIMIT: u64 = 500;

/// What a server is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Call {
    Acquire {
        server: usize,
        request: u128,
        tokens: u64,
        ahead: bool,
    },
    /// Of one of the latest leases.
    GiveBack {
        server: usize,
        lease: usize,
        tokens: u64,
    },
}

pub(super) fn call() -> impl Strategy<Value = Call> {
    let server = || 0..2_usize;
    prop_oneof![
        5 => (server(), 0..40_u128, 1..250_u64, any::<bool>()).prop_map(
            |(server, request, tokens, ahead)| Call::Acquire { server, request, tokens, ahead }
        ),
        1 => (server(), 0..8_usize, 0..250_u64)
            .prop_map(|(server, lease, tokens)| Call::GiveBack { server, lease, tokens }),
    ]
}

/// What holders have of each minute and each hour of the clock, and of which leases.
struct Judge {
    /// Tokens an hour.
    hourly: u64,
    minutes: BTreeMap<u64, u64>,
    hours: BTreeMap<u64, u64>,
    leases: Vec<(LeaseId, u64)>,
}

impl Judge {
    fn granted(&mut self, minute: u64, lease: LeaseId, tokens: u64) {
        let hour = minute / 60;
        let of_minute = (&mut self.minutes, minute, LIMIT);
        for (sums, at, limit) in [of_minute, (&mut self.hours, hour, self.hourly)] {
            let sum = sums.entry(at).or_default();
            *sum += tokens;
            assert!(*sum <= limit, "{sum} of {limit} in minute or hour {at}");
        }
        self.leases.push((lease, minute));
    }

    fn credited(&mut self, minute: u64, tokens: u64) {
        *self.minutes.get_mut(&minute).expect("it was granted from") -= tokens;
        *self.hours.get_mut(&(minute / 60)).expect("it was granted from") -= tokens;
    }
}

/// The servers, and what they granted.
pub(super) struct Servers {
    pub(super) of: [World; 2],
    policy: Policy,
    judge: Judge,
}

/// How a command of a server goes to Redis, and what it learns of the answer; `None`: it was told
/// to come again.
pub(super) type Send<'a> = &'a mut dyn FnMut(&mut World, &Cmd) -> Option<Reply>;

impl Servers {
    /// Of a book that is opened here.
    pub(super) fn of(redis: &TestRedis, book: u32) -> Self {
        Self::with_hours(redis, book, None)
    }

    /// Of a book with so many tokens an hour.
    pub(super) fn with_hours(redis: &TestRedis, book: u32, hourly: Option<u64>) -> Self {
        let builds = [Library::with_manual_clock(), Library::of_another_build()];
        let mut of = builds.map(|library| World::by(library, redis, book));
        let period = Period::Calendar { span: CalendarSpan::Hour, offset_min: 0 };
        let hour = hourly.map(|most| PeriodLimit { unit: Unit::Tokens, period, most });
        let periods = PeriodLimits::new(hour.into_iter().collect()).unwrap();
        let policy = Policy { periods, ..policy(WindowKind::Minute, LIMIT) };
        of[0].open(&policy, true);
        let (minutes, hours, leases) = Default::default();
        let judge = Judge { hourly: hourly.unwrap_or(u64::MAX), minutes, hours, leases };
        Self { of, policy, judge }
    }

    /// How many leases were granted.
    pub(super) fn granted(&self) -> usize {
        self.judge.leases.len()
    }

    pub(super) fn wait(&mut self, ms: u64) {
        self.of.iter_mut().for_each(|server| server.wait(ms));
    }

    pub(super) fn call(&mut self, call: Call, send: Send<'_>) {
        match call {
            Call::Acquire { server, request, tokens, ahead } => {
                let (min, request) = (Amount::new(tokens, 1), RequestKey(request));
                let operation = Operation::Acquire(Wish { request, min, want: min, ahead });
                let Some(Answer::Granted(granted, _)) = self.run(server, operation, send) else {
                    return;
                };
                if !granted.repeated {
                    let starts_ms = self.of[server].wall_ms - NOON_MS + granted.starts_in_ms;
                    self.judge.granted(starts_ms / 60_000, granted.lease, granted.amount.tokens());
                }
            }
            Call::GiveBack { server, lease, tokens } => {
                let Some(&(lease, minute)) = self.judge.leases.iter().rev().nth(lease) else {
                    return;
                };
                let total = Amount::new(tokens, 0);
                let operation = Operation::GiveBack(Return { lease, total, closed: false });
                if let Some(Answer::Returned(returned)) = self.run(server, operation, send) {
                    self.judge.credited(minute, returned.credited.tokens());
                }
            }
        }
    }

    /// Two minutes after they were asked, and could see where the book is now, either server grants
    /// all of a minute.
    pub(super) fn go_on(&mut self, send: Send<'_>) {
        let ask =
            |server: usize, request| Call::Acquire { server, request, tokens: LIMIT, ahead: false };
        for server in 0..2 {
            self.wait(120_000);
            let request = u128::from(self.of[server].steady_ms) << 8;
            self.call(ask(server, request), send);
            self.wait(120_000);
            let granted = self.judge.leases.len();
            self.call(ask(server, request + 1), send);
            assert_eq!(self.judge.leases.len(), granted + 1, "server {server} grants no more");
        }
    }

    /// Runs one operation, as a server does: a book that is missing is opened.
    fn run(&mut self, server: usize, operation: Operation, send: Send<'_>) -> Option<Answer> {
        let world = &mut self.of[server];
        for _ in 0..2 {
            let command = world.call().run(&world.library, [(&gw(1), operation)]);
            if let Reply::Here(_, Answer::Ran(mut answers)) = send(world, &command)? {
                return answers.pop();
            }
            let open = world.call().open(&world.library, &self.policy, false);
            send(world, &open)?;
        }
        panic!("no answer");
    }
}
