//! A cluster that moves a book's slot: half-way through, its keys are here and there. A call then
//! changes nothing.

use quota_core::{Amount, RequestKey, WindowKind, Wish};
use redis::{Cmd, Value};

use super::world::{World, gw, policy};
use crate::ledger::redis::book::{Answer, Operation, Reply};
use crate::ledger::redis::testing::{TestCluster, TestRedis, until};

const LIMIT: u64 = 1_000;

fn acquire(request: u128, tokens: u64, ahead: bool) -> Operation {
    let min = Amount::new(tokens, 1);
    Operation::Acquire(Wish { request: RequestKey(request), min, want: min, ahead })
}

/// A slot that moves from one node to another.
pub(super) struct Move<'a> {
    slot: u64,
    pub(super) from: &'a TestRedis,
    pub(super) to: &'a TestRedis,
}

impl<'a> Move<'a> {
    pub(super) async fn of(cluster: &'a TestCluster, book: u32) -> Self {
        let key = format!("CLUSTER KEYSLOT tl:{{{book}}}:book");
        let Value::Int(slot) = cluster.nodes[0].ask(&key).await else { panic!("no slot") };
        let owner = usize::try_from(slot).unwrap() * 3 / 16_384;
        let (from, to) = (&cluster.nodes[owner], &cluster.nodes[(owner + 1) % 3]);
        Self { slot: slot.unsigned_abs(), from, to }
    }

    pub(super) async fn begin(&self) {
        let (from, to) = (id(self.from).await, id(self.to).await);
        self.to.ask(&format!("CLUSTER SETSLOT {} IMPORTING {from}", self.slot)).await;
        self.from.ask(&format!("CLUSTER SETSLOT {} MIGRATING {to}", self.slot)).await;
    }

    /// The keys that are still where they were.
    pub(super) async fn left(&self) -> Vec<String> {
        let keys = self.from.ask(&format!("CLUSTER GETKEYSINSLOT {} 100", self.slot)).await;
        redis::from_redis_value(keys).unwrap()
    }

    pub(super) async fn one(&self, key: &str) {
        self.from.ask(&format!("MIGRATE 127.0.0.1 {} {key} 0 5000", self.to.port)).await;
    }

    /// Over once the old owner knows of the epoch that the new one gave itself: two that move a
    /// slot back and forth with one epoch are in conflict, and the cluster decides by itself who
    /// has it.
    pub(super) async fn end(&self) {
        let command = format!("CLUSTER SETSLOT {} NODE {}", self.slot, id(self.to).await);
        self.to.ask(&command).await;
        let epoch = epoch(self.to, "cluster_my_epoch").await;
        until("the move is known", || async move {
            epoch <= self::epoch(self.from, "cluster_current_epoch").await
        })
        .await;
        self.from.ask(&command).await;
    }

    /// The way back.
    pub(super) fn reversed(&self) -> Self {
        Self { slot: self.slot, from: self.to, to: self.from }
    }

    async fn give_up(&self) {
        for node in [self.to, self.from] {
            node.ask(&format!("CLUSTER SETSLOT {} STABLE", self.slot)).await;
        }
    }
}

async fn id(node: &TestRedis) -> String {
    redis::from_redis_value(node.ask("CLUSTER MYID").await).unwrap()
}

async fn epoch(node: &TestRedis, name: &str) -> u64 {
    let info: String = redis::from_redis_value(node.ask("CLUSTER INFO").await).unwrap();
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.expect("an epoch").parse().unwrap()
}

impl World {
    fn run_of(&self, operations: &[Operation]) -> Cmd {
        let caller = gw(1);
        let operations = operations.iter().map(|operation| (&caller, *operation));
        self.call().run(&self.library, operations)
    }

    /// Sends a call to a node that has the slot only in part: it is sent elsewhere, or told to come
    /// again.
    fn assert_refused(&mut self, command: &Cmd, asking: bool) {
        if asking {
            redis::cmd("ASKING").exec(&mut self.redis).unwrap();
        }
        let refused = command.query::<Value>(&mut self.redis).unwrap_err();
        assert!(matches!(refused.code(), Some("TRYAGAIN" | "ASK")), "{refused}");
    }

    /// The tokens of leases that are granted, and of each window what is outstanding.
    fn granted_of(&mut self, operations: &[Operation]) -> Vec<(u64, u64)> {
        let command = self.run_of(operations);
        let Reply::Here(_, Answer::Ran(answers)) = self.send(&command) else { panic!("no answer") };
        let granted = answers.into_iter().map(|answer| match answer {
            Answer::Granted(granted, standing) => {
                (granted.amount.tokens(), standing.outstanding.tokens())
            }
            other => panic!("{other:?}"),
        });
        granted.collect()
    }
}

/// A book near the end of a window, 100 of which are granted.
async fn begun(on: &TestRedis, kind: WindowKind) -> World {
    let mut world = World::of(on, 1);
    world.open(&policy(kind, LIMIT), true);
    world.wait(59_200);
    assert_eq!(world.granted_of(&[acquire(1, 100, false)]), [(100, 100)]);
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_repeated_while_the_slot_moves_is_charged_once() {
    let cluster = TestCluster::start().await;
    let slot = Move::of(&cluster, 1).await;
    let mut world = begun(slot.from, WindowKind::Minute).await;
    slot.begin().await;
    let wishes = [acquire(2, 300, false), acquire(3, 300, true)];
    for _ in 0..4 {
        let command = world.run_of(&wishes);
        world.assert_refused(&command, false);
    }
    slot.give_up().await;
    for _ in 0..2 {
        assert_eq!(world.granted_of(&wishes), [(300, 400), (300, 300)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_key_may_be_moved_at_any_time() {
    for kind in [WindowKind::Minute, WindowKind::Rolling] {
        let cluster = TestCluster::start().await;
        let slot = Move::of(&cluster, 1).await;
        let mut world = begun(slot.from, kind).await;
        slot.begin().await;
        let mut keys = slot.left().await;
        keys.sort_unstable();
        assert!(keys.len() >= 3, "{keys:?}");
        let wishes = [acquire(1, 100, false), acquire(2, 300, false), acquire(3, 300, false)];
        for key in keys {
            slot.one(&key).await;
            for (node, asking) in [(slot.from, false), (slot.to, true)] {
                world.reconnect(node);
                let command = world.run_of(&wishes);
                world.assert_refused(&command, asking);
            }
        }
        assert_eq!(slot.left().await, Vec::<String>::new(), "nothing was made here meanwhile");
        slot.end().await;
        world.reconnect(slot.to);
        // On another process, so quarantined; what it was charged with is there.
        let command = world.run_of(&wishes[..1]);
        let Reply::Here(mark, Answer::Ran(answers)) = world.send(&command) else { panic!() };
        assert!(mark.is_new_quarantine);
        let [Answer::Granted(granted, standing)] = answers.as_slice() else {
            panic!("{answers:?}")
        };
        assert!(granted.repeated && standing.outstanding.tokens() == 100);
    }
}
