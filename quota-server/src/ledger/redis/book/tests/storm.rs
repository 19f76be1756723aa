//! Random sequences in which Redis loses what it likes, and two servers of two builds, which may be started anew at any
//! time, call it: nobody ever holds more of a minute than its limit. The judge knows nothing of books: it adds up what was
//! granted and what was credited.

use std::collections::BTreeMap;

use proptest::prelude::*;
use quota_core::{Amount, LeaseId, RequestKey, WindowKind};

use super::world::{NOON_MS, World, policy};
use crate::ledger::redis::book::{Answer, Operation, Reply, Seen};
use crate::ledger::redis::functions::Library;
use crate::ledger::redis::testing::{TestRedis, until};

pub(super) const LIMIT: u64 = 500;

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
    /// A server is started anew: it knows nothing.
    Fresh(usize),
    /// Keeps a copy of all that Redis has.
    Copy,
    /// Redis crashes, and comes back with that copy, or with nothing.
    Rollback {
        servers_know: bool,
    },
    /// Redis crashes, and comes back with all that it had.
    Restart,
    /// Another one takes over, which has what the copy has; or the same one again, later.
    FailOver,
    /// Redis forgets all, or the book.
    Flush,
    Evict,
}

fn step() -> impl Strategy<Value = Step> {
    let server = || 0..2_usize;
    prop_oneof![
        12 => prop_oneof![1 => 0..3_000_u64, 1 => 20_000..61_000_u64].prop_map(Step::Wait),
        30 => (server(), 0..40_u128, 1..250_u64, any::<bool>()).prop_map(
            |(server, request, tokens, ahead)| Step::Acquire { server, request, tokens, ahead }
        ),
        6 => (server(), 0..8_usize, 0..250_u64)
            .prop_map(|(server, lease, tokens)| Step::GiveBack { server, lease, tokens }),
        2 => server().prop_map(Step::Fresh),
        2 => Just(Step::Copy),
        1 => any::<bool>().prop_map(|servers_know| Step::Rollback { servers_know }),
        1 => Just(Step::Restart),
        1 => Just(Step::FailOver),
        1 => Just(Step::Flush),
        1 => Just(Step::Evict),
    ]
}

/// What holders have of each minute of the clock, and of which leases.
#[derive(Default)]
pub(super) struct Judge {
    outstanding: BTreeMap<u64, u64>,
    pub(super) leases: Vec<(LeaseId, u64)>,
}

impl Judge {
    pub(super) fn granted(&mut self, minute: u64, lease: LeaseId, tokens: u64) {
        let sum = self.outstanding.entry(minute).or_default();
        *sum += tokens;
        assert!(*sum <= LIMIT, "{sum} of {LIMIT} in minute {minute}");
        self.leases.push((lease, minute));
    }

    pub(super) fn credited(&mut self, minute: u64, tokens: u64) {
        *self.outstanding.get_mut(&minute).expect("it was granted from") -= tokens;
    }
}

/// Two servers, of two builds, and two Redis, one of which is used.
struct Storm {
    nodes: [TestRedis; 2],
    used: usize,
    copy: Option<tempfile::TempDir>,
    servers: [World; 2],
    judge: Judge,
}

impl Storm {
    async fn new() -> Self {
        let nodes = [TestRedis::start_durable().await, TestRedis::start_durable().await];
        let builds = [Library::with_manual_clock(), Library::of_another_build()];
        let servers = builds.map(|library| World::by(library, &nodes[0], 1));
        let mut storm = Self { nodes, used: 0, copy: None, servers, judge: Judge::default() };
        storm.servers[0].open(&policy(WindowKind::Minute, LIMIT), true);
        for server in &mut storm.servers {
            server.trust.keeps = true;
        }
        storm
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Wait(ms) => self.servers.iter_mut().for_each(|server| server.wait(ms)),
            Step::Acquire { server, request, tokens, ahead } => {
                self.acquire(server, request, tokens, ahead);
            }
            Step::GiveBack { server, lease, tokens } => self.give_back(server, lease, tokens),
            Step::Fresh(server) => {
                let server = &mut self.servers[server];
                server.seen = Seen::default();
                server.trust.vouched = None;
            }
            Step::Copy => self.copy = Some(self.nodes[self.used].copied().await),
            Step::Rollback { servers_know } => self.roll_back(servers_know).await,
            Step::Restart => {
                let process = self.servers[0].process();
                self.nodes[self.used].restart().await;
                self.reconnect();
                for server in &mut self.servers {
                    server.trust.vouched = Some(process.as_str().into());
                }
            }
            Step::FailOver => self.fail_over().await,
            Step::Flush => drop(self.nodes[self.used].ask("FLUSHALL").await),
            Step::Evict => drop(self.nodes[self.used].ask("DEL tl:{1}:book").await),
        }
    }

    /// Comes back with the copy. Servers that were connected to it know that this is another Redis, or are started anew.
    async fn roll_back(&mut self, servers_know: bool) {
        let node = &mut self.nodes[self.used];
        match &self.copy {
            Some(copy) => node.restart_with(copy).await,
            None => node.restart_empty().await,
        }
        self.reconnect();
        for server in &mut self.servers {
            server.trust.vouched = None;
            if !servers_know {
                server.seen = Seen::default();
            }
        }
    }

    /// The other one takes over with what it has of this one now: later writes of this one are lost with it.
    async fn fail_over(&mut self) {
        let (from, to) = (self.used, 1 - self.used);
        let port = self.nodes[from].port;
        self.nodes[to].ask(&format!("REPLICAOF 127.0.0.1 {port}")).await;
        let replica = &self.nodes[to];
        until("it follows", || replica.says("INFO replication", "master_link_status:up")).await;
        self.nodes[to].ask("REPLICAOF NO ONE").await;
        self.acquire(0, 1_000 + u128::from(self.servers[0].steady_ms), 100, false);
        self.used = to;
        self.reconnect();
        for server in &mut self.servers {
            server.trust.vouched = None;
            server.trust.keeps = false;
        }
    }

    fn reconnect(&mut self) {
        self.servers.iter_mut().for_each(|server| server.reconnect(&self.nodes[self.used]));
    }

    fn acquire(&mut self, server: usize, request: u128, tokens: u64, ahead: bool) {
        let min = Amount::new(tokens, 1);
        let request = RequestKey(request);
        let operation = Operation::Acquire { request, min, want: min, ahead };
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

    /// Runs one operation, as a server does: a book that is missing is opened, quarantined.
    fn run(&mut self, server: usize, operation: Operation) -> Option<Answer> {
        let world = &mut self.servers[server];
        let caller = super::world::gw(1);
        for _ in 0..2 {
            let command = world.call().run(&world.library, [(&caller, operation)]);
            match world.send(&command) {
                Reply::Here(_, Answer::Ran(mut answers)) => return answers.pop(),
                _ => {
                    let policy = policy(WindowKind::Minute, LIMIT);
                    let open = world.call().open(&world.library, &policy, false);
                    world.send(&open);
                }
            }
        }
        panic!("no answer");
    }
}

#[test]
fn whatever_redis_loses_no_minute_is_granted_twice() {
    let cases = std::env::var("TOKENLEASE_RUNS").ok().and_then(|runs| runs.parse().ok());
    let config = ProptestConfig {
        cases: cases.unwrap_or(4),
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let result = runner.run(&prop::collection::vec(step(), 1..80), |steps| {
        runtime.block_on(async {
            let mut storm = Storm::new().await;
            for step in steps {
                storm.step(step).await;
            }
        });
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
