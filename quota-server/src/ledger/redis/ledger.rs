//! The seam.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use quota_core::{BookPage, LeaseId, Now, Overview};
use tokio::time::timeout;

use super::RedisLedger;
use crate::ledger::{
    Caller, DeploymentPage, Expected, LeasePage, Ledger, Op, OpError, Put, PutError, Reply, Stored,
    Unavailable,
};

/// How long calls that are under way may take when the ledger stops.
const DRAIN: Duration = Duration::from_secs(5);

impl Ledger for RedisLedger {
    fn run(&self, caller: Caller, ops: Vec<Op>) -> BoxFuture<'_, Vec<Result<Reply, OpError>>> {
        async move { self.inner.run(&caller, &ops).await }.boxed()
    }

    fn put(&self, put: Put) -> BoxFuture<'_, Result<Stored, PutError>> {
        async move { self.inner.put(&put).await }.boxed()
    }

    fn delete(
        &self,
        id: Arc<str>,
        expected: Option<Expected>,
    ) -> BoxFuture<'_, Result<Option<()>, PutError>> {
        async move { self.inner.delete(&id, expected).await }.boxed()
    }

    fn deployment(&self, id: Arc<str>) -> BoxFuture<'_, Result<Option<Stored>, Unavailable>> {
        async move {
            let known = self.inner.live(&id).await?;
            Ok(known.map(|known| known.stored(false)))
        }
        .boxed()
    }

    fn some_deployments(&self, first: u32) -> BoxFuture<'_, Result<DeploymentPage, Unavailable>> {
        async move {
            self.inner.refresh().await?;
            Ok(self.inner.register.page(first))
        }
        .boxed()
    }

    fn windows(
        &self,
        id: Arc<str>,
        last: u64,
    ) -> BoxFuture<'_, Result<Option<Vec<BookPage>>, Unavailable>> {
        async move { self.inner.windows(&id, last).await }.boxed()
    }

    fn leases(
        &self,
        id: Arc<str>,
        first: LeaseId,
    ) -> BoxFuture<'_, Result<Option<LeasePage>, Unavailable>> {
        async move { self.inner.leases(&id, first).await }.boxed()
    }

    fn overview(&self) -> BoxFuture<'_, Result<Vec<(Stored, Overview)>, Unavailable>> {
        async move { self.inner.overview().await }.boxed()
    }

    fn health(&self) -> BoxFuture<'_, Result<Now, Unavailable>> {
        async move { self.inner.health().await }.boxed()
    }

    fn warnings(&self) -> Vec<String> {
        let warnings = self.inner.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        let down = self.inner.down.lock().unwrap_or_else(PoisonError::into_inner);
        let told = warnings.iter().map(|warning| {
            let is_read = self.inner.acknowledged.has(*warning);
            format!("{}{warning}", if is_read { "acknowledged: " } else { "" })
        });
        let told = told.chain(down.iter().map(ToString::to_string));
        told.chain(self.inner.catalogue_trouble()).collect()
    }

    fn trouble(&self) -> Option<String> {
        self.inner.trouble().map(|trouble| trouble.to_string())
    }

    fn queued(&self) -> usize {
        self.inner.calls.saturating_sub(self.inner.permits.available_permits())
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        async move {
            let inner = &self.inner;
            inner.draining.cancel();
            let all = u32::try_from(inner.calls).unwrap_or(u32::MAX);
            let _left_undone = timeout(DRAIN, inner.permits.acquire_many(all)).await;
            inner.stop.cancel();
            inner.catalogue.close().await;
        }
        .boxed()
    }
}
