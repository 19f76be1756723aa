//! Random sequences in which a cluster moves the book's slot to and fro, key by key, while two
//! servers call it and follow where they are sent.

use proptest::prelude::*;
use redis::{Cmd, RedisResult, Value};

use super::judged::{Call, Servers, call};
use super::moved::Move;
use super::sequences;
use super::world::World;
use crate::ledger::redis::book::Reply;
use crate::ledger::redis::testing::{TestCluster, TestRedis};

#[derive(Debug, Clone, Copy)]
enum Step {
    Wait(u64),
    Call(Call),
    /// The slot begins to move, or one of its keys goes over.
    Move(usize),
    /// All that is left of it goes over.
    MoveRest,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop_oneof![2 => 0..3_000_u64, 1 => 20_000..61_000_u64].prop_map(Step::Wait),
        36 => call().prop_map(Step::Call),
        10 => (0..8_usize).prop_map(Step::Move),
        3 => Just(Step::MoveRest),
    ]
}

struct Storm<'a> {
    slot: Move<'a>,
    is_moving: bool,
    is_home: bool,
    servers: Servers,
}

impl<'a> Storm<'a> {
    async fn on(cluster: &'a TestCluster, book: u32) -> Self {
        let slot = Move::of(cluster, book).await;
        let servers = Servers::of(slot.from, book);
        Self { slot, is_moving: false, is_home: true, servers }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Wait(ms) => self.servers.wait(ms),
            Step::Call(call) => {
                let slot = &self.slot;
                self.servers.call(call, &mut |server, command| server.follow(slot, command));
            }
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
        let slot = &self.slot;
        self.servers.go_on(&mut |server, command| server.follow(slot, command));
    }
}

impl World {
    /// Sends a command, and sends it on where the slot moves. `None`: it was told to come again.
    fn follow(&mut self, slot: &Move<'_>, command: &Cmd) -> Option<Reply> {
        let first = self.try_on(slot.from, false, command);
        let answer = match first {
            Err(sent_on) if sent_on.code() == Some("ASK") => self.try_on(slot.to, true, command),
            answer => answer,
        };
        match answer {
            Ok(value) => Some(self.learn(&value)),
            Err(error) => {
                assert!(matches!(error.code(), Some("TRYAGAIN")), "{error}");
                None
            }
        }
    }

    fn try_on(&mut self, node: &TestRedis, asking: bool, command: &Cmd) -> RedisResult<Value> {
        self.reconnect(node);
        if asking {
            redis::cmd("ASKING").exec(&mut self.redis)?;
        }
        command.query(&mut self.redis)
    }
}

#[test]
fn wherever_a_slot_moves_no_minute_is_granted_twice() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = runtime.block_on(TestCluster::start());
    let mut book = 0;
    sequences::play(8, 80, step(), |steps| {
        book += 1;
        runtime.block_on(async {
            let mut storm = Storm::on(&cluster, book).await;
            for step in steps {
                storm.step(step).await;
            }
            storm.go_home().await;
        });
    });
}
