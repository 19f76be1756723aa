//! A journal in memory that fails when it is told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use quota_core::BookPage;

use super::super::journal::{
    Catalogue, Change, Commit, DeploymentRow, History, Journal, JournalError, Kept,
};
use super::super::recovery::RecoveryError;

/// How writing fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::ledger::journaled) enum Fault {
    #[default]
    None,
    /// Nothing is written.
    Before,
    /// It is written all the same.
    After,
    /// The writer dies.
    Panic,
}

/// What survives a crash.
#[derive(Debug, Default)]
pub(in crate::ledger::journaled) struct Disk {
    pub(in crate::ledger::journaled) entries: BTreeMap<u64, Vec<u8>>,
    pub(in crate::ledger::journaled) deployments: BTreeMap<u32, DeploymentRow>,
    pub(in crate::ledger::journaled) last_deployment: Option<u32>,
    pub(in crate::ledger::journaled) history: BTreeMap<(u32, u64), BookPage>,
    pub(in crate::ledger::journaled) kept: Kept,
    pub(in crate::ledger::journaled) fault: Fault,
    pub(in crate::ledger::journaled) is_in_doubt: bool,
}

/// A journal on such a disk.
#[derive(Debug, Clone, Default)]
pub(in crate::ledger::journaled) struct MemoryJournal {
    pub(in crate::ledger::journaled) disk: Arc<Mutex<Disk>>,
    /// Held by a test that wants commits to wait.
    pub(in crate::ledger::journaled) gate: Arc<tokio::sync::Mutex<()>>,
}

impl MemoryJournal {
    /// The disk, also after a writer died with it in hand.
    pub(in crate::ledger::journaled) fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk {
    fn write(&mut self, commit: Commit) {
        let taken = self.entries.insert(commit.seq, commit.entry);
        assert!(taken.is_none(), "entry {} was written twice", commit.seq);
        for change in commit.changes {
            self.make(change);
        }
    }

    fn make(&mut self, change: Change) {
        match change {
            Change::Deployment(row) => {
                self.last_deployment = self.last_deployment.max(Some(row.no));
                self.deployments.insert(row.no, row);
            }
            Change::Forget { deployment } => {
                self.deployments.remove(&deployment);
            }
            Change::Page { deployment, page } => {
                self.history.entry((deployment, page.window)).or_insert(page);
            }
            Change::Late(entry) => {
                let page = self.history.get_mut(&(entry.deployment, entry.late.window)).unwrap();
                page.used = page.used.checked_add(entry.late.used).unwrap();
                page.burnt = page.burnt.checked_sub(entry.late.used).unwrap();
                page.overrun = page.overrun.checked_add(entry.late.overrun).unwrap();
            }
            Change::Keep(kept) => self.kept = kept,
            Change::Prune { minute, .. } => self.history.retain(|_, page| page.minute >= minute),
        }
    }
}

fn broken() -> JournalError {
    JournalError::new("the disk is broken")
}

impl Journal for MemoryJournal {
    fn name(&self) -> &str {
        "memory"
    }

    async fn load(&mut self) -> Result<Catalogue, JournalError> {
        let disk = self.disk();
        Ok(Catalogue {
            deployments: disk.deployments.values().cloned().collect(),
            last_deployment: disk.last_deployment,
            kept: disk.kept,
            oldest_seq: disk.entries.keys().next().copied().unwrap_or(disk.kept.first_seq),
        })
    }

    async fn replay(
        &mut self,
        first_seq: u64,
        mut each: impl FnMut(u64, &[u8]) -> Result<(), RecoveryError> + Send,
    ) -> Result<(), RecoveryError> {
        let disk = self.disk();
        disk.entries.range(first_seq..).try_for_each(|(seq, entry)| each(*seq, entry))
    }

    async fn append(&mut self, commit: Commit) -> Result<(), JournalError> {
        let _open = self.gate.lock().await;
        let mut disk = self.disk();
        let fault = disk.fault;
        assert_ne!(fault, Fault::Panic, "as the test wants it");
        if fault != Fault::Before {
            disk.write(commit);
        }
        if fault == Fault::None { Ok(()) } else { Err(broken()) }
    }

    fn is_vouched_for(&self) -> bool {
        !self.disk().is_in_doubt
    }

    async fn doubt(&mut self) -> Result<(), JournalError> {
        self.disk().is_in_doubt = true;
        Ok(())
    }

    async fn vouch(&mut self) -> Result<(), JournalError> {
        self.disk().is_in_doubt = false;
        Ok(())
    }

    async fn trim(&mut self, seq: u64) -> Result<(), JournalError> {
        self.disk().entries.retain(|at, _| *at >= seq);
        Ok(())
    }

    async fn probe(&mut self) -> Result<(), JournalError> {
        if self.disk().fault == Fault::None { Ok(()) } else { Err(broken()) }
    }

    async fn close(&mut self) -> Result<(), JournalError> {
        Ok(())
    }

    fn history(&self) -> Arc<dyn History> {
        Arc::new(self.clone())
    }
}

impl History for MemoryJournal {
    fn pages(
        &self,
        deployment: u32,
        minute: u64,
    ) -> BoxFuture<'_, Result<Vec<BookPage>, JournalError>> {
        async move {
            let disk = self.disk();
            let pages = disk.history.range((deployment, 0)..=(deployment, u64::MAX)).rev();
            Ok(pages.map(|(_, page)| *page).filter(|page| page.minute >= minute).collect())
        }
        .boxed()
    }
}
