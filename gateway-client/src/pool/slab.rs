//! The slots of the whole process. They are never freed, so that a permit holds a plain reference
//! and no counted one; they are recycled, so there are never more than leases lived at once.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::slot::Slot;
use super::word::Word;
use crate::Moment;

static SLOTS: boxcar::Vec<Slot> = boxcar::Vec::new();

/// Slots whose lease was let go. Permits of it may still be out.
static RETIRED: Mutex<VecDeque<u32>> = Mutex::new(VecDeque::new());

/// How many retired slots are looked at for a quiet one before a new one is made.
const LOOKS: usize = 4;

/// A lease in its slot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seat {
    pub(super) slot: &'static Slot,
    pub(super) index: u32,
    pub(super) generation: u32,
}

impl Seat {
    pub(super) fn open(granted: Word, not_before: Moment, not_after: Moment) -> Self {
        let index = quiet().unwrap_or_else(add);
        let slot = slot(index).expect("a slot that was added stays");
        let generation = slot.open(granted, not_before, not_after);
        Self { slot, index, generation }
    }

    /// Lets the slot go. The lease must be closed.
    pub(super) fn retire(self) {
        retired().push_back(self.index);
    }
}

#[inline]
pub(super) fn slot(index: u32) -> Option<&'static Slot> {
    SLOTS.get(usize::try_from(index).ok()?)
}

fn quiet() -> Option<u32> {
    let mut retired = retired();
    for _ in 0..LOOKS {
        let index = retired.pop_front()?;
        if slot(index).is_some_and(Slot::is_quiet) {
            return Some(index);
        }
        retired.push_back(index);
    }
    None
}

fn add() -> u32 {
    u32::try_from(SLOTS.push(Slot::default())).expect("memory ends before four billion slots")
}

fn retired() -> std::sync::MutexGuard<'static, VecDeque<u32>> {
    RETIRED.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use quota_units::Amount;

    use super::*;

    #[test]
    fn what_a_late_permit_returns_does_not_keep_its_slot() {
        let word = |tokens| Word::pack(Amount::new(tokens, 1)).unwrap();
        let slot = Slot::default();
        let generation = slot.open(word(100), Moment::START, Moment::NEVER);
        assert!(slot.draw(generation, word(60), Moment::START).is_some());
        slot.close();
        assert!(!slot.is_quiet(), "a permit is out");
        slot.settle(word(60), Amount::default());
        assert!(slot.is_quiet());
    }
}
