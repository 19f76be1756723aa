//! Holders by number: a book only knows numbers.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use quota_core::HolderId;

use super::entry::EntryWriter;
use crate::ledger::Caller;

/// A holder that no lease belongs to.
pub(super) const NOBODY: HolderId = HolderId(0);

/// The holders that a lease of some book may still name.
#[derive(Debug, Default)]
pub(crate) struct Holders {
    by_caller: FxHashMap<Caller, HolderId>,
    by_id: FxHashMap<HolderId, KnownHolder>,
    /// All of them, in the order that they are looked at when a window turns.
    round: VecDeque<HolderId>,
    last: u32,
    /// How many are in no entry.
    unrecorded: usize,
}

/// Names of holders that were granted nothing, which anybody may make up, are kept up to so many;
/// then all of them are forgotten. Who was denied needs no number: he is given another when he asks
/// again.
const MOST_UNRECORDED: usize = 65_536;

#[derive(Debug)]
struct KnownHolder {
    caller: Caller,
    /// The last window that it asked in.
    seen: u64,
    /// The last window whose entries have its record; 0: none does.
    recorded: u64,
    /// The last window in which a lease of its was waited for; 0: none was.
    awaited: u64,
}

impl Holders {
    /// The number of a holder that asks in this window; a new one for a new holder.
    pub(crate) fn asks(&mut self, caller: &Caller, window: u64) -> HolderId {
        let id = match self.by_caller.get(caller) {
            Some(id) => *id,
            None => self.give_number(caller),
        };
        if let Some(known) = self.by_id.get_mut(&id) {
            known.seen = window;
        }
        id
    }

    fn give_number(&mut self, caller: &Caller) -> HolderId {
        if self.unrecorded >= MOST_UNRECORDED {
            self.forget_unrecorded();
        }
        loop {
            self.last = self.last.wrapping_add(1);
            let id = HolderId(self.last);
            if id != NOBODY && !self.by_id.contains_key(&id) {
                self.insert(id, caller.clone(), 0);
                self.unrecorded += 1;
                return id;
            }
        }
    }

    /// A number that a writer gave before it started again, and that no entry has any more, may be
    /// another holder's now.
    fn insert(&mut self, id: HolderId, caller: Caller, window: u64) {
        let awaited = self.by_id.get(&id).map_or(0, |before| before.awaited);
        let known = KnownHolder { caller: caller.clone(), seen: window, recorded: window, awaited };
        match self.by_id.insert(id, known) {
            Some(before) => {
                self.unrecorded -= usize::from(before.recorded == 0);
                if before.caller != caller && self.by_caller.get(&before.caller) == Some(&id) {
                    self.by_caller.remove(&before.caller);
                }
            }
            None => self.round.push_back(id),
        }
        self.by_caller.insert(caller, id);
    }

    /// Writes a holder's record unless the entries of this window have it.
    pub(crate) fn record(&mut self, id: HolderId, window: u64, entry: &mut EntryWriter) {
        let Some(known) = self.by_id.get_mut(&id) else { return };
        if known.recorded != window {
            self.unrecorded -= usize::from(known.recorded == 0);
            known.recorded = window;
            entry.holder(id, &known.caller.credential, &known.caller.holder);
        }
    }

    /// Takes in a record of an entry that was written in this window.
    pub(crate) fn replay(&mut self, id: HolderId, caller: Caller, window: u64) {
        self.last = self.last.max(id.0);
        self.insert(id, caller, window);
    }

    pub(crate) fn find(&self, id: HolderId) -> Option<&Caller> {
        self.by_id.get(&id).map(|known| &known.caller)
    }

    pub(crate) fn count(&self) -> usize {
        self.round.len()
    }

    /// A lease of this holder is waited for in this window.
    pub(crate) fn awaits(&mut self, id: HolderId, window: u64) {
        if let Some(known) = self.by_id.get_mut(&id) {
            known.awaited = window;
        }
    }

    /// Looks at the next `most` of them, and forgets those that have not asked since before window
    /// `seen` and that nobody waited for since before window `awaited`.
    pub(crate) fn forget(&mut self, most: usize, seen: u64, awaited: u64) {
        for _ in 0..most {
            let Some(id) = self.round.pop_front() else { return };
            let Some(known) = self.by_id.get(&id) else { continue };
            if known.seen >= seen || known.awaited >= awaited {
                self.round.push_back(id);
            } else {
                self.remove(id);
            }
        }
    }

    fn remove(&mut self, id: HolderId) {
        let Some(known) = self.by_id.remove(&id) else { return };
        self.unrecorded -= usize::from(known.recorded == 0);
        if self.by_caller.get(&known.caller) == Some(&id) {
            self.by_caller.remove(&known.caller);
        }
    }

    /// Forgets all that are in no entry.
    fn forget_unrecorded(&mut self) {
        self.by_id.retain(|_, known| known.recorded != 0);
        let by_id = &self.by_id;
        self.by_caller.retain(|_, id| by_id.contains_key(id));
        self.round.retain(|id| by_id.contains_key(id));
        self.unrecorded = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(number: u32) -> Caller {
        Caller { credential: "token".into(), holder: format!("gw/{number}").into() }
    }

    #[test]
    fn names_that_are_granted_nothing_are_kept_up_to_a_bound() {
        let mut holders = Holders::default();
        let mut entry = EntryWriter::default();
        let granted = holders.asks(&caller(0), 9);
        holders.record(granted, 9, &mut entry);
        for number in 1..200_000 {
            holders.asks(&caller(number), 9);
            assert!(holders.by_id.len() <= MOST_UNRECORDED + 1);
            assert!(holders.by_caller.len() <= MOST_UNRECORDED + 1);
        }
        assert_eq!(holders.asks(&caller(0), 9), granted, "who has a lease keeps its number");
        let count = holders.count();
        holders.forget(count - 1, 10, 10);
        assert_eq!(holders.by_id.len(), 1, "as many as are to be looked at");
        holders.forget(1, 10, 10);
        assert!(holders.by_id.is_empty() && holders.by_caller.is_empty());
        assert_eq!((holders.count(), holders.unrecorded), (0, 0));
    }

    #[test]
    fn a_number_that_another_holder_has_by_now_is_not_the_first_ones_any_more() {
        let mut holders = Holders::default();
        holders.replay(HolderId(5), caller(1), 9);
        holders.replay(HolderId(5), caller(2), 10);
        assert_eq!(holders.find(HolderId(5)), Some(&caller(2)));
        assert_ne!(holders.asks(&caller(1), 10), HolderId(5));
    }
}
