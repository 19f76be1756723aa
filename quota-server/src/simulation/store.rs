//! A store that loses, delays and fails what it is told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::{Duration, Instant};

use super::data::Data;
use crate::ledger::journaled::{Commit, JournalError};

/// So many earlier states can be gone back to.
const STATES: usize = 64;

/// What happens to the next commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It fails and is not written.
    Fails,
    /// It is written and reported as failed.
    FailsWritten,
    /// It is reported as failed at once, and written so much later, unless that is fenced by then.
    WrittenLater(Duration),
    /// It takes so long to be written.
    Slow(Duration),
    /// It is written, and so long nobody is told.
    Silent(Duration),
}

/// A database in memory. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Store(Arc<Mutex<StoreData>>);

#[derive(Debug)]
pub(super) struct StoreData {
    pub(super) data: Data,
    /// As it was before each of the last commits, oldest first.
    before: VecDeque<Data>,
    under_way: Vec<UnderWay>,
    tickets: u64,
    armed: VecDeque<Fault>,
    away_until: Instant,
    seed: u64,
    /// Another one after each promotion: connections from before it are gone.
    pub(super) timeline: u64,
    /// It was put back to an earlier state, as its witness tells.
    pub(super) is_put_back: bool,
}

/// A commit that is on its way to the disk.
#[derive(Debug)]
struct UnderWay {
    ticket: u64,
    due: Instant,
    epoch: i64,
    commit: Commit,
}

/// What becomes of a commit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fate {
    /// When it is written, if it is.
    pub(super) due: Option<Instant>,
    /// When its writer is told.
    pub(super) told: Instant,
    pub(super) is_told_of_failure: bool,
}

impl Store {
    /// An empty one; how long its calls take follows from the seed and the time.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StoreData {
            data: Data::new(),
            before: VecDeque::new(),
            under_way: Vec::new(),
            tickets: 0,
            armed: VecDeque::new(),
            away_until: Instant::now(),
            seed,
            timeline: 1,
            is_put_back: false,
        })))
    }

    /// One of the next commits meets this, in the order in which they are armed.
    pub fn arm(&self, fault: Fault) {
        self.inner().armed.push_back(fault);
    }

    /// All calls fail for so long.
    pub fn fail_for(&self, length: Duration) {
        let mut inner = self.inner();
        inner.away_until = inner.away_until.max(Instant::now() + length);
    }

    /// No more faults: what was armed is forgotten, and calls succeed again.
    pub fn heal(&self) {
        let mut inner = self.inner();
        inner.armed.clear();
        inner.away_until = Instant::now();
    }

    /// Whether a call would fail now, or a fault is armed.
    #[must_use]
    pub fn is_ill(&self) -> bool {
        let inner = self.inner();
        inner.away_until > Instant::now() || !inner.armed.is_empty()
    }

    /// A replica that lacks the last commits takes its place, as many of these as it remembers.
    /// When the last one that it has was made, and how many are lost.
    pub fn promote(&self, missing: usize) -> (Instant, usize) {
        let mut inner = self.inner();
        let missing = inner.go_back(missing);
        inner.timeline += 1;
        (inner.data.since, missing)
    }

    /// An earlier copy is put in its place, which lacks the last commits, while no server runs on
    /// it. When the last one that it has was made.
    pub fn put_back(&self, missing: usize) -> Instant {
        let mut inner = self.inner();
        inner.go_back(missing);
        inner.is_put_back = true;
        inner.data.since
    }

    /// One of the last entries is not what was written, or is missing, and no server runs on it. A
    /// time before it was written; `None`: there is no such entry.
    pub fn damage(&self, back: usize, is_missing: bool) -> Option<Instant> {
        let mut inner = self.inner();
        inner.settle();
        let seq = *inner.data.entries.keys().rev().nth(back)?;
        let without = inner.before.iter().rev().find(|data| !data.entries.contains_key(&seq));
        let since = without.map(|data| data.since)?;
        if is_missing {
            inner.data.entries.remove(&seq);
            // The witness saw it.
            inner.is_put_back |= back == 0;
        } else if let Some(entry) = inner.data.entries.get_mut(&seq) {
            let mut bytes = entry.to_vec();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            *entry = bytes.into();
        }
        Some(since)
    }

    /// How many entries there are now.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.inner().data.entries.len()
    }

    pub(super) fn inner(&self) -> MutexGuard<'_, StoreData> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StoreData {
    /// How long the way to the store and back takes now.
    pub(super) fn ways(&self) -> (Duration, Duration) {
        let at = Instant::now().duration_since(self.data.since.min(Instant::now())).as_millis();
        let mixed = mix(self.seed ^ u64::try_from(at).unwrap_or(0));
        (Duration::from_millis(1 + mixed % 3), Duration::from_millis(mixed >> 8 & 1))
    }

    pub(super) fn is_away(&self) -> Result<(), JournalError> {
        if self.away_until > Instant::now() {
            return Err(JournalError::new("the store is away"));
        }
        Ok(())
    }

    /// Sends a commit on its way: what will become of it.
    pub(super) fn send(&mut self, epoch: i64, commit: Commit) -> Fate {
        let fate = self.fate();
        self.tickets += 1;
        if let Some(due) = fate.due {
            self.under_way.push(UnderWay { ticket: self.tickets, due, epoch, commit });
        }
        fate
    }

    fn fate(&mut self) -> Fate {
        let (there, back) = self.ways();
        let due = Instant::now() + there;
        let told = due + back;
        if self.away_until > Instant::now() {
            return Fate { due: None, told, is_told_of_failure: true };
        }
        let whole = Fate { due: Some(due), told, is_told_of_failure: false };
        match self.armed.pop_front() {
            None => whole,
            Some(Fault::Fails) => Fate { due: None, is_told_of_failure: true, ..whole },
            Some(Fault::FailsWritten) => Fate { is_told_of_failure: true, ..whole },
            Some(Fault::WrittenLater(by)) => {
                Fate { due: Some(due + by), told, is_told_of_failure: true }
            }
            Some(Fault::Slow(by)) => Fate { due: Some(due + by), told: told + by, ..whole },
            Some(Fault::Silent(by)) => Fate { told: told + by, ..whole },
        }
    }

    /// Forgets the last commits, as many of these as there are earlier states of: how many.
    fn go_back(&mut self, missing: usize) -> usize {
        self.settle();
        let missing = missing.min(self.before.len());
        for _ in 0..missing {
            if let Some(data) = self.before.pop_back() {
                self.data = data;
            }
        }
        self.under_way.clear();
        missing
    }

    /// Writes what has reached the disk by now.
    pub(super) fn settle(&mut self) {
        let now = Instant::now();
        self.under_way.sort_by_key(|commit| (commit.due, commit.ticket));
        while self.under_way.first().is_some_and(|commit| commit.due <= now) {
            let landed = self.under_way.remove(0);
            if landed.epoch == self.data.leader.epoch {
                let before = self.data.clone();
                if self.data.write(&landed.commit, landed.due).is_ok() {
                    self.before.push_back(before);
                    if self.before.len() > STATES {
                        self.before.pop_front();
                    }
                }
            }
        }
    }

    /// Whether the epoch is still this one.
    pub(super) fn fenced_unless(&self, epoch: i64) -> Result<(), JournalError> {
        (epoch == self.data.leader.epoch).then_some(()).ok_or(JournalError::Fenced)
    }
}

/// Spreads a number over 64 bits (splitmix64).
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
