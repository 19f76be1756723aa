//! The deployments of one shard and their books, in memory.
//!
//! An idle deployment has no book at all: it is made at the first operation and dropped at the turn
//! of a window that finds it at rest. Only books that are there cost anything at a turn.

use std::collections::BTreeSet;
use std::sync::Arc;

use quota_core::{Book, Event, Now, Policy};
use rustc_hash::FxHashMap;

use super::draft::Draft;
use super::holders::Holders;
use super::journal::{Catalogue, DeploymentRow};
use super::room::Room;
use super::turn::{Closed, Turning};
use crate::ledger::Stored;
use crate::ledger::checks::Told;
use crate::metrics;

/// Which of the shards this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShardNo {
    pub(crate) no: u32,
    pub(crate) of: u32,
}

impl ShardNo {
    /// Many servers are more than one server's disk, and who reads a file by itself asks for no
    /// other.
    pub(crate) const ALONE: Self = Self { no: 0, of: 1 };
}

/// All that one writer knows.
#[derive(Debug)]
pub(crate) struct Books {
    pub(super) shard: ShardNo,
    pub(super) by_id: FxHashMap<Arc<str>, u32>,
    pub(super) slots: FxHashMap<u32, Slot>,
    pub(super) holders: Holders,
    /// Those with a book.
    pub(super) active: Vec<u32>,
    /// Which of them is audited next.
    pub(super) audited: usize,
    /// What of them does not add up.
    pub(super) told: Told,
    /// The last window that they came to.
    pub(super) turned: u64,
    pub(super) turning: Turning,
    pub(super) closed: Closed,
    /// Those that are deleted and not forgotten.
    pub(super) deleted: Vec<u32>,
    pub(super) last_deployment: Option<u32>,
    /// Their journal cannot be vouched for.
    pub(super) doubtful: bool,
    /// The first window that none of their entries puts in doubt.
    pub(super) clean_from: u64,
    /// Deployments that are or were quarantined, each by itself.
    pub(super) doubted: BTreeSet<u32>,
    pub(super) room: Room,
}

/// A deployment.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(super) no: u32,
    pub(super) id: Arc<str>,
    pub(super) policy: Policy,
    pub(super) details: Arc<str>,
    pub(super) version: u64,
    /// The window in which it was deleted.
    pub(super) deleted: Option<u64>,
    /// The last window in which an entry named it; 0: none that is kept does.
    pub(super) named: u64,
    /// The first window of its that no entry puts in doubt.
    pub(super) clean_from: u64,
    pub(super) book: Option<Box<Open>>,
}

/// A book, and how far the journal tells of it. Both go together: a book that is made again is told
/// of again.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) book: Book,
    /// The last window whose entries have its policy.
    pub(super) recorded: u64,
    /// The last window that the book was turned to.
    pub(super) turned: u64,
}

impl Books {
    /// The deployments of a catalogue, all idle.
    pub(crate) fn new(shard: ShardNo, catalogue: Catalogue) -> Self {
        let mut books = Self {
            shard,
            by_id: FxHashMap::default(),
            slots: FxHashMap::default(),
            holders: Holders::default(),
            active: Vec::new(),
            audited: 0,
            told: Told::default(),
            turned: 0,
            turning: Turning::default(),
            closed: Closed::default(),
            deleted: Vec::new(),
            last_deployment: catalogue.last_deployment,
            doubtful: false,
            clean_from: 0,
            doubted: BTreeSet::new(),
            room: Room::default(),
        };
        for row in catalogue.deployments {
            books.insert(row);
        }
        books
    }

    pub(super) fn insert(&mut self, row: DeploymentRow) {
        if row.deleted {
            self.deleted.push(row.no);
        }
        self.by_id.insert(row.id.clone(), row.no);
        self.slots.insert(row.no, Slot::new(row));
    }

