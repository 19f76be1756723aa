use std::sync::atomic::Ordering::Relaxed;

use quota_units::{Amount, Unit};

use super::atomic::AtomicU64;
use super::slot::Line;
use super::word::Word;

/// What draws that got nothing leave behind for the one who asks for leases.
#[derive(Debug, Default)]
pub struct Signals {
    line: Line<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    denied: SumsByUnit,
    missed: SumsByUnit,
    last_missed: AtomicU64,
}

/// Sums by unit, in their order. Each is exact; they are not one step.
#[derive(Debug, Default)]
struct SumsByUnit([AtomicU64; Unit::COUNT]);

impl SumsByUnit {
    /// Answers with what there was before.
    fn add(&self, amount: Amount) -> Amount {
        Amount::by_unit(|unit| self.0[unit as usize].fetch_add(amount[unit], Relaxed))
    }

    fn take(&self) -> Amount {
        Amount::by_unit(|unit| self.0[unit as usize].swap(0, Relaxed))
    }
}

/// Draws that found no lease and did not wait for one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Missed {
    /// All of them together.
    pub sum: Amount,
    /// The last of them.
    pub last: Amount,
}

impl Signals {
    /// A draw was denied. Answers with whether it is the first since they were taken.
    pub fn denied(&self, amount: Amount) -> bool {
        let counts = &self.line.0;
        let amount = Word::pack_capped(amount).amount();
        counts.denied.add(amount).is_zero()
    }

    /// Whether draws were denied since they were taken.
    #[must_use]
    pub fn has_denied(&self) -> bool {
        let counts = &self.line.0;
        counts.denied.0.iter().any(|count| count.load(Relaxed) > 0)
    }

    /// A draw was denied that a lease would have helped.
    pub fn missed(&self, amount: Amount) {
        let counts = &self.line.0;
        let last = Word::pack_capped(amount).bits();
        counts.last_missed.store(last, Relaxed);
        counts.missed.add(amount);
    }

    /// What was denied since the last call.
    pub fn take_denied(&self) -> Amount {
        self.line.0.denied.take()
    }

    /// What was missed since the last call.
    pub fn take_missed(&self) -> Missed {
        let counts = &self.line.0;
        Missed {
            sum: counts.missed.take(),
            last: Word::from_bits(counts.last_missed.swap(0, Relaxed)).amount(),
        }
    }
}
