//! The seam: from calls to jobs and back.

use std::sync::{Arc, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all, select_all};
use quota_core::{BookPage, LeaseId, Now, Overview};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tracing::Span;
use xxhash_rust::xxh3::xxh3_64;

use super::job::{Job, Look};
use super::views::Part;
use super::{JournaledLedger, Shard};
use crate::ledger::{
    Caller, DeploymentPage, Expected, LeasePage, Ledger, Op, OpError, Put, PutError, Reply, Stored,
    Unavailable,
};
use crate::metrics;

impl Ledger for JournaledLedger {
    fn run(&self, caller: Caller, ops: Vec<Op>) -> BoxFuture<'_, Vec<Result<Reply, OpError>>> {
        if let [shard] = self.shards.as_slice() {
            return self.run_on(shard, caller, ops).boxed();
        }
        self.run_split(caller, ops).boxed()
    }

    fn put(&self, put: Put) -> BoxFuture<'_, Result<Stored, PutError>> {
        async move {
            let shard = self.shard_of(&put.id);
            self.ask(shard, |answer| Job::Put { put, answer }).await?
        }
        .boxed()
    }

    fn delete(
        &self,
        id: Arc<str>,
        expected: Option<Expected>,
    ) -> BoxFuture<'_, Result<Option<()>, PutError>> {
        async move {
            let shard = self.shard_of(&id);
            self.ask(shard, |answer| Job::Delete { id, expected, answer }).await?
        }
        .boxed()
    }

    fn deployment(&self, id: Arc<str>) -> BoxFuture<'_, Result<Option<Stored>, Unavailable>> {
        async move {
            let shard = self.shard_of(&id);
            self.look(shard, |answer| Look::Deployment { id, answer }).await
        }
        .boxed()
    }

    fn some_deployments(&self, first: u32) -> BoxFuture<'_, Result<DeploymentPage, Unavailable>> {
        async move {
            let looks = self
                .shards
                .iter()
                .map(|shard| self.look(shard, move |answer| Look::Deployments { first, answer }));
            let pages = join_all(looks).await.into_iter().collect::<Result<Vec<_>, _>>()?;
            let next = pages.iter().filter_map(|page| page.next).min();
            let found = pages.into_iter().flat_map(|page| page.deployments);
            // Numbers from there on come again with the next page, whichever shard they are of.
            let mut deployments: Vec<_> =
                found.filter(|(no, _)| next.is_none_or(|next| *no < next)).collect();
            deployments.sort_unstable_by_key(|(no, _)| *no);
            Ok(DeploymentPage { deployments, next })
        }
        .boxed()
    }

    fn windows(
        &self,
        id: Arc<str>,
        last: u64,
    ) -> BoxFuture<'_, Result<Option<Vec<BookPage>>, Unavailable>> {
        self.pages(id, last).boxed()
    }

    fn leases(
        &self,
        id: Arc<str>,
        first: LeaseId,
    ) -> BoxFuture<'_, Result<Option<LeasePage>, Unavailable>> {
        async move {
            let shard = self.shard_of(&id);
            self.look(shard, |answer| Look::Held { id, first, answer }).await
        }
        .boxed()
    }

    fn overview(&self) -> BoxFuture<'_, Result<Vec<(Stored, Overview)>, Unavailable>> {
        async move {
            let mut all =
                self.look_through(|first, answer| Look::Overview { first, answer }).await?;
            all.sort_unstable_by(|(a, _): &(Stored, Overview), (b, _)| a.id.cmp(&b.id));
            Ok(all)
        }
        .boxed()
    }

    fn health(&self) -> BoxFuture<'_, Result<Now, Unavailable>> {
        let health = if self.stop.is_cancelled() {
            Err(Unavailable::Stopping)
        } else if self.health.is_writable() && self.shards.iter().all(Shard::is_alive) {
            Ok(self.time.stamp().now)
        } else {
            Err(Unavailable::CannotWrite)
        };
        std::future::ready(health).boxed()
    }

    fn warnings(&self) -> Vec<String> {
        self.health.warnings()
    }

    fn queued(&self) -> usize {
        self.shards.iter().map(|shard| shard.jobs.max_capacity() - shard.jobs.capacity()).sum()
    }

    fn died(&self) -> BoxFuture<'_, ()> {
        async move {
            self.ended().await;
            if self.stop.is_cancelled() {
                std::future::pending::<()>().await;
            }
        }
        .boxed()
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        async move {
            self.stop.cancel();
            let writers = {
                let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
                std::mem::take(&mut *writers)
            };
            for writer in join_all(writers).await {
                if let Err(error) = writer {
                    tracing::error!(%error, "a writer ended badly");
                }
            }
            self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
        .boxed()
    }
}

impl JournaledLedger {
    /// Ends when a writer has ended, whether it was told to or not.
    pub(crate) async fn ended(&self) {
        let closed = self.shards.iter().map(|shard| shard.jobs.closed().boxed());
        select_all(closed).await;
    }

    /// Ends the writers wherever they are, as `kill -9` would.
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) async fn kill(&self) {
        let writers = {
            let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *writers)
        };
        for writer in writers {
            writer.abort();
            let _ended = writer.await;
        }
    }
}

impl Shard {
    fn is_alive(&self) -> bool {
        !self.jobs.is_closed()
    }

