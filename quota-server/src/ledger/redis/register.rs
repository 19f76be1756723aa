//! The deployments, as this server knows them: a copy of the catalogue, and what it has seen of
//! each book.
//!
//! The copy may be a second old. That is safe: the limits that hold are in the books, and a book
//! says when this server's copy of them is newer than what it has.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustc_hash::FxHashMap;

use super::book::Seen;
use super::desk::Desk;
use crate::ledger::{DeploymentPage, LOOKED_AT, Stored};
use crate::store::catalogue::{Entry, News};

/// A deployment.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) entry: Entry,
    pub(super) seen: Arc<Mutex<Seen>>,
    pub(super) desk: Arc<Desk>,
    /// When this server learned of it, by the steady clock, ms.
    pub(super) since_ms: u64,
}

/// All deployments.
#[derive(Debug, Default)]
pub(super) struct Register(RwLock<Tables>);

#[derive(Debug, Default)]
struct Tables {
    by_no: FxHashMap<u32, Arc<Known>>,
    by_id: FxHashMap<Arc<str>, u32>,
    /// The largest number that was seen.
    last_no: u32,
    revision: u64,
}

impl Register {
    /// A deployment that is not deleted.
    pub(super) fn live(&self, id: &str) -> Option<Arc<Known>> {
        self.read(|tables| {
            let known = tables.by_no.get(tables.by_id.get(id)?)?;
            (!known.entry.row.deleted).then(|| known.clone())
        })
    }

    /// A deployment by its number, deleted or not.
    pub(super) fn numbered(&self, no: u32) -> Option<Arc<Known>> {
        self.read(|tables| tables.by_no.get(&no).cloned())
    }

    /// All of them, deleted or not.
    pub(super) fn all(&self) -> Vec<Arc<Known>> {
        self.read(|tables| tables.by_no.values().cloned().collect())
    }

    /// Some of those that are not deleted, from number `first` on.
    pub(super) fn page(&self, first: u32) -> DeploymentPage {
        self.read(|tables| {
            let mut numbers = first..=tables.last_no;
            let known = numbers.by_ref().take(LOOKED_AT).filter_map(|no| tables.by_no.get(&no));
            let live = known.filter(|known| !known.entry.row.deleted);
            let deployments = live.map(|known| (known.entry.row.no, known.stored(false))).collect();
            DeploymentPage { deployments, next: numbers.next() }
        })
    }

    /// The last change of the catalogue that is in here.
    pub(super) fn revision(&self) -> u64 {
        self.read(|tables| tables.revision)
    }

    /// Takes in news of the catalogue, in the order of their changes. They may be older than what
    /// is here.
    pub(super) fn enter(&self, news: News, asked_since: u64, since_ms: u64) {
        let mut tables = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let entries = match news {
            News::Changed(entries) => entries,
            // Somebody else has read it meanwhile: that is newer.
            News::All(..) if tables.revision != asked_since => return,
            News::All(entries, revision) => {
                tables.keep_only(&entries);
                tables.revision = revision;
                entries
            }
        };
        for entry in entries {
            tables.revision = tables.revision.max(entry.revision);
            tables.enter(entry, since_ms);
        }
    }

    /// Takes in one change that was made here. Changes of others before it may be missing.
    pub(super) fn enter_own(&self, entry: Entry, since_ms: u64) -> Arc<Known> {
        let mut tables = self.0.write().unwrap_or_else(PoisonError::into_inner);
        tables.enter(entry, since_ms)
    }

    /// What a deployment would be with this entry, without taking it in.
    pub(super) fn beside(&self, entry: Entry) -> Known {
        let known = self.numbered(entry.row.no);
        let known = known.filter(|known| known.entry.instance == entry.instance);
        let since_ms = known.as_ref().map_or(0, |known| known.since_ms);
        let (seen, desk) = known.map_or_else(Default::default, |known| known.shared());
        Known { entry, seen, desk, since_ms }
    }

    /// A deleted deployment of which nothing is left, unless it was made again since this revision.
    pub(super) fn forget(&self, no: u32, revision: u64) {
        let mut tables = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if tables.by_no.get(&no).is_some_and(|known| known.entry.revision == revision) {
            tables.remove(no);
        }
    }

