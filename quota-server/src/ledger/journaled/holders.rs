//! Holders by number: a book only knows numbers.

use rustc_hash::{FxHashMap, FxHashSet};

use quota_core::HolderId;

use super::entry::EntryWriter;
use crate::ledger::Caller;

/// The holders that a lease of some book may still name.
#[derive(Debug, Default)]
pub(crate) struct Holders {
    by_caller: FxHashMap<Caller, HolderId>,
    by_id: FxHashMap<HolderId, Known>,
    last: u32,
}

#[derive(Debug)]
struct Known {
    caller: Caller,
    /// The last window that it asked in.
    seen: u64,
    /// The last window whose entries have its record.
    recorded: u64,
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
        loop {
            self.last = self.last.wrapping_add(1);
            let id = HolderId(self.last);
            if !self.by_id.contains_key(&id) {
                self.insert(id, caller.clone(), 0);
                return id;
            }
        }
    }

    fn insert(&mut self, id: HolderId, caller: Caller, window: u64) {
        self.by_caller.insert(caller.clone(), id);
        self.by_id.insert(id, Known { caller, seen: window, recorded: window });
    }

    /// Writes a holder's record unless the entries of this window have it.
    pub(crate) fn record(&mut self, id: HolderId, window: u64, entry: &mut EntryWriter) {
        let Some(known) = self.by_id.get_mut(&id) else { return };
        if known.recorded != window {
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

    /// Forgets those that have not asked since before `window` and that nobody waits for.
    pub(crate) fn forget(&mut self, window: u64, awaited: &FxHashSet<HolderId>) {
        self.by_id.retain(|id, known| known.seen >= window || awaited.contains(id));
        let by_id = &self.by_id;
        self.by_caller.retain(|_, id| by_id.contains_key(id));
    }
}
