//! A journal in a played store.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use quota_core::BookPage;
use tokio::time::{Duration, Instant, sleep_until};

use super::link::StoreLink;
use super::store::Store;
use crate::ledger::journaled::{Catalogue, Commit, History, Journal, JournalError, RecoveryError};
use crate::store::postgres::{Me, Term};

/// How long a shared store has for a commit.
const CALL: Duration = Duration::from_secs(3);

/// How often a shared store's writer that commits nothing gives a sign of life.
const BEAT: Duration = Duration::from_millis(400);

/// No store has this one.
const NO_TIMELINE: u64 = 0;

/// The journal of the one process that may write it.
pub(crate) struct PlayedJournal {
    link: StoreLink,
    epoch: i64,
    is_vouched_for: bool,
    /// Where servers share the store.
    shared: Option<SharedTerm>,
}

struct SharedTerm {
    me: Me,
    beat_due: Instant,
}

impl PlayedJournal {
    /// As SQLite keeps it: no other process has it.
    pub(super) const fn alone(link: StoreLink) -> Self {
        Self { link, epoch: 0, is_vouched_for: true, shared: None }
    }

    /// As PostgreSQL keeps it, for the server that was elected.
    pub(super) fn elected(link: StoreLink, me: Me, term: Term) -> Self {
        let beat_due = Instant::now() + BEAT;
        let Term { epoch, is_vouched_for } = term;
        Self { link, epoch, is_vouched_for, shared: Some(SharedTerm { me, beat_due }) }
    }

    /// Connects anew, with a new epoch: what was under way is decided, or will not be.
    async fn connect(&mut self) -> Result<Catalogue, JournalError> {
        self.link = StoreLink::new(&self.link.store, &self.link.process);
        let me = self.shared.as_ref().map(|shared| shared.me.clone());
        let connected = self.link.call(move |inner| {
            let (timeline, leader) = (inner.timeline, &mut inner.data.leader);
            if me.is_some_and(|me| leader.server != *me.server) {
                return Err(JournalError::Fenced);
            }
            let is_vouched_for = leader.begin(timeline);
            Ok((leader.epoch, is_vouched_for && !inner.is_put_back, inner.data.catalogue()))
        });
        let (epoch, is_vouched_for, catalogue) = connected.await?;
        (self.epoch, self.is_vouched_for) = (epoch, is_vouched_for);
        self.renewed();
        Ok(catalogue)
    }

    fn renewed(&mut self) {
        if let Some(shared) = &mut self.shared {
            shared.beat_due = Instant::now() + BEAT;
        }
    }

    /// When the writer is told of a commit at the latest.
    fn patience(&self, told: Instant) -> Instant {
        if self.shared.is_some() { told.min(Instant::now() + CALL) } else { told }
    }
}

impl Journal for PlayedJournal {
    fn name(&self) -> &str {
        "played"
    }

    async fn load(&mut self) -> Result<Catalogue, JournalError> {
        self.connect().await
    }

    async fn replay(
        &mut self,
        first_seq: u64,
        mut each: impl FnMut(u64, &[u8]) -> Result<(), RecoveryError> + Send,
    ) -> Result<(), RecoveryError> {
        let entries = self.link.call(|inner| Ok(inner.data.entries.clone())).await?;
        entries.range(first_seq..).try_for_each(|(seq, entry)| each(*seq, entry))
    }

    async fn append(&mut self, commit: Commit) -> Result<(), JournalError> {
        self.link.process.gate().await;
        let (seq, epoch) = (commit.seq, self.epoch);
        let fate = {
            let mut inner = self.link.store.inner();
            self.link.holds(&inner)?;
            inner.send(epoch, commit)
        };
        let told = self.patience(fate.told);
        sleep_until(told).await;
        let written = {
            let mut inner = self.link.store.inner();
            inner.settle();
            self.link.holds(&inner).and_then(|()| inner.fenced_unless(epoch)).and_then(|()| {
                let is_written = inner.data.entries.contains_key(&seq) && told == fate.told;
                let is_known = is_written && !fate.is_told_of_failure;
                is_known.then_some(()).ok_or_else(|| JournalError::new("the commit failed"))
            })
        };
        self.link.process.gate().await;
        written.map(|()| self.renewed())
    }

    fn beat_due(&self) -> Option<Instant> {
        self.shared.as_ref().map(|shared| shared.beat_due)
    }

    async fn beat(&mut self, steady_ms: u64) -> Result<(), JournalError> {
        let epoch = self.epoch;
        let beaten = self.link.call(move |inner| {
            inner.fenced_unless(epoch)?;
            let leader = &mut inner.data.leader;
            (leader.renewed, leader.steady_ms) = (Some(Instant::now()), steady_ms);
            Ok(())
        });
        beaten.await.map(|()| self.renewed())
    }

    async fn trim(&mut self, seq: u64) -> Result<(), JournalError> {
        let trimmed = self.link.call(move |inner| {
            inner.data.entries.retain(|at, _| *at >= seq);
            Ok(())
        });
        trimmed.await
    }

    fn is_vouched_for(&self) -> bool {
        self.is_vouched_for
    }

    async fn doubt(&mut self) -> Result<(), JournalError> {
        let epoch = self.epoch;
        let doubted = self.link.call(move |inner| {
            inner.fenced_unless(epoch)?;
            inner.data.leader.timeline = Some(NO_TIMELINE);
            Ok(())
        });
        doubted.await?;
        self.is_vouched_for = false;
        Ok(())
    }

    async fn vouch(&mut self) -> Result<(), JournalError> {
        let epoch = self.epoch;
        let vouched = self.link.call(move |inner| {
            inner.fenced_unless(epoch)?;
            inner.data.leader.timeline = Some(inner.timeline);
            inner.is_put_back = false;
            Ok(())
        });
        vouched.await?;
        self.is_vouched_for = true;
        Ok(())
    }

    async fn probe(&mut self) -> Result<(), JournalError> {
        self.connect().await.map(drop)
    }

    async fn close(&mut self) -> Result<(), JournalError> {
        let epoch = self.epoch;
        let resigned = self.link.call(move |inner| {
            if inner.fenced_unless(epoch).is_ok() {
                inner.data.leader.renewed = None;
            }
            Ok(())
        });
        resigned.await
    }

    fn history(&self) -> Arc<dyn History> {
        Arc::new(PlayedHistory(self.link.store.clone()))
    }
}

/// The closed windows in a played store.
pub(super) struct PlayedHistory(pub(super) Store);

impl History for PlayedHistory {
    fn pages(
        &self,
        deployment: u32,
        minute: u64,
    ) -> BoxFuture<'_, Result<Vec<BookPage>, JournalError>> {
        async move {
            let mut inner = self.0.inner();
            inner.settle();
            inner.is_away()?;
            let pages = inner.data.history.range((deployment, 0)..=(deployment, u64::MAX)).rev();
            Ok(pages.map(|(_, page)| *page).filter(|page| page.minute >= minute).collect())
        }
        .boxed()
    }
}
