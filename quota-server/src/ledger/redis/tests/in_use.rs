//! Two Redises under one catalogue: one is granted from.

use std::sync::Arc;

use futures_util::future::{Either, select};
use tempfile::TempDir;
use tokio::time::{Duration, sleep};

use super::world::{Server, World, is_quarantined};
use crate::ledger::redis::in_use::Found;
use crate::ledger::redis::link::LinkError;
use crate::ledger::redis::testing::{DURABLE, TestCluster, TestName, TestRedis, until};
use crate::ledger::redis::{Inner, RedisAddress, RedisTrouble};
use crate::ledger::{OpError, Unavailable};
use crate::store::catalogue::Catalogue;
use crate::store::postgres::testing::TestDatabase;

/// Servers that share a catalogue with others, each with its own address.
async fn world(database: &TestDatabase, address: RedisAddress, start: &str) -> World {
    let catalogue = Catalogue::in_postgres(&database.url, start, true).await.unwrap();
    World::with(Arc::new(catalogue), TempDir::new().unwrap(), address, start).await
}

impl Server {
    /// What a server does once a second.
    async fn agrees(&self) -> bool {
        self.0.inner.look().await.unwrap() == Found::InUse
    }

    async fn beat(&self) {
        loop {
            assert!(self.agrees().await);
            sleep(Duration::from_millis(200)).await;
        }
    }

    async fn is_refused(&self, request: u128) -> bool {
        let refused = self.acquire("m", request, 1).await;
        matches!(refused, Err(OpError::Unavailable(Unavailable::CannotWrite)))
    }

    /// Waits until it is connected to another process than this.
    async fn leaves(&self, process: Option<Arc<str>>) {
        let link = &self.0.inner.books.link;
        let is_found = || async {
            // A call that finds the connection lost has it opened anew.
            let _lost = self.0.inner.site.claim(link).await;
            link.process().is_some_and(|it| Some(it) != process)
        };
        until("it is found", is_found).await;
    }

    fn process(&self) -> Option<Arc<str>> {
        self.0.inner.books.link.process()
    }
}

async fn two_are_not_used(addresses: [RedisAddress; 2]) {
    let database = TestDatabase::new().await;
    let [one, other] = addresses;
    let here = world(&database, one, "first start").await;
    let there = world(&database, other, "second start").await;
    let first = here.server().await;
    first.put("m", 100).await;
    first.granted("m", 1, 60).await;
    // While it is used the other one is not, by whoever is started there.
    let second = Box::pin(there.try_server());
    let Either::Left((refused, _)) = select(second, Box::pin(first.beat())).await else {
        panic!("it beats for ever")
    };
    assert!(matches!(refused, Err(RedisTrouble::Elsewhere { .. })));
    // Nobody uses it any more: its server is held up.
    let second = there.server().await;
    assert!(is_quarantined(second.acquire("m", 3, 1).await), "what was granted is not known here");
    assert!(!first.agrees().await);
    assert!(first.is_refused(2).await && !first.works().await);
    assert!(second.agrees().await);
    first.0.inner.harvest_in_turn().await;
    let Inner { site, books, .. } = &*first.0.inner;
    until("nobody brought its windows into the history", || site.may_harvest(&books.link)).await;
    // Back again, at a Redis that lost nothing of its own: what was granted there meanwhile is not
    // known here.
    drop((first, second));
    let third = here.server().await;
    assert!(is_quarantined(third.acquire("m", 4, 1).await));
}

#[tokio::test]
async fn of_two_redises_one_is_granted_from() {
    let (one, other) = (TestRedis::start().await, TestRedis::start().await);
    two_are_not_used([one.address(), other.address()]).await;
}

#[tokio::test]
async fn of_two_clusters_one_is_granted_from() {
    let (one, other) = (TestCluster::start().await, TestCluster::start().await);
    two_are_not_used([one.address(), other.address()]).await;
}

/// It is another process then: one that nobody knows anything of, or one that was seen to keep
/// everything.
#[tokio::test]
async fn a_redis_that_is_restarted_is_used_again() {
    for (settings, at_once) in [(&["--save", ""][..], false), (&DURABLE, true)] {
        let database = TestDatabase::new().await;
        let mut redis = TestRedis::start_with(settings).await;
        let world = world(&database, redis.address(), "start").await;
        let server = world.server().await;
        assert!(server.agrees().await);
        let before = server.process();
        redis.restart().await;
        server.leaves(before).await;
        assert!(server.is_refused(1).await, "before it looked");
        if at_once {
            assert!(server.agrees().await);
        }
        until("it is used again", || server.agrees()).await;
    }
}

#[tokio::test]
async fn nothing_is_called_in_a_redis_before_it_is_known_to_be_in_use() {
    let database = TestDatabase::new().await;
    let (one, other) = (TestRedis::start().await, TestRedis::start().await);
    let name = TestName::of(&one).await;
    let server = world(&database, name.address(), "start").await.server().await;
    server.put("m", 100).await;
    server.granted("m", 1, 60).await;
    let before = server.process();
    name.lead_to(&other);
    name.cut();
    server.leaves(before).await;
    assert!(server.is_refused(2).await && !server.works().await);
    assert!(
        !other.says("EXISTS tl:{1}:book", "1").await,
        "a book that is opened now is clean in a minute"
    );
    until("nobody is left there", || server.agrees()).await;
    assert!(is_quarantined(server.acquire("m", 3, 1).await));
}