    fn read<T>(&self, look: impl FnOnce(&Tables) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Tables {
    /// Drops what the catalogue does not have any more, and what is of another history of it.
    fn keep_only(&mut self, entries: &[Entry]) {
        let there: FxHashMap<u32, &Entry> =
            entries.iter().map(|entry| (entry.row.no, entry)).collect();
        let gone = self.by_no.iter().filter(|(no, known)| {
            let now = there.get(no);
            now.is_none_or(|now| {
                now.instance != known.entry.instance || now.revision < known.entry.revision
            })
        });
        for no in gone.map(|(no, _)| *no).collect::<Vec<_>>() {
            self.remove(no);
        }
    }

    fn remove(&mut self, no: u32) {
        if let Some(known) = self.by_no.remove(&no)
            && self.by_id.get(&known.entry.row.id) == Some(&no)
        {
            self.by_id.remove(&known.entry.row.id);
        }
    }

    fn enter(&mut self, entry: Entry, since_ms: u64) -> Arc<Known> {
        let no = entry.row.no;
        self.last_no = self.last_no.max(no);
        // What is known of another deployment that had the number says nothing of this one.
        let before = self.by_no.get(&no);
        let before = before.filter(|known| known.entry.instance == entry.instance);
        if let Some(newer) = before.filter(|known| known.entry.revision >= entry.revision) {
            return newer.clone();
        }
        let (seen, desk) = before.map_or_else(Default::default, |known| known.shared());
        // An id that was forgotten and made again has another number: the larger one is later.
        let holder = self.by_id.entry(entry.row.id.clone()).or_insert(no);
        *holder = no.max(*holder);
        let known = Arc::new(Known { entry, seen, desk, since_ms });
        self.by_no.insert(no, known.clone());
        known
    }
}

impl Known {
    /// What outlives its changes.
    fn shared(&self) -> (Arc<Mutex<Seen>>, Arc<Desk>) {
        (self.seen.clone(), self.desk.clone())
    }

    pub(super) fn stored(&self, created: bool) -> Stored {
        let row = &self.entry.row;
        Stored {
            id: row.id.clone(),
            policy: row.policy.clone(),
            details: row.details.clone(),
            version: row.version,
            created,
        }
    }
}

#[cfg(test)]
mod tests {
    use quota_core::{Limit, PeriodLimits, Policy, Settlement, WindowKind};

    use super::*;
    use crate::ledger::journaled::DeploymentRow;
    use crate::store::catalogue::Instance;

    fn entry(no: u32, id: &str, revision: u64, deleted: bool) -> Entry {
        let policy = Policy {
            limit: Limit::new(Some(1), None),
            kind: WindowKind::Minute,
            life_ms: 2_000,
            guard_ms: 200,
            settlement: Settlement::Refund,
            periods: PeriodLimits::default(),
        };
        let details = "{}".into();
        let row = DeploymentRow { no, id: id.into(), policy, details, version: revision, deleted };
        Entry { row, instance: Instance::of(no.into()), revision }
    }

    fn changed(entries: Vec<Entry>) -> News {
        News::Changed(entries)
    }

    #[test]
    fn what_is_made_again_is_not_forgotten() {
        let register = Register::default();
        register.enter(changed(vec![entry(1, "a", 1, true)]), 0, 0);
        register.enter_own(entry(1, "a", 2, false), 0);
        register.forget(1, 1);
        assert!(register.live("a").is_some());
    }

    #[test]
    fn a_deletion_that_is_forgotten_is_known_from_what_is_left() {
        let register = Register::default();
        register.enter(changed(vec![entry(1, "a", 1, false), entry(2, "b", 2, false)]), 0, 0);
        let all = vec![entry(2, "b", 2, false), entry(3, "a", 5, false)];
        register.enter(News::All(all.clone(), 6), 0, 0);
        assert!(register.numbered(1).is_some(), "of a question before the last answer");
        register.enter(News::All(all, 6), 2, 0);
        assert!(register.numbered(1).is_none());
        assert_eq!(register.live("a").unwrap().entry.row.no, 3);
        assert_eq!(register.revision(), 6);
    }

    #[test]
    fn a_catalogue_of_before_takes_the_place_of_a_later_one() {
        let register = Register::default();
        let before = register.enter_own(entry(1, "a", 1, false), 0);
        register.enter(changed(vec![entry(1, "a", 7, false), entry(2, "b", 8, false)]), 0, 0);
        let mut other = entry(1, "c", 2, false);
        other.instance = Instance::of(9);
        register.enter(News::All(vec![other], 2), 8, 0);
        assert!(register.live("a").is_none() && register.live("b").is_none());
        assert_eq!(register.revision(), 2);
        let known = register.live("c").unwrap();
        assert!(!Arc::ptr_eq(&before.seen, &known.seen), "another book");
    }

    #[test]
    fn older_changes_change_nothing() {
        let register = Register::default();
        register.enter_own(entry(1, "a", 5, false), 0);
        assert_eq!(register.revision(), 0, "others' changes before it are still to come");
        register.enter(changed(vec![entry(1, "a", 3, true), entry(2, "b", 4, false)]), 0, 0);
        assert_eq!(register.live("a").unwrap().entry.revision, 5);
        assert_eq!(register.revision(), 4);
    }

    #[test]
    fn what_was_seen_of_a_book_outlives_changes() {
        let register = Register::default();
        let before = register.enter_own(entry(1, "a", 1, false), 0);
        register.enter(changed(vec![entry(1, "a", 2, true)]), 0, 0);
        assert!(register.live("a").is_none());
        assert!(Arc::ptr_eq(&before.seen, &register.numbered(1).unwrap().seen));
    }

    #[test]
    fn an_id_made_again_is_not_forgotten_with_the_old_one() {
        let register = Register::default();
        register.enter(changed(vec![entry(1, "a", 1, true), entry(2, "a", 2, false)]), 0, 0);
        register.forget(1, 1);
        assert_eq!(register.live("a").unwrap().entry.row.no, 2);
        assert!(register.numbered(1).is_none());
    }
}
