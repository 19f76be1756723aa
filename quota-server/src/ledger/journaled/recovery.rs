//! From a journal back to the books, exactly as they were.
//!
//! Entries are replayed under the time that they were written at, and hold all that it takes: the
//! policy stands before the first event of a book, the record of a holder before the first grant to
//! it, in each window anew. What the catalogue says is not asked. Those from before the floor are
//! gone, so windows that they may have had a part in are incomplete here, and events on their
//! leases are passed over: such windows are in the history already, and what they left open was
//! carried into a later entry.

use quota_core::{Book, Command, Event, Imbalance, LeaseId, Now, Policy, WindowKind};

use super::books::{Books, ShardNo, Slot};
use super::doubt::{Faults, OpenDoubts};
use super::entry::{EntryError, EntryReader, Record};
use super::journal::{Catalogue, Journal, JournalError};
use super::place::Place;
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
    /// An entry needs a policy that no entry before it tells.
    #[error(
        "journal entry {seq} is of deployment number {deployment}, whose policy is not known by then"
    )]
    NoPolicy {
        /// Which one.
        seq: u64,
        /// Of what.
        deployment: u32,
    },
}

impl RecoveryError {
    /// What it is of, if that can be told.
    pub(super) const fn deployment(&self) -> Option<u32> {
        match self {
            Self::Imbalance { deployment, .. } | Self::NoPolicy { deployment, .. } => {
                Some(*deployment)
            }
            Self::Journal(_)
            | Self::Gap { .. }
            | Self::Entry { .. }
            | Self::UnknownDeployment { .. } => None,
        }
    }
}

/// The books, and where the journal stands.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) books: Books,
    pub(crate) place: Place,
    pub(crate) last: Option<Stamp>,
    /// Entries before this one have been removed.
    pub(crate) oldest_seq: u64,
    /// What could not be followed.
    pub(crate) faults: Faults,
    /// What the last entries put in doubt, so nobody knows until which window.
    pub(crate) doubts: OpenDoubts,
}

impl Recovered {
    /// The deployments that are in doubt after the last entry, each by itself, and whether all of
    /// the shard is.
    pub(crate) fn in_doubt(&self) -> (Vec<String>, bool) {
        let Some(last) = self.last else { return (Vec::new(), !self.doubts.is_empty()) };
        let mut ids: Vec<_> =
            self.books.quarantined(&last.now).map(|slot| slot.id.to_string()).collect();
        ids.sort_unstable();
        let is_all = last.now.window.number < self.books.clean_from;
        (ids, is_all || self.doubts.is_all)
    }
}

/// Reads all of a journal.
pub(crate) async fn recover(
    journal: &mut impl Journal,
    shard: ShardNo,
) -> Result<Recovered, RecoveryError> {
    let catalogue = journal.load().await?;
    let (kept, oldest_seq) = (catalogue.kept, catalogue.oldest_seq);
    let mut replay = Replay::new(shard, catalogue);
    let each = |seq, entry: &[u8]| {
        let _among_the_faults = replay.take_in(seq, entry);
        Ok(())
    };
    journal.replay(kept.first_seq, each).await?;
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
    faults: Faults,
    doubts: OpenDoubts,
}

impl Replay {
    /// Before the first entry that is kept.
    pub(crate) fn new(shard: ShardNo, catalogue: Catalogue) -> Self {
        let kept = catalogue.kept;
        let place = Place::new(kept);
        let (faults, doubts) = (Faults::default(), OpenDoubts::default());
        let books = Books::new(shard, catalogue);
        Self { books, place, last: None, floor: kept.floor, faults, doubts }
    }

    /// Takes in the next entry, whatever it is: what cannot be followed is passed over and puts in
    /// doubt what it is of.
    ///
    /// # Errors
    /// The first of what cannot be followed; the rest was taken in all the same.
    pub(crate) fn take_in(&mut self, seq: u64, entry: &[u8]) -> Result<(), RecoveryError> {
        let expected = std::mem::replace(&mut self.place.next_seq, seq);
        let mut first = Ok(());
        if seq != expected {
            first = first.and(self.tear(seq, RecoveryError::Gap { expected, found: seq }, &[]));
        }
        let reader = match EntryReader::new(entry) {
            Ok(reader) => reader,
            Err(source) => {
                self.place.next_seq += 1;
                return first.and(self.tear(seq, RecoveryError::Entry { seq, source }, entry));
            }
        };
        let stamp = reader.stamp;
        let window = stamp.now.window.number;
        let since = self.last.map_or(window, |last| last.now.window.number);
        self.books.turn(&stamp.now);
        self.books.end_doubts(&mut self.doubts, since, &stamp.now);
        for record in reader {
            let record = record.map_err(|source| RecoveryError::Entry { seq, source });
            if let Err(error) = record.and_then(|record| self.record(seq, &stamp, record)) {
                self.faults.add(seq, &error, entry);
                self.books.doubt(error.deployment(), window, &stamp.now);
                first = first.and(Err(error));
            }
        }
        self.place.wrote(&stamp.now);
        self.last = Some(stamp);
        first
    }