    pub(super) fn live(&self, id: &str) -> Option<&Slot> {
        let slot = self.slots.get(self.by_id.get(id)?)?;
        slot.deleted.is_none().then_some(slot)
    }

    /// A deployment with its book, brought to this time.
    pub(super) fn live_mut(&mut self, id: &str, now: &Now) -> Option<(&mut Slot, &mut Holders)> {
        let slot = self.slots.get_mut(self.by_id.get(id)?)?;
        if slot.deleted.is_some() {
            return None;
        }
        slot.open(None, &mut self.active);
        slot.catch_up(now, &mut self.closed);
        Some((slot, &mut self.holders))
    }

    /// One deployment.
    pub(crate) fn deployment(&self, id: &str) -> Option<Stored> {
        self.live(id).map(|slot| slot.stored(false))
    }

    /// When deployments were deleted is not stored: it counts from this window.
    pub(super) fn deleted_in(&mut self, window: u64) {
        for no in &self.deleted {
            if let Some(slot) = self.slots.get_mut(no) {
                slot.deleted = Some(window);
            }
        }
    }

    pub(crate) fn any_active(&self) -> bool {
        !self.active.is_empty()
    }
}

impl Drop for Books {
    fn drop(&mut self) {
        metrics::books_active_changed(-count(self.active.len()));
    }
}

/// The details of a deleted deployment. They are up to 12 KiB, and nobody reads them any more:
/// whoever makes it again says new ones.
pub(super) fn nothing() -> Arc<str> {
    Arc::from("{}")
}

pub(super) fn count(books: usize) -> i32 {
    i32::try_from(books).unwrap_or(i32::MAX)
}

impl Slot {
    pub(super) fn new(row: DeploymentRow) -> Self {
        Self {
            no: row.no,
            id: row.id,
            policy: row.policy,
            details: if row.deleted { nothing() } else { row.details },
            version: row.version,
            deleted: row.deleted.then_some(0),
            named: 0,
            clean_from: 0,
            book: None,
        }
    }

    pub(super) fn book(&self) -> Option<&Book> {
        self.book.as_deref().map(|open| &open.book)
    }

    pub(super) fn book_mut(&mut self) -> Option<&mut Book> {
        self.book.as_deref_mut().map(|open| &mut open.book)
    }

    /// Its book, made with this policy, or the one that was put last, where there is none.
    pub(super) fn open(&mut self, policy: Option<&Policy>, active: &mut Vec<u32>) -> &mut Open {
        let no = self.no;
        self.book.get_or_insert_with(|| {
            active.push(no);
            metrics::books_active_changed(1);
            let book = Book::new(policy.unwrap_or(&self.policy).clone());
            Box::new(Open { book, recorded: 0, turned: 0 })
        })
    }

    /// Writes what happened to its book. The policy stands before the first event of each book and
    /// of each window: so any part of the journal that is still kept is read under the limits that
    /// held, whatever the catalogue says by then, and a book that was dropped and made again is
    /// told of anew.
    pub(super) fn journal(
        &mut self,
        event: Event,
        holders: &mut Holders,
        now: &Now,
        draft: &mut Draft,
    ) {
        let window = now.window.number;
        self.named = window;
        if let Some(open) = self.book.as_deref_mut()
            && std::mem::replace(&mut open.recorded, window) != window
        {
            let policy = open.book.policy_event(now);
            draft.event(self.no, policy, holders, now);
        }
        draft.event(self.no, event, holders, now);
    }

    pub(super) fn stored(&self, created: bool) -> Stored {
        Stored {
            id: self.id.clone(),
            policy: self.policy.clone(),
            details: self.details.clone(),
            version: self.version,
            created,
        }
    }

    pub(super) fn row(&self) -> DeploymentRow {
        DeploymentRow {
            no: self.no,
            id: self.id.clone(),
            policy: self.policy.clone(),
            details: self.details.clone(),
            version: self.version,
            deleted: self.deleted.is_some(),
        }
    }
}
