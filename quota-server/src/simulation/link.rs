use tokio::time::sleep;

use super::process::Process;
use super::store::{Store, StoreData};
use crate::ledger::journaled::JournalError;

/// A process's way to the store.
#[derive(Clone)]
pub(crate) struct StoreLink {
    pub(super) store: Store,
    pub(super) process: Process,
    /// The timeline that it is connected to.
    pub(super) timeline: u64,
}

impl StoreLink {
    pub(super) fn new(store: &Store, process: &Process) -> Self {
        let timeline = store.inner().timeline;
        Self { store: store.clone(), process: process.clone(), timeline }
    }

    /// One call: there, what it does, and back.
    pub(super) async fn call<T>(
        &self,
        done: impl FnOnce(&mut StoreData) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        self.process.gate().await;
        let (there, back) = self.store.inner().ways();
        sleep(there).await;
        let answer = {
            let mut inner = self.store.inner();
            inner.settle();
            self.holds(&inner).and_then(|()| done(&mut inner))
        };
        sleep(back).await;
        self.process.gate().await;
        answer
    }

    /// Whether the store answers on it.
    pub(super) fn holds(&self, inner: &StoreData) -> Result<(), JournalError> {
        inner.is_away()?;
        let is_there = self.timeline == inner.timeline;
        is_there.then_some(()).ok_or_else(|| JournalError::new("the connection is lost"))
    }
}
