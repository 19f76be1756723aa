use super::super::RedisAddress;
use super::{TestRedis, until};

/// Three nodes, each with a third of the slots.
pub(crate) struct TestCluster {
    pub(crate) nodes: Vec<TestRedis>,
}

/// As docs/redis.md wants a cluster.
const SETTINGS: [&str; 6] =
    ["--save", "", "--cluster-enabled", "yes", "--cluster-require-full-coverage", "no"];

/// What a node says that knows all of the cluster. Its state alone says too little: without full
/// coverage it is ok as well while the node knows of its own slots only.
const WHOLE: [&str; 3] = ["cluster_state:ok", "cluster_known_nodes:3", "cluster_slots_ok:16384"];

const SLOTS: [(u16, u16); 3] = [(0, 5_460), (5_461, 10_922), (10_923, 16_383)];

impl TestCluster {
    pub(crate) async fn start() -> Self {
        let mut nodes = Vec::new();
        for (first, last) in SLOTS {
            let node = TestRedis::start_with(&SETTINGS).await;
            node.ask(&format!("CLUSTER ADDSLOTSRANGE {first} {last}")).await;
            node.ask(&format!("CLUSTER SET-CONFIG-EPOCH {}", nodes.len() + 1)).await;
            nodes.push(node);
        }
        for node in &nodes[1..] {
            node.ask(&format!("CLUSTER MEET 127.0.0.1 {}", nodes[0].port)).await;
        }
        for node in &nodes {
            until("the cluster is complete", || async move {
                let info = format!("{:?}", node.ask("CLUSTER INFO").await);
                WHOLE.iter().all(|line| info.contains(line))
            })
            .await;
        }
        Self { nodes }
    }

    pub(crate) fn address(&self) -> RedisAddress {
        let nodes: Vec<_> =
            self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        format!("redis+cluster://{}", nodes.join(",")).parse().unwrap()
    }
}
