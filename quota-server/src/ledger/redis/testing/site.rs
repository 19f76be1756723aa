//! A Redis, or a cluster, whose time is that of a clock that stands until it is moved.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use quota_core::{BookPage, LeaseId, Now, Overview};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::process::connect;
use super::{TestCluster, TestRedis};
use crate::clock::Clock;
use crate::clock::manual::ManualClock;
use crate::ledger::redis::functions::Library;
use crate::ledger::redis::register::Known;
use crate::ledger::redis::{RedisAddress, RedisConfig, RedisLedger};
use crate::ledger::{
    Caller, DeploymentPage, Expected, LeasePage, Ledger, Op, OpError, Put, PutError, Reply, Stored,
    Unavailable,
};
use crate::store::catalogue::Catalogue;

/// Where a Redis ledger's data are.
pub(crate) struct RedisSite {
    nodes: Vec<TestRedis>,
    address: RedisAddress,
    catalogue: Arc<Catalogue>,
    folder: TempDir,
    library: Library,
}

/// A server by that clock.
pub(crate) struct Timed {
    ledger: RedisLedger,
    clock: ManualClock,
    set_clock: String,
    ports: Vec<u16>,
}

impl RedisSite {
    pub(crate) async fn single() -> Self {
        let redis = TestRedis::start_durable().await;
        let address = redis.address();
        Self::new(vec![redis], address).await
    }

    pub(crate) async fn cluster() -> Self {
        let cluster = TestCluster::start().await;
        let address = cluster.address();
        Self::new(cluster.nodes, address).await
    }

    async fn new(nodes: Vec<TestRedis>, address: RedisAddress) -> Self {
        let folder = TempDir::new().unwrap();
        let catalogue = Arc::new(Catalogue::in_folder(folder.path(), "test").await.unwrap());
        Self { nodes, address, catalogue, folder, library: Library::with_manual_clock() }
    }

    /// A server that knows nothing of before. Redis goes on: one that crashed with all of its
    /// servers would be quarantined.
    pub(crate) async fn server(&self, clock: &ManualClock) -> Timed {
        let mut config = RedisConfig::new(self.address.clone(), self.folder.path(), String::new());
        config.history_hours = 1;
        let tasks = TaskTracker::new();
        let ledger = RedisLedger::open_on(
            self.catalogue.clone(),
            &config,
            self.library.clone(),
            Arc::new(clock.clone()),
            &tasks,
            CancellationToken::new(),
        );
        let ledger = ledger.await.unwrap();
        ledger.inner.settle().await.unwrap();
        Timed {
            ledger,
            clock: clock.clone(),
            set_clock: self.library.function("set_clock"),
            ports: self.nodes.iter().map(|node| node.port).collect(),
        }
    }
}

impl Timed {
    /// A deployment, as it is known here by its number.
    pub(in crate::ledger::redis) fn knows(&self, no: u32) -> Option<Arc<Known>> {
        self.ledger.inner.register.numbered(no)
    }

    /// What the harvest does with a deleted deployment of which nothing is due.
    pub(in crate::ledger::redis) async fn forget(&self, known: &Arc<Known>) {
        self.on_time().await.inner.forget(known).await;
    }

    /// Tells every node the time.
    async fn on_time(&self) -> &RedisLedger {
        let wall_ms = self.clock.reading().wall_ms;
        for port in &self.ports {
            let mut node = connect(*port).await.unwrap();
            let mut set = redis::cmd("FCALL");
            set.arg(&self.set_clock).arg(0).arg(wall_ms);
            set.exec_async(&mut node).await.unwrap();
        }
        // As it does once a second: the clock may have been moved by an hour.
        self.ledger.inner.look().await.unwrap();
        &self.ledger
    }
}

impl Ledger for Timed {
    fn run(&self, caller: Caller, ops: Vec<Op>) -> BoxFuture<'_, Vec<Result<Reply, OpError>>> {
        async move { self.on_time().await.run(caller, ops).await }.boxed()
    }

    fn put(&self, put: Put) -> BoxFuture<'_, Result<Stored, PutError>> {
        async move { self.on_time().await.put(put).await }.boxed()
    }

    fn delete(
        &self,
        id: Arc<str>,
        expected: Option<Expected>,
    ) -> BoxFuture<'_, Result<Option<()>, PutError>> {
        async move { self.on_time().await.delete(id, expected).await }.boxed()
    }

    fn deployment(&self, id: Arc<str>) -> BoxFuture<'_, Result<Option<Stored>, Unavailable>> {
        async move { self.on_time().await.deployment(id).await }.boxed()
    }

    /// What beats do with time happens here.
    fn some_deployments(&self, first: u32) -> BoxFuture<'_, Result<DeploymentPage, Unavailable>> {
        async move {
            let ledger = self.on_time().await;
            ledger.inner.harvest().await;
            ledger.inner.prune().await;
            ledger.some_deployments(first).await
        }
        .boxed()
    }

    fn windows(
        &self,
        id: Arc<str>,
        last: u64,
    ) -> BoxFuture<'_, Result<Option<Vec<BookPage>>, Unavailable>> {
        async move { self.on_time().await.windows(id, last).await }.boxed()
    }

    fn leases(
        &self,
        id: Arc<str>,
        first: LeaseId,
    ) -> BoxFuture<'_, Result<Option<LeasePage>, Unavailable>> {
        async move { self.on_time().await.leases(id, first).await }.boxed()
    }

    fn overview(&self) -> BoxFuture<'_, Result<Vec<(Stored, Overview)>, Unavailable>> {
        async move { self.on_time().await.overview().await }.boxed()
    }

    fn health(&self) -> BoxFuture<'_, Result<Now, Unavailable>> {
        async move { self.on_time().await.health().await }.boxed()
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        // The catalogue goes on: it is the site's.
        async {}.boxed()
    }
}
