//! Random sequences in which Redis loses what it likes, and two servers, which may be started anew
//! at any time, call it.

use proptest::prelude::*;

use super::judged::{Call, LIMIT, Servers, call};
use super::sequences;
use crate::ledger::redis::book::Seen;
use crate::ledger::redis::testing::{TestRedis, until};

#[derive(Debug, Clone, Copy)]
enum Step {
    Wait(u64),
    Call(Call),
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

fn step(waits: impl Strategy<Value = u64>) -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => waits.prop_map(Step::Wait),
        36 => call().prop_map(Step::Call),
        2 => (0..2_usize).prop_map(Step::Fresh),
        2 => Just(Step::Copy),
        1 => any::<bool>().prop_map(|servers_know| Step::Rollback { servers_know }),
        1 => Just(Step::Restart),
        1 => Just(Step::FailOver),
        1 => Just(Step::Flush),
        1 => Just(Step::Evict),
    ]
}

/// Servers, and two Redis, one of which is used.
struct Storm {
    nodes: [TestRedis; 2],
    used: usize,
    copy: Option<tempfile::TempDir>,
    servers: Servers,
}

impl Storm {
    async fn new(hourly: Option<u64>) -> Self {
        let nodes = [TestRedis::start_durable().await, TestRedis::start_durable().await];
        let servers = Servers::with_hours(&nodes[0], 1, hourly);
        let mut storm = Self { nodes, used: 0, copy: None, servers };
        for server in &mut storm.servers.of {
            server.trust.keeps = true;
        }
        storm
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Wait(ms) => self.servers.wait(ms),
            Step::Call(call) => self.call(call),
            Step::Fresh(server) => {
                let server = &mut self.servers.of[server];
                server.seen = Seen::default();
                server.trust.vouched = None;
            }
            Step::Copy => self.copy = Some(self.nodes[self.used].copied().await),
            Step::Rollback { servers_know } => self.roll_back(servers_know).await,
            Step::Restart => {
                let process = self.servers.of[0].process();
                self.nodes[self.used].restart().await;
                self.reconnect();
                for server in &mut self.servers.of {
                    server.trust.vouched = Some(process.as_str().into());
                }
            }
            Step::FailOver => self.fail_over().await,
            Step::Flush => drop(self.nodes[self.used].ask("FLUSHALL").await),
            Step::Evict => drop(self.nodes[self.used].ask("DEL tl:{1}:book").await),
        }
    }

    /// Comes back with the copy. Servers that were connected to it know that this is another Redis,
    /// or are started anew.
    async fn roll_back(&mut self, servers_know: bool) {
        let node = &mut self.nodes[self.used];
        match &self.copy {
            Some(copy) => node.restart_with(copy).await,
            None => node.restart_empty().await,
        }
        self.reconnect();
        for server in &mut self.servers.of {
            server.trust.vouched = None;
            if !servers_know {
                server.seen = Seen::default();
            }
        }
    }

    /// The other one takes over with what it has of this one now: later writes of this one are lost
    /// with it.
    async fn fail_over(&mut self) {
        let (from, to) = (self.used, 1 - self.used);
        let port = self.nodes[from].port;
        self.nodes[to].ask(&format!("REPLICAOF 127.0.0.1 {port}")).await;
        let replica = &self.nodes[to];
        until("it follows", || replica.says("INFO replication", "master_link_status:up")).await;
        self.nodes[to].ask("REPLICAOF NO ONE").await;
        let request = 1_000 + u128::from(self.servers.of[0].steady_ms);
        self.call(Call::Acquire { server: 0, request, tokens: 100, ahead: false });
        self.used = to;
        self.reconnect();
        for server in &mut self.servers.of {
            server.trust.vouched = None;
            server.trust.keeps = false;
        }
    }

    fn reconnect(&mut self) {
        self.servers.of.iter_mut().for_each(|server| server.reconnect(&self.nodes[self.used]));
    }

    fn call(&mut self, call: Call) {
        self.servers.call(call, &mut |server, command| Some(server.send(command)));
    }
}

/// Plays sequences, and answers how many leases were granted in all of them.
fn weather(cases: u32, waits: impl Strategy<Value = u64>, hourly: Option<u64>) -> usize {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut granted = 0;
    sequences::play(cases, 80, step(waits), |steps| {
        runtime.block_on(async {
            let mut storm = Storm::new(hourly).await;
            for step in steps {
                storm.step(step).await;
            }
            granted += storm.servers.granted();
        });
    });
    granted
}

#[test]
fn whatever_redis_loses_no_minute_is_granted_twice() {
    let waits = prop_oneof![1 => 0..3_000_u64, 1 => 20_000..61_000_u64];
    assert!(weather(4, waits, None) > 0);
}

/// An hour holds more than what one loss puts in doubt, and less than its minutes do.
#[test]
fn whatever_redis_loses_no_hour_is_granted_twice() {
    let waits =
        prop_oneof![2 => 0..3_000_u64, 3 => 20_000..200_000_u64, 1 => 600_000..2_400_000_u64];
    assert!(weather(6, waits, Some(6 * LIMIT)) > 0);
}
