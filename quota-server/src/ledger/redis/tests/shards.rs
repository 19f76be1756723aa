//! A cluster of which one shard does not do what it should: the others go on.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::{Either, join_all, select};

use super::world::{Server, World, acquire, caller};
use crate::ledger::Ledger;
use crate::ledger::redis::testing::{TestCluster, until};

/// Deployments on a cluster, and on which node each is.
struct Spread {
    cluster: TestCluster,
    server: Server,
    ids: Vec<(String, usize)>,
    _world: World,
}

impl Spread {
    async fn start() -> Self {
        let cluster = TestCluster::start().await;
        let world = World::new(cluster.address()).await;
        let server = world.server().await;
        let mut ids = Vec::new();
        for no in 0..9 {
            let id = format!("m-{no}");
            server.put(&id, 1_000).await;
            let number = server.0.inner.register.live(&id).unwrap().entry.row.no;
            let slot = cluster.nodes[0].ask(&format!("CLUSTER KEYSLOT tl:{{{number}}}:book")).await;
            let redis::Value::Int(slot) = slot else { panic!("no slot") };
            ids.push((id, usize::try_from(slot).unwrap() * 3 / 16_384));
        }
        assert!((0..3).all(|node| ids.iter().any(|(_, at)| *at == node)), "{ids:?}");
        Self { cluster, server, ids, _world: world }
    }

    /// Asks for a token of each in one batch; for which it was granted.
    async fn granted(&self, request: u128) -> Vec<bool> {
        let wishes = self.ids.iter().map(|(id, _)| acquire(id, request, 1)).collect();
        let outcomes = self.server.0.run(caller(), wishes).await;
        outcomes.iter().map(Result::is_ok).collect()
    }

    fn not_on(&self, node: usize) -> Vec<bool> {
        self.ids.iter().map(|(_, at)| *at != node).collect()
    }

    fn first_on(&self, node: usize) -> &str {
        &self.ids.iter().find(|(_, at)| *at == node).unwrap().0
    }

    fn is_named(&self, node: usize) -> bool {
        let port = format!(":{} takes no writes", self.cluster.nodes[node].port);
        self.server.0.warnings().iter().any(|warning| warning.contains(&port))
    }
}

#[tokio::test]
async fn a_shard_that_hangs_holds_up_its_own_deployments_only() {
    let spread = Spread::start().await;
    spread.cluster.nodes[0].pause();
    for request in 0..3 {
        assert_eq!(spread.granted(request).await, spread.not_on(0));
        assert!(spread.server.works().await);
        assert!(spread.is_named(0));
    }
    spread.cluster.nodes[0].resume();
    let spread = &spread;
    let all = || async { spread.granted(9).await.into_iter().all(|granted| granted) };
    until("it is asked again", all).await;
    assert!(spread.server.works().await && !spread.is_named(0));
}

/// Once it hung for the cluster's own node timeout, its neighbours give it up, and go on.
#[tokio::test]
async fn a_shard_that_is_given_up_holds_up_its_own_deployments_only() {
    let spread = Spread::start().await;
    for node in &spread.cluster.nodes {
        node.ask("CONFIG SET cluster-node-timeout 1000").await;
    }
    spread.cluster.nodes[0].pause();
    let lost = format!("127.0.0.1:{}@", spread.cluster.nodes[0].port);
    let neighbour = &spread.cluster.nodes[1];
    let is_given_up = || async {
        let nodes = neighbour.ask("CLUSTER NODES").await;
        let nodes: String = redis::from_redis_value(nodes).unwrap();
        nodes.lines().any(|line| line.contains(&lost) && line.contains("fail "))
    };
    until("it is given up", is_given_up).await;
    let asked = AtomicU64::new(0);
    let (spread, asked) = (&spread, &asked);
    let others_go_on = || async {
        let request = asked.fetch_add(1, Ordering::Relaxed);
        spread.granted(request.into()).await == spread.not_on(0)
    };
    until("the others go on", others_go_on).await;
}

/// Two calls to a book may be under way: that of one shard is over when it is answered, whatever
/// else the caller asked.
#[tokio::test]
async fn nobody_waits_for_a_batch_that_waits_for_another_shard() {
    let spread = Spread::start().await;
    let (hung, well) = (spread.first_on(0), spread.first_on(1));
    spread.cluster.nodes[0].pause();
    let batches = (0..2).map(|no| {
        let wishes = vec![acquire(hung, no, 1), acquire(well, no, 1)];
        spread.server.0.run(caller(), wishes)
    });
    let batches = pin!(join_all(batches));
    let others = pin!(async {
        spread.server.granted(well, 10, 1).await;
    });
    let Either::Right(((), batches)) = select(batches, others).await else {
        panic!("the others waited");
    };
    for outcomes in batches.await {
        assert!(outcomes[0].is_err() && outcomes[1].is_ok(), "{outcomes:?}");
    }
}

#[tokio::test]
async fn a_server_is_ready_while_any_shard_takes_writes() {
    let mut spread = Spread::start().await;
    for node in 0..2 {
        assert!(!spread.is_named(node));
        spread.cluster.nodes[node].ask("CONFIG SET min-replicas-to-write 1").await;
        for _ in 0..4 {
            assert!(spread.server.works().await, "however often it is asked");
            assert!(spread.is_named(node));
        }
    }
    spread.cluster.nodes[0].kill();
    let spread = &spread;
    let only_the_last = || async {
        spread.server.works().await
            && spread.is_named(0)
            && spread.is_named(1)
            && !spread.is_named(2)
    };
    // The crate looks for the dead one first, and calls to the others may wait for that.
    until("the others are found", only_the_last).await;
    spread.cluster.nodes[2].ask("CONFIG SET min-replicas-to-write 1").await;
    until("none takes writes", || async { !spread.server.works().await }).await;
}
