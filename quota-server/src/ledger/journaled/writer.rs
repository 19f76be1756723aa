//! The writer of one shard: takes all jobs that wait, runs them on the books in memory, commits
//! what follows from them in one go, and only then answers.
//!
//! What comes during a commit is in the next one. So under load the callers fall into two groups by
//! themselves: one waits for the disk while the other is answered and asks again. Answers therefore
//! leave when the next commit is already on its way (`commit`), or at once if something else comes
//! first.
//!
//! A commit that fails may have happened or not. Nobody has been told anything, so all of its jobs
//! are answered "cannot write", and the books are thrown away and read again from the journal, as
//! after a crash. While the disk does not take writes (`outage.rs`) that waits: writes are refused
//! at once, what is only looked at is answered from the old books.

#[cfg(test)]
mod prefixes;
mod turning;

use std::sync::Arc;

use futures_util::future::join;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, debug_span};

use super::books::ShardNo;
use super::draft::Draft;
use super::job::{Answer, Job};
use super::journal::{Journal, JournalError};
use super::outage::{Health, Outage};
use super::recovery::{Recovered, RecoveryError, recover};
use super::time::{LedgerTime, Stamp};
use super::vouch::ToldFaults;
use crate::ledger::Unavailable;
use crate::metrics;
use turning::{STEP, Turn, TurnStep};

/// About how many operations one commit takes.
const BATCH_OPS: usize = 8_192;

/// How often windows are looked after while no jobs come.
const BEAT: Duration = Duration::from_millis(250);

/// How often some leases are looked over, ms of steady time.
const AUDIT_MS: u64 = 250;

/// How long a writer sleeps that has nothing to look after.
const IDLE: Duration = Duration::from_secs(3_600);

/// The writer of one shard.
pub(crate) struct Writer<J> {
    pub(super) journal: J,
    shard: ShardNo,
    pub(super) state: Recovered,
    jobs: mpsc::Receiver<Job>,
    time: Arc<LedgerTime>,
    pub(super) health: Arc<Health>,
    history_windows: u64,
    lease_bytes: u64,
    pub(super) draft: Draft,
    /// What the next commit is made for, where that is traced.
    traced: Vec<Span>,
    /// The answers that the last commit allows, until they are told.
    committed: Vec<Answer>,
    /// What the last recovery found closed is not in the history perhaps.
    is_fresh: bool,
    turn: Option<Turn>,
    /// What a turn does at a time.
    steps: TurnStep,
    /// When books are looked over next, steady ms.
    audit_due_ms: u64,
    pub(super) outage: Option<Outage>,
    /// While the journal cannot be vouched for: the first window that can be granted from again.
    pub(super) clean_from: Option<u64>,
    /// What the last recoveries found is told and counted once.
    pub(super) told: ToldFaults,
    /// Another server writes the journal now: there is nothing left to do.
    fenced: bool,
}

impl<J: Journal> Writer<J> {
    pub(crate) fn new(
        journal: J,
        shard: ShardNo,
        state: Recovered,
        jobs: mpsc::Receiver<Job>,
        shared: Shared,
    ) -> Self {
        let Shared { time, health, history_windows, lease_bytes } = shared;
        let mut state = state;
        state.books.bound(lease_bytes);
        Self {
            journal,
            shard,
            state,
            jobs,
            time,
            health,
            history_windows,
            lease_bytes,
            draft: Draft::default(),
            traced: Vec::new(),
            committed: Vec::new(),
            is_fresh: true,
            turn: None,
            steps: STEP,
            audit_due_ms: 0,
            outage: None,
            clean_from: None,
            told: ToldFaults::default(),
            fenced: false,
        }
    }