    fn tear(&mut self, seq: u64, why: RecoveryError, entry: &[u8]) -> Result<(), RecoveryError> {
        metrics::invariant_violated();
        self.faults.add(seq, &why, entry);
        self.doubts.add(None);
        Err(why)
    }

    fn record(&mut self, seq: u64, stamp: &Stamp, record: Record<'_>) -> Result<(), RecoveryError> {
        match record {
            Record::Holder { holder, credential, name } => {
                let caller = Caller { credential: credential.into(), holder: name.into() };
                self.books.holders.replay(holder, caller, stamp.now.window.number);
                Ok(())
            }
            Record::Event { deployment, event } => self.event(seq, stamp, deployment, &event),
            Record::Doubt { deployment, is_open } => {
                self.doubt(deployment, is_open, stamp);
                Ok(())
            }
        }
    }

    fn doubt(&mut self, deployment: Option<u32>, is_open: bool, stamp: &Stamp) {
        let window = stamp.now.window.number;
        if let Some(slot) = deployment.and_then(|no| self.books.slots.get_mut(&no)) {
            slot.named = window;
        }
        let since = self.last.map_or(window, |last| last.now.window.number);
        self.books.doubt(deployment, since, &stamp.now);
        if is_open {
            self.doubts.add(deployment);
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
        slot.named = stamp.now.window.number;
        let replayed = match event {
            Event::PolicySet { policy } | Event::PeriodsSet { policy, .. } => {
                slot.replay_policy(policy, event, &stamp.now, &mut self.books.active)
            }
            event => {
                let book = slot.book_mut().ok_or(RecoveryError::NoPolicy { seq, deployment })?;
                if is_of_incomplete(book, event, self.floor) {
                    return Ok(());
                }
                book.replay(event, &stamp.now)
            }
        };
        replayed.map_err(|source| {
            metrics::invariant_violated();
            RecoveryError::Imbalance { seq, deployment, source }
        })
    }

    /// The books as of the last entry.
    pub(crate) fn finish(mut self, oldest_seq: u64) -> Recovered {
        if let Some(last) = self.last {
            self.books.deleted_in(last.now.window.number);
            self.books.follow_catalogue(&last.now);
        }
        self.books.history_has(self.place.kept);
        let Self { books, place, last, faults, doubts, .. } = self;
        Recovered { books, place, last, oldest_seq, faults, doubts }
    }

    /// The book of a deployment.
    pub(crate) fn book(&self, deployment: u32) -> Option<&Book> {
        self.books.slots.get(&deployment)?.book()
    }
}

impl Slot {
    /// The policy that holds from here on; a book of another kind is another book.
    fn replay_policy(
        &mut self,
        policy: &Policy,
        event: &Event,
        now: &Now,
        active: &mut Vec<u32>,
    ) -> Result<(), Imbalance> {
        let open = self.open(Some(policy), active);
        open.recorded = now.window.number;
        if open.book.policy().kind != policy.kind {
            open.book.advance(now);
            open.book = open.book.renewed(policy.clone(), now).ok_or(Imbalance::KindChanged)?;
        }
        open.book.replay(event, now)
    }
}

impl Books {
    /// The catalogue has what was put last. Entries say the same of each book that is not at rest,
    /// but for those of earlier servers, which could drop a book and not tell the policy of the
    /// next.
    fn follow_catalogue(&mut self, now: &Now) {
        for no in &self.active {
            let Some(slot) = self.slots.get_mut(no) else { continue };
            let policy = &slot.policy;
            let Some(open) = slot.book.as_deref_mut() else { continue };
            if open.book.policy() == policy {
                continue;
            }
            if !open.book.is_at_rest() {
                tracing::warn!(deployment = %slot.id, "the journal ends with another policy than was put last");
            }
            if open.book.apply(&Command::SetPolicy(policy.clone()), now).is_err() {
                let renewed = open.book.renewed(policy.clone(), now);
                open.book = renewed.unwrap_or_else(|| Book::new(policy.clone()));
            }
            // The next entry on it tells.
            open.recorded = 0;
        }
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
        Event::PolicySet { .. }
        | Event::PeriodsSet { .. }
        | Event::Carried { .. }
        | Event::Summed { .. }
        | Event::Doubted { .. } => false,
    }
}

/// A minute's window can be granted from in the entries of the window before it.
pub(crate) const fn is_complete(kind: WindowKind, lease: LeaseId, floor: u64) -> bool {
    is_complete_window(kind, lease.window, floor)
}

/// See [`is_complete`].
pub(super) const fn is_complete_window(kind: WindowKind, window: u64, floor: u64) -> bool {
    match kind {
        WindowKind::Minute => window > floor || floor == 0,
        WindowKind::Rolling => window >= floor,
    }
}
