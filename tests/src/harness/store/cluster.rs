//! A Redis Cluster of three primaries.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::try_join_all;

use super::Redis;
use crate::harness::{HarnessError, ports, wait};

const SLOTS: [[&str; 2]; 3] = [["0", "5460"], ["5461", "10922"], ["10923", "16383"]];
const FORMATION: Duration = Duration::from_secs(30);
/// Until a replica is the primary: it waits for the others to see that its primary is gone, and for
/// their votes.
const PROMOTION: Duration = Duration::from_secs(60);
/// How many keys of a slot are moved at once, and how long that may take, in ms.
const KEYS: &str = "100";
const MOVE_MS: &str = "5000";

/// The nodes.
#[derive(Debug)]
pub struct RedisCluster {
    /// Each with a third of the slots, at first.
    pub nodes: Vec<Redis>,
}

impl RedisCluster {
    /// Starts three nodes, and waits until each knows the others.
    ///
    /// # Errors
    /// When one of them does not come up, or they do not find each other.
    pub async fn start() -> Result<Self, HarnessError> {
        let mut nodes = Vec::new();
        for (epoch, [from, to]) in (1..).zip(SLOTS) {
            let node = node().await?;
            let _: () = node.ask(&["CLUSTER", "ADDSLOTSRANGE", from, to]).await?;
            let _: () = node.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &format!("{epoch}")]).await?;
            nodes.push(node);
        }
        let cluster = Self { nodes };
        cluster.meet().await?;
        Ok(cluster)
    }

    /// What servers are given.
    #[must_use]
    pub fn url(&self) -> String {
        let nodes = self.nodes.iter().map(|node| node.address().to_string());
        format!("redis+cluster://{}", nodes.collect::<Vec<_>>().join(","))
    }

    /// The nodes that have books, by their places.
    ///
    /// # Errors
    /// When one does not answer.
    pub async fn with_books(&self) -> Result<Vec<usize>, HarnessError> {
        let books = try_join_all(self.nodes.iter().map(books)).await?;
        Ok((0..books.len()).filter(|at| !books[*at].is_empty()).collect())
    }

    /// Gives a node a replica, kills the node, and waits until the replica has its place.
    ///
    /// # Errors
    /// When it is not promoted.
    pub async fn fail_over(&mut self, at: usize) -> Result<(), HarnessError> {
        let replica = self.replica_of(at).await?;
        self.nodes[at].process.kill()?;
        self.succeed(at, replica).await
    }

    /// Gives a node a replica that takes its place without asking anybody, while it lives: it hears
    /// of it late, and what it wrote until then is lost.
    ///
    /// # Errors
    /// When the replica does not take it.
    pub async fn take_over(&mut self, at: usize) -> Result<(), HarnessError> {
        let replica = self.replica_of(at).await?;
        let _: () = replica.ask(&["CLUSTER", "FAILOVER", "TAKEOVER"]).await?;
        let old = &self.nodes[at];
        wait::until("the old primary that gives up", PROMOTION, || says(old, "role:slave")).await?;
        self.succeed(at, replica).await
    }

    /// Moves each slot that has a book to the next node, one after another, as `redis-cli --cluster
    /// reshard` does.
    ///
    /// # Errors
    /// When a node refuses.
    pub async fn reshard(&self) -> Result<(), HarnessError> {
        let mut moves = Vec::new();
        for (from, node) in self.nodes.iter().enumerate() {
            let mut slots = BTreeSet::new();
            for book in books(node).await? {
                slots.insert(node.ask::<u16>(&["CLUSTER", "KEYSLOT", &book]).await?);
            }
            moves.extend(slots.into_iter().map(|slot| (slot.to_string(), from)));
        }
        for (slot, from) in moves {
            self.move_slot(&slot, from, (from + 1) % self.nodes.len()).await?;
        }
        Ok(())
    }

    async fn move_slot(&self, slot: &str, from: usize, to: usize) -> Result<(), HarnessError> {
        let (from, to) = (&self.nodes[from], &self.nodes[to]);
        let [from_id, to_id] = [id(from).await?, id(to).await?];
        let _: () = to.ask(&["CLUSTER", "SETSLOT", slot, "IMPORTING", &from_id]).await?;
        let _: () = from.ask(&["CLUSTER", "SETSLOT", slot, "MIGRATING", &to_id]).await?;
        loop {
            let keys: Vec<String> = from.ask(&["CLUSTER", "GETKEYSINSLOT", slot, KEYS]).await?;
            if keys.is_empty() {
                break;
            }
            let port = to.address().port().to_string();
            let head = ["MIGRATE", "127.0.0.1", &port, "", "0", MOVE_MS, "KEYS"];
            let words = head.into_iter().chain(keys.iter().map(String::as_str));
            let _: () = from.ask(&words.collect::<Vec<_>>()).await?;
        }
        // The new owner first, as the others hear it from.
        let others = self.nodes.iter().filter(|node| node.address() != to.address());
        for node in [to].into_iter().chain(others) {
            let _: () = node.ask(&["CLUSTER", "SETSLOT", slot, "NODE", &to_id]).await?;
        }
        Ok(())
    }

    /// A new node that has all that this one has, as all others know.
    async fn replica_of(&self, at: usize) -> Result<Redis, HarnessError> {
        let (primary, replica) = (&self.nodes[at], node().await?);
        meet(&replica, primary).await?;
        let (primary_id, replica_id) = (id(primary).await?, id(&replica).await?);
        wait::until("a primary to follow", FORMATION, || async {
            replica.ask::<()>(&["CLUSTER", "REPLICATE", &primary_id]).await.ok()
        })
        .await?;
        for node in &self.nodes {
            wait::until("a replica that is known", FORMATION, || async {
                let known: String = node.ask(&["CLUSTER", "NODES"]).await.ok()?;
                let line = known.lines().find(|line| line.starts_with(&replica_id))?;
                (line.contains("slave") && line.contains(&primary_id)).then_some(())
            })
            .await?;
        }
        wait::until("a replica that has all", FORMATION, || says(primary, "state=online")).await?;
        Ok(replica)
    }

    /// Waits until the replica is the primary in this place, and all go on.
    async fn succeed(&mut self, at: usize, replica: Redis) -> Result<(), HarnessError> {
        wait::until("the replica's promotion", PROMOTION, || says(&replica, "role:master")).await?;
        self.nodes[at] = replica;
        self.are_whole(&["cluster_state:ok", "cluster_slots_assigned:16384"]).await
    }

    async fn meet(&self) -> Result<(), HarnessError> {
        for node in &self.nodes[1..] {
            meet(node, &self.nodes[0]).await?;
        }
        self.are_whole(&["cluster_state:ok", "cluster_known_nodes:3", "cluster_size:3"]).await
    }

    async fn are_whole(&self, lines: &[&str]) -> Result<(), HarnessError> {
        for node in &self.nodes {
            wait::until("the cluster's formation", FORMATION, || async {
                let info: String = node.ask(&["CLUSTER", "INFO"]).await.ok()?;
                lines.iter().all(|line| info.contains(line)).then_some(())
            })
            .await?;
        }
        Ok(())
    }
}

async fn meet(new: &Redis, known: &Redis) -> Result<(), HarnessError> {
    let port = known.address().port().to_string();
    let bus: Vec<String> = known.ask(&["CONFIG", "GET", "cluster-port"]).await?;
    new.ask(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus[1]]).await
}

async fn id(node: &Redis) -> Result<String, HarnessError> {
    node.ask(&["CLUSTER", "MYID"]).await
}

async fn books(node: &Redis) -> Result<Vec<String>, HarnessError> {
    node.ask(&["KEYS", "tl:{*}:book"]).await
}

async fn says(node: &Redis, what: &str) -> Option<()> {
    let info: String = node.ask(&["INFO", "replication"]).await.ok()?;
    info.contains(what).then_some(())
}

/// The bus has a port of its own, since the usual one, 10 000 above, may be an outgoing one. A node
/// that a busy machine holds up is not gone yet, and one that is gone leaves the others at work.
async fn node() -> Result<Redis, HarnessError> {
    let bus = ports::free_address()?.port().to_string();
    Redis::builder()
        .set("cluster-enabled", "yes")
        .set("cluster-node-timeout", "5000")
        .set("cluster-require-full-coverage", "no")
        .set("cluster-port", &bus)
        .start()
        .await
}
