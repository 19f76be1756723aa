//! The seam: to the active ledger, or to the books of a standby.

use std::sync::{Arc, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use quota_core::{BookPage, LeaseId, Now, Overview};

use super::PostgresLedger;
use super::face::Face;
use crate::ledger::journaled::{Follower, JournaledLedger};
use crate::ledger::{
    Caller, DeploymentPage, Expected, LeasePage, Ledger, Op, OpError, Put, PutError, Reply, Role,
    Stored, Unavailable,
};

impl PostgresLedger {
    fn face(&self) -> Face {
        self.face.borrow().clone()
    }

    /// Ends wherever it is, as `kill -9` would: no goodbye.
    #[cfg(any(test, feature = "simulation"))]
    pub(crate) async fn kill(&self) {
        let candidate = {
            let mut candidate = self.candidate.lock().unwrap_or_else(PoisonError::into_inner);
            candidate.take()
        };
        if let Some(candidate) = candidate {
            candidate.abort();
            let _ended = candidate.await;
        }
        if let Face::Active(ledger) = self.face() {
            ledger.kill().await;
        }
    }

    /// The ledger that writes, if it is this server's.
    fn active(&self) -> Result<Arc<JournaledLedger>, Unavailable> {
        match self.face() {
            _ if self.stop.is_cancelled() => Err(Unavailable::Stopping),
            Face::Active(ledger) => Ok(ledger),
            Face::Standby(standby) => Err(standby.elsewhere()),
            Face::Reading => Err(Unavailable::CannotWrite),
        }
    }
}

impl Ledger for PostgresLedger {
    fn run(&self, caller: Caller, ops: Vec<Op>) -> BoxFuture<'_, Vec<Result<Reply, OpError>>> {
        async move {
            match self.active() {
                Ok(ledger) => ledger.run(caller, ops).await,
                Err(away) => ops.iter().map(|_| Err(away.clone().into())).collect(),
            }
        }
        .boxed()
    }

    fn put(&self, put: Put) -> BoxFuture<'_, Result<Stored, PutError>> {
        async move { self.active()?.put(put).await }.boxed()
    }

    fn delete(
        &self,
        id: Arc<str>,
        expected: Option<Expected>,
    ) -> BoxFuture<'_, Result<Option<()>, PutError>> {
        async move { self.active()?.delete(id, expected).await }.boxed()
    }

    fn deployment(&self, id: Arc<str>) -> BoxFuture<'_, Result<Option<Stored>, Unavailable>> {
        async move {
            match self.face() {
                Face::Active(ledger) => ledger.deployment(id).await,
                Face::Standby(standby) => standby.read(|books, _| books.deployment(&id)),
                Face::Reading => Err(Unavailable::CannotWrite),
            }
        }
        .boxed()
    }

    fn some_deployments(&self, first: u32) -> BoxFuture<'_, Result<DeploymentPage, Unavailable>> {
        async move {
            match self.face() {
                Face::Active(ledger) => ledger.some_deployments(first).await,
                Face::Standby(standby) => standby.read(|books, _| books.some_deployments(first)),
                Face::Reading => Err(Unavailable::CannotWrite),
            }
        }
        .boxed()
    }

    fn windows(
        &self,
        id: Arc<str>,
        last: u64,
    ) -> BoxFuture<'_, Result<Option<Vec<BookPage>>, Unavailable>> {
        async move {
            match self.face() {
                Face::Active(ledger) => ledger.windows(id, last).await,
                Face::Standby(standby) => standby.windows(&id, last).await,
                Face::Reading => Err(Unavailable::CannotWrite),
            }
        }
        .boxed()
    }

    fn leases(
        &self,
        id: Arc<str>,
        first: LeaseId,
    ) -> BoxFuture<'_, Result<Option<LeasePage>, Unavailable>> {
        async move {
            match self.face() {
                Face::Active(ledger) => ledger.leases(id, first).await,
                Face::Standby(standby) => standby.held(&id, first),
                Face::Reading => Err(Unavailable::CannotWrite),
            }
        }
        .boxed()
    }

    fn overview(&self) -> BoxFuture<'_, Result<Vec<(Stored, Overview)>, Unavailable>> {
        async move {
            match self.face() {
                Face::Active(ledger) => ledger.overview().await,
                Face::Standby(standby) => standby.read(Follower::overview),
                Face::Reading => Err(Unavailable::CannotWrite),
            }
        }
        .boxed()
    }

    fn health(&self) -> BoxFuture<'_, Result<Now, Unavailable>> {
        async move {
            match self.face() {
                _ if self.stop.is_cancelled() => Err(Unavailable::Stopping),
                Face::Active(ledger) => ledger.health().await,
                Face::Standby(standby) => standby.read(|_, now| *now),
                Face::Reading => Err(Unavailable::CannotWrite),
            }
        }
        .boxed()
    }

    fn role(&self) -> Role {
        match &*self.face.borrow() {
            Face::Active(_) => Role::Active,
            Face::Standby(_) | Face::Reading => Role::Standby,
        }
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.clone();
        if let Face::Active(ledger) = &*self.face.borrow() {
            warnings.extend(ledger.warnings());
        }
        warnings
    }

    fn queued(&self) -> usize {
        match &*self.face.borrow() {
            Face::Active(ledger) => ledger.queued(),
            Face::Standby(_) | Face::Reading => 0,
        }
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        async move {
            self.stop.cancel();
            let candidate = {
                let mut candidate = self.candidate.lock().unwrap_or_else(PoisonError::into_inner);
                candidate.take()
            };
            if let Some(candidate) = candidate
                && let Err(error) = candidate.await
            {
                tracing::error!(%error, "the candidate ended badly");
            }
            self.history.close().await;
        }
        .boxed()
    }
}
