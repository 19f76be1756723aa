//! Ledgers that do not answer as they should.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, pending, ready};
use quota_core::{BookPage, LeaseId, Now, Overview};

use crate::ledger::{
    Caller, DeploymentPage, Expected, LeasePage, Ledger, Op, OpError, Put, PutError, Reply, Stored,
    Unavailable,
};

/// What is wrong with it.
#[derive(Debug, Clone)]
pub(in crate::http) enum Fault {
    /// It says that it is away.
    Says(Unavailable),
    /// It says nothing.
    Hangs,
    /// It panics.
    Panics,
    /// It answers something else than it was asked.
    Misanswers,
}

pub(in crate::http) struct Away {
    fault: Fault,
    asked: AtomicUsize,
}

impl Away {
    pub(in crate::http) fn new(fault: Fault) -> Self {
        Self { fault, asked: AtomicUsize::new(0) }
    }

    /// How often it was.
    pub(in crate::http) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    fn fail<T: Send + 'static, E: From<Unavailable> + Send + 'static>(
        &self,
    ) -> BoxFuture<'_, Result<T, E>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        match &self.fault {
            Fault::Says(unavailable) => ready(Err(unavailable.clone().into())).boxed(),
            Fault::Hangs | Fault::Misanswers => pending().boxed(),
            Fault::Panics => async { panic!("a fault of the ledger's") }.boxed(),
        }
    }
}

impl Ledger for Away {
    fn run(&self, _: Caller, ops: Vec<Op>) -> BoxFuture<'_, Vec<Result<Reply, OpError>>> {
        if matches!(self.fault, Fault::Misanswers) {
            return ready(ops.iter().map(|_| Ok(Reply::Noted)).collect()).boxed();
        }
        async move {
            let answer: Result<Reply, OpError> = self.fail().await;
            vec![answer; ops.len()]
        }
        .boxed()
    }

    fn put(&self, _: Put) -> BoxFuture<'_, Result<Stored, PutError>> {
        self.fail()
    }

    fn delete(
        &self,
        _: Arc<str>,
        _: Option<Expected>,
    ) -> BoxFuture<'_, Result<Option<()>, PutError>> {
        self.fail()
    }

    fn deployment(&self, _: Arc<str>) -> BoxFuture<'_, Result<Option<Stored>, Unavailable>> {
        self.fail()
    }

    fn some_deployments(&self, _: u32) -> BoxFuture<'_, Result<DeploymentPage, Unavailable>> {
        self.fail()
    }

    fn windows(
        &self,
        _: Arc<str>,
        _: u64,
    ) -> BoxFuture<'_, Result<Option<Vec<BookPage>>, Unavailable>> {
        self.fail()
    }

    fn leases(
        &self,
        _: Arc<str>,
        _: LeaseId,
    ) -> BoxFuture<'_, Result<Option<LeasePage>, Unavailable>> {
        self.fail()
    }

    fn overview(&self) -> BoxFuture<'_, Result<Vec<(Stored, Overview)>, Unavailable>> {
        self.fail()
    }

    fn health(&self) -> BoxFuture<'_, Result<Now, Unavailable>> {
        self.fail()
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        ready(()).boxed()
    }
}
