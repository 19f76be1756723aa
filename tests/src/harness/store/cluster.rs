//! A Redis Cluster of three primaries.

use std::time::Duration;

use super::Redis;
use crate::harness::{HarnessError, ports, wait};

const SLOTS: [[&str; 2]; 3] = [["0", "5460"], ["5461", "10922"], ["10923", "16383"]];
const FORMATION: Duration = Duration::from_secs(30);

/// The nodes.
#[derive(Debug)]
pub struct RedisCluster {
    /// Each with a third of the slots.
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

    async fn meet(&self) -> Result<(), HarnessError> {
        for node in &self.nodes[1..] {
            let port = node.address().port().to_string();
            let bus: Vec<String> = node.ask(&["CONFIG", "GET", "cluster-port"]).await?;
            let _: () =
                self.nodes[0].ask(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus[1]]).await?;
        }
        for node in &self.nodes {
            wait::until("the cluster's formation", FORMATION, || async {
                let info: String = node.ask(&["CLUSTER", "INFO"]).await.ok()?;
                let is_whole = ["cluster_state:ok", "cluster_known_nodes:3", "cluster_size:3"];
                is_whole.iter().all(|line| info.contains(line)).then_some(())
            })
            .await?;
        }
        Ok(())
    }
}

/// The bus has a port of its own, since the usual one, 10 000 above, may be an outgoing one. A node that a busy machine holds
/// up is not gone yet, and one that is gone leaves the others at work.
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
