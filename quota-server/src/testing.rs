//! What tests of several modules need.

use std::sync::Arc;

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::manual::ManualClock;
use crate::ledger::Ledger;
use crate::ledger::journaled::{JournaledConfig, JournaledLedger};

/// An embedded ledger in a folder that goes away with it, by a clock that stands until it is moved.
pub(crate) struct TestLedger {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) clock: ManualClock,
    pub(crate) folder: TempDir,
}

impl TestLedger {
    pub(crate) async fn open() -> Self {
        let folder = TempDir::new().unwrap();
        let clock = ManualClock::new();
        let config = JournaledConfig::new(folder.path());
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let ledger = JournaledLedger::open(&config, Arc::new(clock.clone()), &tasks, stop).await;
        Self { ledger: Arc::new(ledger.unwrap()), clock, folder }
    }
}
