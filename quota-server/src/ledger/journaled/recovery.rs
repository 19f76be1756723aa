//! From a journal back to the books, exactly as they were.
//!
//! Entries are replayed under the time that they were written at. Those from before the floor are
//! gone, so windows that they may have had a part in are incomplete here, and events on their
//! leases are passed over: such windows are in the history already, and what they left open was
//! carried into a later entry.

use std::collections::VecDeque;

use quota_core::{Book, Event, Imbalance, LeaseId, WindowKind};

use super::books::{Books, ShardNo};
use super::entry::{EntryError, EntryReader, Record};
use super::journal::{Journal, JournalError, Kept};
use super::time::Stamp;
use crate::ledger::Caller;
use crate::metrics;

/// Why the books cannot be recovered.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The store does not answer.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// An entry is missing.
    #[error("journal entry {expected} is missing, the next one is {found}")]
    Gap {
        /// The one that should follow.
        expected: u64,
        /// The one that does.
        found: u64,
    },
    /// An entry is unreadable.
    #[error("journal entry {seq} is unreadable: {source}")]
    Entry {
        /// Which one.
        seq: u64,
        /// Why.
        source: EntryError,
    },
    /// An entry is of a deployment that there is not.
    #[error("journal entry {seq} is of deployment number {deployment}, which does not exist")]
    UnknownDeployment {
        /// Which one.
        seq: u64,
        /// Of what.
        deployment: u32,
    },
    /// An entry cannot follow on those before it.
    #[error("journal entry {seq} does not follow, deployment number {deployment}: {source}")]
    Imbalance {
        /// Which one.
        seq: u64,
        /// Of what.
        deployment: u32,
        /// Why not.
        source: Imbalance,
    },
}

/// The books, and where the journal stands.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) books: Books,
    pub(crate) place: Place,
    pub(crate) last: Option<Stamp>,
    /// Entries before this one have been removed.
    pub(crate) oldest_seq: u64,
}

/// Where the journal stands.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) kept: Kept,
    /// The number of the next entry.
    pub(crate) next_seq: u64,
    /// The windows that entries are kept of, each with its first entry, oldest first.
    pub(crate) windows: VecDeque<(u64, u64)>,
}

impl Place {
    /// Whether it is worth an entry to be rid of those from before this window. The last one, which
    /// keeps the time, cannot go; and for a single one no other is written, or an idle ledger would
    /// write for ever.
    pub(crate) fn has_old(&self, floor: u64) -> bool {
        let last = self.next_seq.saturating_sub(1);
        self.first_from(floor).min(last) > self.kept.first_seq + 1
    }

    /// What is kept when the entries from before `floor` go and one more is written.
    pub(crate) fn keep_from(&mut self, floor: u64) -> Kept {
        let first_seq = self.first_from(floor);
        self.windows.retain(|(window, _)| *window >= floor);
        Kept { floor, first_seq }
    }

    fn first_from(&self, floor: u64) -> u64 {
        let first = self.windows.iter().find(|(window, _)| *window >= floor);
        first.map_or(self.next_seq, |(_, seq)| *seq)
    }

    /// An entry of this window is in the journal.
    pub(crate) fn wrote(&mut self, window: u64) {
        if self.windows.back().is_none_or(|(last, _)| *last != window) {
            self.windows.push_back((window, self.next_seq));
        }
        self.next_seq += 1;
    }
}

/// Reads all of a journal.
pub(crate) async fn recover(
    journal: &mut impl Journal,
    shard: ShardNo,
) -> Result<Recovered, RecoveryError> {
    let catalogue = journal.load().await?;
    let (kept, oldest_seq) = (catalogue.kept, catalogue.oldest_seq);
    let mut replay = Replay::new(Books::new(shard, catalogue), kept);
    journal.replay(kept.first_seq, |seq, entry| replay.entry(seq, entry)).await?;
    Ok(replay.finish(oldest_seq))
}

/// Books that take in entries.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(super) books: Books,
    pub(super) place: Place,
    pub(super) last: Option<Stamp>,
    /// Windows before this one are incomplete here.
    floor: u64,
}

impl Replay {
    pub(crate) fn new(books: Books, kept: Kept) -> Self {
        let place = Place { kept, next_seq: kept.first_seq, windows: VecDeque::new() };
        Self { books, place, last: None, floor: kept.floor }
    }

    /// Takes in the next entry.
    pub(crate) fn entry(&mut self, seq: u64, entry: &[u8]) -> Result<(), RecoveryError> {
        if seq != self.place.next_seq {
            return Err(RecoveryError::Gap { expected: self.place.next_seq, found: seq });
        }
        let unreadable = |source| RecoveryError::Entry { seq, source };
        let reader = EntryReader::new(entry).map_err(unreadable)?;
        let stamp = reader.stamp;
        for record in reader {
            self.record(seq, &stamp, record.map_err(unreadable)?)?;
        }
        self.place.wrote(stamp.now.window.number);
        self.last = Some(stamp);
        Ok(())
    }

    fn record(&mut self, seq: u64, stamp: &Stamp, record: Record<'_>) -> Result<(), RecoveryError> {
        match record {
            Record::Holder { holder, credential, name } => {
                let caller = Caller { credential: credential.into(), holder: name.into() };
                self.books.holders.replay(holder, caller, stamp.now.window.number);
                Ok(())
            }
            Record::Event { deployment, event } => self.event(seq, stamp, deployment, &event),
        }
    }

    fn event(
        &mut self,
        seq: u64,
        stamp: &Stamp,
        deployment: u32,
        event: &Event,
    ) -> Result<(), RecoveryError> {
        let slot = self
            .books
            .slots
            .get_mut(&deployment)
            .ok_or(RecoveryError::UnknownDeployment { seq, deployment })?;
        slot.recorded = stamp.now.window.number;
        let floor = self.floor;
        let book = slot.open(&mut self.books.active);
        if is_of_incomplete(book, event, floor) {
            return Ok(());
        }
        book.replay(event, &stamp.now).map_err(|source| {
            metrics::invariant_violated();
            RecoveryError::Imbalance { seq, deployment, source }
        })
    }

    /// The books as of the last entry.
    pub(crate) fn finish(mut self, oldest_seq: u64) -> Recovered {
        if let Some(last) = self.last {
            self.books.deleted_in(last.now.window.number);
        }
        Recovered { books: self.books, place: self.place, last: self.last, oldest_seq }
    }

    /// The book of a deployment.
    pub(crate) fn book(&self, deployment: u32) -> Option<&Book> {
        self.books.slots.get(&deployment)?.book.as_deref()
    }
}

/// Whether an event is on a lease of a window that lacks entries, and that nobody waits for.
fn is_of_incomplete(book: &Book, event: &Event, floor: u64) -> bool {
    match event {
        Event::Granted { lease, .. } | Event::GivenBack { lease, .. } => {
            !is_complete(book.policy().kind, *lease, floor)
        }
        Event::Used { lease, .. } => {
            !is_complete(book.policy().kind, *lease, floor) && book.owner(*lease).is_none()
        }
        Event::PolicySet { .. } | Event::Carried { .. } => false,
    }
}

/// A minute's window can be granted from in the entries of the window before it.
pub(crate) const fn is_complete(kind: WindowKind, lease: LeaseId, floor: u64) -> bool {
    match kind {
        WindowKind::Minute => lease.window > floor || floor == 0,
        WindowKind::Rolling => lease.window >= floor,
    }
}