#[tokio::test]
async fn a_server_comes_back_where_its_address_leads_to_the_redis_in_use_again() {
    let database = TestDatabase::new().await;
    let (one, other) = (TestRedis::start().await, TestRedis::start().await);
    let there = world(&database, one.address(), "first start").await.server().await;
    let name = TestName::of(&one).await;
    let server = world(&database, name.address(), "second start").await.server().await;
    let before = server.process();
    name.lead_to(&other);
    name.cut();
    server.leaves(before).await;
    for _ in 0..3 {
        assert!(there.agrees().await && !server.agrees().await);
        until("it is there again", || async { server.process().is_some() }).await;
    }
    // Its connection to the other one stays as good as it was.
    name.lead_to(&one);
    until("it comes back", || async { there.agrees().await && server.agrees().await }).await;
}

#[tokio::test]
async fn a_server_whose_looks_are_late_grants_nothing_until_the_next() {
    let redis = TestRedis::start().await;
    let database = TestDatabase::new().await;
    let server = world(&database, redis.address(), "start").await.server().await;
    server.put("m", 100).await;
    server.granted("m", 1, 1).await;
    sleep(Duration::from_millis(3_100)).await;
    assert!(server.is_refused(2).await && !server.works().await);
    assert!(server.agrees().await);
    server.granted("m", 3, 1).await;
}

#[tokio::test]
async fn a_server_that_cannot_read_the_catalogue_goes_on_with_the_redis_that_it_has() {
    let redis = TestRedis::start().await;
    let database = TestDatabase::alone().await;
    let server = world(&database, redis.address(), "start").await.server().await;
    server.put("m", 100).await;
    drop(database);
    for request in 0..5 {
        assert!(server.0.inner.look().await.is_err());
        server.granted("m", request, 1).await;
        sleep(Duration::from_secs(1)).await;
    }
}

/// An older copy is known by them, however long the catalogue is away.
#[tokio::test]
async fn a_server_that_cannot_read_the_catalogue_leaves_marks() {
    let mut redis = TestRedis::start_durable().await;
    let database = TestDatabase::alone().await;
    let server = world(&database, redis.address(), "start").await.server().await;
    let (before, inner) = (server.process(), &server.0.inner);
    drop(database);
    let kept = redis.copied().await;
    assert!(inner.look().await.is_err());
    assert!(inner.site.is_marked(&inner.books.link).await);
    redis.restart_with(&kept).await;
    server.leaves(before).await;
    assert!(!inner.site.is_marked(&inner.books.link).await);
}

/// Which node has a key.
async fn node_of(cluster: &TestCluster, key: &str) -> usize {
    let slot = cluster.nodes[0].ask(&format!("CLUSTER KEYSLOT {key}")).await;
    let redis::Value::Int(slot) = slot else { panic!("no slot") };
    usize::try_from(slot).unwrap() * 3 / 16_384
}

#[tokio::test]
async fn a_cluster_is_in_use_while_any_shard_is_granted_from() {
    for key in ["tl:site", "tl:cluster"] {
        let cluster = TestCluster::start().await;
        let database = TestDatabase::new().await;
        let server = world(&database, cluster.address(), "start").await.server().await;
        let catalogue = &server.0.inner.catalogue;
        let before = catalogue.redis_in_use().await.unwrap().unwrap();
        cluster.nodes[node_of(&cluster, key).await].pause();
        assert!(server.agrees().await, "without {key}");
        let after = catalogue.redis_in_use().await.unwrap().unwrap();
        assert_eq!((after.name, after.sign), (before.name, before.sign + 1));
    }
}

#[tokio::test]
async fn a_cluster_that_does_not_say_which_one_it_is_is_not_taken_for_another() {
    let cluster = TestCluster::start().await;
    let database = TestDatabase::new().await;
    let world = world(&database, cluster.address(), "start").await;
    let _first = world.server().await;
    let node = &cluster.nodes[node_of(&cluster, "tl:cluster").await];
    node.ask("CONFIG SET min-replicas-to-write 1").await;
    let started = world.try_server().await.err();
    assert!(matches!(started, Some(RedisTrouble::Away { .. })), "{started:?}");
}

#[tokio::test]
async fn a_ledger_is_writable_where_its_redis_is_in_use_and_answers() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let redis = TestRedis::start().await;
    let database = TestDatabase::new().await;
    let server = world(&database, redis.address(), "start").await.server().await;
    let inner = &server.0.inner;
    let is_told = || {
        inner.tell_writable();
        recorder.handle().render().contains("quota_ledger_writable 1")
    };
    assert!(is_told());
    inner.books.outage.failed(&LinkError::Down, 1_000);
    assert!(!is_told());
    inner.books.link.agree(None);
    inner.books.outage.works(60_000);
    assert!(!is_told(), "it answers, and is not in use");
    assert!(server.agrees().await && is_told());
}
