//! Random sequences in which a cluster moves the book's slot to and fro, key by key, while two servers of two builds call it
//! and follow where they are sent. Nobody ever holds more of a minute than its limit.

use proptest::prelude::*;
use quota_core::{Amount, RequestKey, WindowKind};
use redis::{RedisResult, Value};

use super::moved::Move;
use super::storm::{Judge, LIMIT};
use super::world::{NOON_MS, World, gw, policy};
use crate::ledger::redis::book::{Answer, Operation, Reply};
use crate::ledger::redis::functions::Library;
use crate::ledger::redis::testing::{TestCluster, TestRedis};

#[derive(Debug, Clone, Copy)]
enum Step {
    Wait(u64),
    Acquire {
        server: usize,
        request: u128,
        tokens: u64,
        ahead: bool,
    },
    GiveBack {
        server: usize,
        lease: usize,
        tokens: u64,
    },
    /// The slot begins to move, or one of its keys goes over.
    Move(usize),
    /// All that is left of it goes over.
    MoveRest,
}

fn step() -> impl Strategy<Value = Step> {
    let server = || 0..2_usize;
    prop_oneof![
        8 => prop_oneof![2 => 0..3_000_u64, 1 => 20_000..61_000_u64].prop_map(Step::Wait),
        30 => (server(), 0..40_u128, 1..250_u64, any::<bool>()).prop_map(
            |(server, request, tokens, ahead)| Step::Acquire { server, request, tokens, ahead }
        ),
        6 => (server(), 0..8_usize, 0..250_u64)
            .prop_map(|(server, lease, tokens)| Step::GiveBack { server, lease, tokens }),
        10 => (0..8_usize).prop_map(Step::Move),
        3 => Just(Step::MoveRest),
    ]
}

struct Storm<'a> {
    slot: Move<'a>,
    is_moving: bool,
    is_home: bool,
    servers: [World; 2],
    judge: Judge,
}

impl<'a> Storm<'a> {
    async fn on(cluster: &'a TestCluster, book: u32) -> Self {
        let slot = Move::of(cluster, book).await;
        let builds = [Library::with_manual_clock(), Library::of_another_build()];
        let mut servers = builds.map(|library| World::by(library, slot.from, book));
        servers[0].open(&policy(WindowKind::Minute, LIMIT), true);
        Self { slot, is_moving: false, is_home: true, servers, judge: Judge::default() }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Wait(ms) => self.servers.iter_mut().for_each(|server| server.wait(ms)),
            Step::Acquire { server, request, tokens, ahead } => {
                self.acquire(server, request, tokens, ahead);
            }
            Step::GiveBack { server, lease, tokens } => self.give_back(server, lease, tokens),
            Step::Move(nth) => self.advance(nth).await,
            Step::MoveRest => self.move_rest().await,
        }
    }

    /// The next thing that a move consists of.
    async fn advance(&mut self, nth: usize) {
        if !self.is_moving {
            self.slot.begin().await;
            self.is_moving = true;
            return;
        }
        let left = self.slot.left().await;
        if left.is_empty() {
            self.slot.end().await;
            (self.slot, self.is_moving) = (self.slot.reversed(), false);
            self.is_home = !self.is_home;
        } else {
            self.slot.one(&left[nth % left.len()]).await;
        }
    }

    async fn move_rest(&mut self) {
        while self.is_moving {
            self.advance(0).await;
        }
    }

    /// The next book may be of the same slot.
    async fn go_home(&mut self) {
        self.move_rest().await;
        if !self.is_home {
            self.advance(0).await;
            self.move_rest().await;
        }
    }

    fn acquire(&mut self, server: usize, request: u128, tokens: u64, ahead: bool) {
        let min = Amount::new(tokens, 1);
        let operation = Operation::Acquire { request: RequestKey(request), min, want: min, ahead };
        let Some(Answer::Granted(granted, _)) = self.run(server, operation) else { return };
        if granted.repeated {
            return;
        }
        let starts_ms = self.servers[server].wall_ms - NOON_MS + granted.starts_in_ms;
        self.judge.granted(starts_ms / 60_000, granted.lease, granted.amount.tokens);
    }

    fn give_back(&mut self, server: usize, lease: usize, tokens: u64) {
        let leases = &self.judge.leases;
        let Some(&(lease, minute)) = leases.iter().rev().nth(lease) else { return };
        let total = Amount::new(tokens, 0);
        let operation = Operation::GiveBack { lease, total, closed: false };
        if let Some(Answer::Returned(returned)) = self.run(server, operation) {
            self.judge.credited(minute, returned.credited.tokens);
        }
    }

    /// Runs one operation, as a server does: it is sent on where the slot moves, and opens a book that is missing. `None`:
    /// it was told to come again.
    fn run(&mut self, server: usize, operation: Operation) -> Option<Answer> {
        for _ in 0..2 {
            let world = &self.servers[server];
            let command = world.call().run(&world.library, [(&gw(1), operation)]);
            match self.send(server, &command)? {
                Reply::Here(_, Answer::Ran(mut answers)) => return answers.pop(),
                _ => {
                    let policy = policy(WindowKind::Minute, LIMIT);
                    let world = &self.servers[server];
                    let open = world.call().open(&world.library, &policy, false);
                    self.send(server, &open)?;
                }
            }
        }
        panic!("no answer");
    }

    fn send(&mut self, server: usize, command: &redis::Cmd) -> Option<Reply> {
        let world = &mut self.servers[server];
        let first = world.try_on(self.slot.from, false, command);
        let answer = match first {
            Err(sent_on) if sent_on.code() == Some("ASK") => {
                world.try_on(self.slot.to, true, command)
            }
            answer => answer,
        };
        match answer {
            Ok(value) => Some(world.learn(&value)),
            Err(error) => {
                assert!(matches!(error.code(), Some("TRYAGAIN")), "{error}");
                None
            }
        }
    }
}

impl World {
    fn try_on(
        &mut self,
        node: &TestRedis,
        asking: bool,
        command: &redis::Cmd,
    ) -> RedisResult<Value> {
        self.reconnect(node);
        if asking {
            redis::cmd("ASKING").exec(&mut self.redis)?;
        }
        command.query(&mut self.redis)
    }
}

#[test]
fn wherever_a_slot_moves_no_minute_is_granted_twice() {
    let cases = std::env::var("TOKENLEASE_RUNS").ok().and_then(|runs| runs.parse().ok());
    let config = ProptestConfig {
        cases: cases.unwrap_or(8),
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = runtime.block_on(TestCluster::start());
    let books = std::cell::Cell::new(0);
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let result = runner.run(&prop::collection::vec(step(), 1..80), |steps| {
        books.set(books.get() + 1);
        runtime.block_on(async {
            let mut storm = Storm::on(&cluster, books.get()).await;
            for step in steps {
                storm.step(step).await;
            }
            storm.go_home().await;
        });
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
