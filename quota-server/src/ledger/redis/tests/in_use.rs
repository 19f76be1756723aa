//! Two Redises under one catalogue: one is granted from.

use std::sync::Arc;

use futures_util::future::{Either, select};
use tempfile::TempDir;
use tokio::time::{Duration, sleep};

use super::world::{Server, World, is_quarantined};
use crate::ledger::redis::testing::{DURABLE, TestCluster, TestRedis, until};
use crate::ledger::redis::{OpenRedisError, RedisAddress};
use crate::ledger::{OpError, Unavailable};
use crate::store::catalogue::Catalogue;
use crate::store::postgres::testing::TestDatabase;

/// Servers that share a catalogue with others, each with its own address.
async fn world(database: &TestDatabase, address: RedisAddress, start: &str) -> World {
    let catalogue = Catalogue::in_postgres(&database.url, start, true).await.unwrap();
    World::with(Arc::new(catalogue), TempDir::new().unwrap(), address, start).await
}

impl Server {
    async fn agrees(&self) -> bool {
        let inner = &self.0.inner;
        inner.agree(inner.name().await).await.unwrap()
    }

    /// What a server does once a second.
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
    assert!(matches!(refused, Err(OpenRedisError::Elsewhere { .. })));
    // Nobody uses it any more: its server is held up.
    let second = there.server().await;
    assert!(is_quarantined(second.acquire("m", 3, 1).await), "what was granted is not known here");
    assert!(!first.agrees().await);
    assert!(first.is_refused(2).await && !first.works().await);
    assert!(second.agrees().await);
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

/// It is another process then: one that nobody knows anything of, or one that was seen to keep everything.
#[tokio::test]
async fn a_redis_that_is_restarted_is_used_again() {
    for (settings, at_once) in [(&["--save", ""][..], false), (&DURABLE, true)] {
        let database = TestDatabase::new().await;
        let mut redis = TestRedis::start_with(settings).await;
        let world = world(&database, redis.address(), "start").await;
        let server = world.server().await;
        assert!(server.agrees().await);
        let before = server.0.inner.name().await;
        redis.restart().await;
        let is_found = || async {
            // A call that finds the connection lost has it opened anew.
            let _lost = server.0.inner.site.claim(&server.0.inner.books.link).await;
            server.0.inner.name().await.is_some_and(|name| Some(name) != before)
        };
        until("it is found again", is_found).await;
        if at_once {
            assert!(server.agrees().await);
        }
        until("it is used again", || server.agrees()).await;
    }
}