    /// Room for so many operations.
    fn room_for(&self, operations: usize) -> Result<OwnedSemaphorePermit, Unavailable> {
        let count = u32::try_from(operations).unwrap_or(u32::MAX);
        Arc::clone(&self.operations).try_acquire_many_owned(count).map_err(|_full| {
            metrics::refused_for_memory(metrics::MemoryOf::Operations);
            Unavailable::Overloaded
        })
    }
}

impl JournaledLedger {
    async fn run_on(
        &self,
        shard: &Shard,
        caller: Caller,
        ops: Vec<Op>,
    ) -> Vec<Result<Reply, OpError>> {
        let count = ops.len();
        let ran = async {
            let room = shard.room_for(count)?;
            let span = Span::current();
            self.ask(shard, |answer| Job::Run { caller, ops, span, room, answer }).await
        };
        match ran.await {
            Ok(results) => results,
            Err(away) => (0..count).map(|_| Err(away.clone().into())).collect(),
        }
    }

    /// Runs each shard's operations there, all shards at once, and puts the results back in order.
    async fn run_split(&self, caller: Caller, ops: Vec<Op>) -> Vec<Result<Reply, OpError>> {
        let places: Vec<usize> = ops.iter().map(|op| self.index_of(op)).collect();
        let mut parts: Vec<Vec<Op>> = self.shards.iter().map(|_| Vec::new()).collect();
        for (op, place) in ops.into_iter().zip(&places) {
            parts[*place].push(op);
        }
        let busy = self.shards.iter().zip(parts);
        let runs = busy.map(|(shard, ops)| self.run_some(shard, caller.clone(), ops));
        let mut results: Vec<_> = join_all(runs).await.into_iter().map(Vec::into_iter).collect();
        // A writer answers each operation; none can be left without.
        let missing = || Err(Unavailable::CannotWrite.into());
        places.iter().map(|place| results[*place].next().unwrap_or_else(missing)).collect()
    }

    async fn run_some(
        &self,
        shard: &Shard,
        caller: Caller,
        ops: Vec<Op>,
    ) -> Vec<Result<Reply, OpError>> {
        if ops.is_empty() { Vec::new() } else { self.run_on(shard, caller, ops).await }
    }

    async fn pages(&self, id: Arc<str>, last: u64) -> Result<Option<Vec<BookPage>>, Unavailable> {
        let shard = self.shard_of(&id);
        let Some(live) = self.look(shard, |answer| Look::Pages { id, answer }).await? else {
            return Ok(None);
        };
        let oldest = (live.minute + 1).saturating_sub(last);
        // Read after the book was: a page that was closed in between is in both, never in none.
        let history = shard.history.pages(live.no, oldest).await.map_err(|error| {
            tracing::error!(%error, "the history cannot be read");
            Unavailable::CannotWrite
        })?;
        Ok(Some(live.with(history, oldest)))
    }

    /// All deployments of all shards, in no order: part by part, so that others have their turn
    /// between.
    async fn look_through<T>(
        &self,
        look: impl Fn(u32, oneshot::Sender<Part<T>>) -> Look + Copy,
    ) -> Result<Vec<T>, Unavailable> {
        let mut all = Vec::new();
        let shards = self.shards.iter().map(async |shard| {
            let (mut found, mut first) = (Vec::new(), Some(0));
            while let Some(from) = first {
                let part = self.look(shard, |answer| look(from, answer)).await?;
                found.extend(part.found);
                first = part.next;
            }
            Ok(found)
        });
        for found in join_all(shards).await {
            all.extend(found?);
        }
        Ok(all)
    }

    async fn look<T>(
        &self,
        shard: &Shard,
        look: impl FnOnce(oneshot::Sender<T>) -> Look,
    ) -> Result<T, Unavailable> {
        self.ask(shard, |answer| Job::Look(look(answer))).await
    }

    /// Puts a job into a shard's mailbox and waits for its answer.
    async fn ask<T>(
        &self,
        shard: &Shard,
        job: impl FnOnce(oneshot::Sender<T>) -> Job,
    ) -> Result<T, Unavailable> {
        if self.stop.is_cancelled() {
            return Err(Unavailable::Stopping);
        }
        let (answer, answered) = oneshot::channel();
        shard.jobs.try_send(job(answer)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Unavailable::Overloaded,
            mpsc::error::TrySendError::Closed(_) if self.stop.is_cancelled() => {
                Unavailable::Stopping
            }
            // Its writer has died.
            mpsc::error::TrySendError::Closed(_) => Unavailable::CannotWrite,
        })?;
        // A writer that dies without an answer may have written first.
        answered.await.map_err(|_gone| Unavailable::CannotWrite)
    }

    fn shard_of(&self, id: &str) -> &Shard {
        &self.shards[self.index_of_id(id)]
    }

    fn index_of(&self, op: &Op) -> usize {
        match op {
            Op::Acquire { deployment, .. } | Op::Denied { deployment, .. } => {
                self.index_of_id(deployment)
            }
            Op::GiveBack { deployment, .. } | Op::Use { deployment, .. } => {
                self.modulo(u64::from(*deployment))
            }
        }
    }

    /// Fixed for ever: the files were filled by it.
    fn index_of_id(&self, id: &str) -> usize {
        if self.shards.len() == 1 { 0 } else { self.modulo(xxh3_64(id.as_bytes())) }
    }

    fn modulo(&self, number: u64) -> usize {
        let shards = u64::try_from(self.shards.len()).unwrap_or(1);
        usize::try_from(number % shards).unwrap_or(0)
    }
}
