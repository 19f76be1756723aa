//! What is in a played store.

use std::collections::BTreeMap;
use std::sync::Arc;

use quota_core::BookPage;
use tokio::time::{Duration, Instant};

use crate::ledger::journaled::{Catalogue, Change, Commit, DeploymentRow, JournalError, Kept};

/// All of a store at one instant.
#[derive(Debug, Clone)]
pub(super) struct Data {
    pub(super) entries: BTreeMap<u64, Arc<[u8]>>,
    /// Each with the entry that it was changed with.
    pub(super) deployments: BTreeMap<u32, (DeploymentRow, u64)>,
    pub(super) last_deployment: Option<u32>,
    pub(super) history: BTreeMap<(u32, u64), BookPage>,
    pub(super) kept: Kept,
    pub(super) leader: Leadership,
    /// When its last commit was made.
    pub(super) since: Instant,
}

/// Who writes: the one row of the table `leader`.
#[derive(Debug, Clone, Default)]
pub(super) struct Leadership {
    pub(super) epoch: i64,
    pub(super) server: String,
    pub(super) advertise_url: String,
    pub(super) steady_ms: u64,
    /// Its last sign of life; none of one that has stopped.
    pub(super) renewed: Option<Instant>,
    /// The timeline that the journal was last known to be whole on.
    pub(super) timeline: Option<u64>,
}

impl Leadership {
    pub(super) fn is_alive(&self, term: Duration) -> bool {
        self.renewed.is_some_and(|renewed| renewed.elapsed() <= term)
    }

    /// A new epoch: whether the journal is known to be whole on this timeline.
    pub(super) fn begin(&mut self, timeline: u64) -> bool {
        self.epoch += 1;
        self.renewed = Some(Instant::now());
        *self.timeline.get_or_insert(timeline) == timeline
    }
}

impl Data {
    pub(super) fn new() -> Self {
        Self {
            entries: BTreeMap::new(),
            deployments: BTreeMap::new(),
            last_deployment: None,
            history: BTreeMap::new(),
            kept: Kept::default(),
            leader: Leadership::default(),
            since: Instant::now(),
        }
    }

    pub(super) fn oldest_seq(&self) -> u64 {
        self.entries.keys().next().copied().unwrap_or(self.kept.first_seq)
    }

    pub(super) fn catalogue(&self) -> Catalogue {
        Catalogue {
            deployments: self.changed_since(0),
            last_deployment: self.last_deployment,
            kept: self.kept,
            oldest_seq: self.oldest_seq(),
        }
    }

    pub(super) fn changed_since(&self, seq: u64) -> Vec<DeploymentRow> {
        let changed = self.deployments.values().filter(|(_, changed_in)| *changed_in >= seq);
        changed.map(|(row, _)| row.clone()).collect()
    }

    /// All of a commit.
    ///
    /// # Errors
    /// Its number is taken: its writer is not the only one.
    pub(super) fn write(&mut self, commit: &Commit, now: Instant) -> Result<(), JournalError> {
        if self.entries.contains_key(&commit.seq) {
            return Err(JournalError::new("this entry is there already"));
        }
        self.entries.insert(commit.seq, commit.entry.clone().into());
        for change in &commit.changes {
            self.make(change, commit.seq);
        }
        (self.leader.renewed, self.leader.steady_ms) = (Some(now), commit.steady_ms);
        self.since = now;
        Ok(())
    }

    fn make(&mut self, change: &Change, seq: u64) {
        match change {
            Change::Deployment(row) => {
                self.last_deployment = self.last_deployment.max(Some(row.no));
                self.deployments.insert(row.no, (row.clone(), seq));
            }
            Change::Forget { deployment } => {
                self.deployments.remove(deployment);
            }
            Change::Page { deployment, page } => {
                self.history.entry((*deployment, page.window)).or_insert(*page);
            }
            Change::Late(entry) => {
                if let Some(page) = self.history.get_mut(&(entry.deployment, entry.late.window)) {
                    page.used = page.used.saturating_add(entry.late.used);
                    page.burnt = page.burnt.saturating_sub(entry.late.used);
                    page.overrun = page.overrun.saturating_add(entry.late.overrun);
                }
            }
            Change::Keep(kept) => self.kept = *kept,
            Change::Prune { minute, .. } => self.history.retain(|_, page| page.minute >= *minute),
        }
    }
}