    /// Works until it is told to stop and nothing waits any more.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut batch = Vec::new();
        while !self.fenced && self.wait(&stop, &mut batch).await {
            self.gather(&mut batch);
            self.serve(&mut batch).await;
        }
        // What was made durable before the end is told.
        tell(&mut self.committed, &Ok(()));
        if let Err(error) = self.journal.close().await {
            tracing::warn!(journal = self.journal.name(), %error, "closing failed");
        }
    }

    /// Fills a batch, or leaves it empty when it is time to look after something else. False: all
    /// is done.
    async fn wait(&mut self, stop: &CancellationToken, batch: &mut Vec<Job>) -> bool {
        let patience = self.patience();
        tokio::select! {
            biased;
            job = self.jobs.recv() => match job {
                Some(job) => batch.push(job),
                None => return false,
            },
            () = stop.cancelled(), if !self.jobs.is_closed() => self.jobs.close(),
            () = sleep(patience) => {}
        }
        true
    }

    /// Takes what else waits.
    fn gather(&mut self, batch: &mut Vec<Job>) {
        let mut weight: usize = batch.iter().map(Job::weight).sum();
        while !batch.is_empty()
            && weight < BATCH_OPS
            && let Ok(job) = self.jobs.try_recv()
        {
            weight += job.weight();
            batch.push(job);
        }
    }

    fn patience(&self) -> Duration {
        let beat = self.journal.beat_due().filter(|_| self.outage.is_none());
        let beat = beat.map_or(IDLE, |due| due.saturating_duration_since(Instant::now()));
        self.until_work().min(beat)
    }

    fn until_work(&self) -> Duration {
        if let Some(outage) = &self.outage {
            outage.wait()
        } else if self.is_fresh || self.turn.is_some() || self.has_old_entries() {
            Duration::ZERO
        } else if self.clean_from.is_some() || self.state.books.any_active() {
            BEAT
        } else {
            IDLE
        }
    }

    async fn serve(&mut self, batch: &mut Vec<Job>) {
        if self.outage.as_ref().is_some_and(Outage::is_due) {
            self.try_again().await;
        }
        let stamp = self.time.stamp();
        if self.outage.is_none()
            && let Err(error) = self.turn(&stamp).await
        {
            self.fail(&error);
        }
        if self.outage.is_some() || !self.is_vouched_for(&stamp).await {
            tell(&mut self.committed, &Ok(()));
            self.refuse(batch, &stamp);
            self.trim().await;
            self.beat(&stamp).await;
            return;
        }
        let mut answers = self.apply(batch, &stamp);
        let committed = self.commit(&stamp).await;
        tell(&mut self.committed, &Ok(()));
        match committed {
            Ok(()) => self.committed = answers,
            Err(error) => {
                self.fail(&error);
                tell(&mut answers, &Err(Unavailable::CannotWrite));
            }
        }
        if self.jobs.is_empty() || self.turn.is_some() || self.has_old_entries() {
            tell(&mut self.committed, &Ok(()));
        }
        self.audit(&stamp);
        self.trim().await;
        self.beat(&stamp).await;
    }

    fn apply(&mut self, batch: &mut Vec<Job>, stamp: &Stamp) -> Vec<Answer> {
        self.draft.begin(stamp);
        self.traced.clear();
        self.traced.extend(batch.iter().filter_map(Job::span).cloned());
        let (books, draft) = (&mut self.state.books, &mut self.draft);
        let wanted = batch.drain(..).filter_map(Job::wanted);
        wanted.map(|job| job.apply(books, &stamp.now, draft)).collect()
    }

    fn refuse(&mut self, batch: &mut Vec<Job>, stamp: &Stamp) {
        for job in batch.drain(..) {
            job.refuse(Unavailable::CannotWrite, &mut self.state.books, &stamp.now);
        }
    }

    /// Makes the draft durable, if there is anything in it, and tells the answers of the commit
    /// before as soon as this one is on its way.
    async fn commit(&mut self, stamp: &Stamp) -> Result<(), JournalError> {
        if self.draft.is_empty() {
            return Ok(());
        }
        let commit = self.draft.finish(self.state.place.next_seq);
        let (grants, bytes) = (self.draft.grants, commit.entry.len());
        let began = Instant::now();
        let span = traces::shared(
            &self.traced,
            |parent| debug_span!(parent: parent, "commit", grants, bytes),
        );
        let told = async { tell(&mut self.committed, &Ok(())) };
        let (written, ()) = join(self.journal.append(commit).instrument(span), told).await;
        self.traced.clear();
        written?;
        metrics::committed(began.elapsed(), grants, bytes);
        self.state.place.wrote(&stamp.now);
        Ok(())
    }

    /// Looks over some leases, once a beat.
    fn audit(&mut self, stamp: &Stamp) {
        if stamp.now.steady_ms >= self.audit_due_ms {
            self.audit_due_ms = stamp.now.steady_ms + AUDIT_MS;
            self.state.books.audit();
        }
    }

    /// Whether there are entries that do not count any more.
    fn has_old_entries(&self) -> bool {
        self.state.oldest_seq < self.state.place.kept.first_seq
    }

    /// Removes some of them.
    async fn trim(&mut self) {
        if self.outage.is_some() || !self.has_old_entries() {
            return;
        }
        let first = self.state.place.kept.first_seq;
        let until = first.min(self.state.oldest_seq.saturating_add(self.journal.trim_rows()));
        match self.journal.trim(until).await {
            Ok(()) => self.state.oldest_seq = until,
            Err(error) => self.fail(&error),
        }
    }

    /// Shows that this writer lives, where no commit does.
    async fn beat(&mut self, stamp: &Stamp) {
        let is_due = self.journal.beat_due().is_some_and(|due| due <= Instant::now());
        if is_due
            && self.outage.is_none()
            && let Err(error) = self.journal.beat(stamp.now.steady_ms).await
        {
            self.fail(&error);
        }
    }

    pub(super) fn fail(&mut self, error: &JournalError) {
        self.fenced = error.is_fenced();
        if !self.fenced {
            // Who waits for this writer's end tells of a take-over.
            tracing::error!(journal = self.journal.name(), %error, "the journal cannot be written");
        }
        metrics::commit_failed();
        self.health.failed();
        self.outage = Some(Outage::begin());
    }

    /// Ends the outage, if the disk takes writes again and the books can be read.
    async fn try_again(&mut self) {
        match self.read_again().await {
            Ok(state) => {
                self.state = state;
                self.state.books.bound(self.lease_bytes);
                (self.is_fresh, self.turn) = (true, None);
                self.outage = None;
                self.health.mended();
                tracing::info!(journal = self.journal.name(), "the journal can be written again");
            }
            Err(RecoveryError::Journal(JournalError::Fenced)) => self.fenced = true,
            Err(error) => {
                tracing::debug!(journal = self.journal.name(), %error, "still cannot be written");
                if let Some(outage) = &mut self.outage {
                    outage.goes_on();
                }
            }
        }
    }

    async fn read_again(&mut self) -> Result<Recovered, RecoveryError> {
        self.journal.probe().await?;
        let seen = self.state.place.next_seq;
        let read = recover(&mut self.journal, self.shard).await?;
        if read.place.next_seq < seen {
            tracing::error!(
                journal = self.journal.name(),
                seen,
                next = read.place.next_seq,
                "entries that were committed are not in the journal any more: it was put back"
            );
            self.journal.doubt().await?;
        }
        Ok(read)
    }
}

fn tell(answers: &mut Vec<Answer>, committed: &Result<(), Unavailable>) {
    for answer in answers.drain(..) {
        answer(committed.clone());
    }
}

/// What all writers of a ledger have in common.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) time: Arc<LedgerTime>,
    pub(crate) health: Arc<Health>,
    /// How many windows stay in the history.
    pub(crate) history_windows: u64,
    /// What the leases of one writer may take, bytes.
    pub(crate) lease_bytes: u64,
}
