//! What is left of one lease, drawn from by many threads at once.
//!
//! The words that never change while a lease lives, the word that every draw changes, and the
//! tallies that every settlement changes lie on cache lines of their own; tallies are striped, so
//! that threads that settle do not meet. What is in flight (drawn and not settled) is counted
//! nowhere: it is what was granted and is neither free, nor used, nor taken out again.
//!
//! Slots are recycled. The generation, odd while a lease lives, tells a draw that its slot was
//! closed or recycled under it; it then puts back what it took, wherever that was.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use quota_units::{Amount, Unit};

use super::atomic::{AtomicU32, AtomicU64};
use super::stripe::{STRIPES, stripe};
use super::word::Word;
use crate::Moment;

/// Two cache lines, since processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Line<T>(pub(super) T);

#[derive(Debug, Default)]
pub(super) struct Slot {
    terms: Line<Terms>,
    free: Line<AtomicU64>,
    tallies: [Line<Tally>; STRIPES],
}

/// Changed by the lease's owner only.
#[derive(Debug, Default)]
struct Terms {
    generation: AtomicU32,
    not_before: AtomicU64,
    not_after: AtomicU64,
    low_water: AtomicU64,
    granted: AtomicU64,
    taken: AtomicU64,
}

#[derive(Debug, Default)]
struct Tally {
    used: AtomicU64,
    /// For the estimate of the demand only: the same tokens can be refunded many times.
    refunded: AtomicU64,
    /// By unit, in their order.
    overrun: [AtomicU64; Unit::COUNT],
}

/// A draw that was made.
pub(super) struct Took {
    /// The lease is below its low-water mark now.
    pub(super) is_low: bool,
}

/// Where a lease's amount is just now: `granted = free + in_flight + used + taken`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) free: Amount,
    pub(super) in_flight: Amount,
    pub(super) used: Amount,
    pub(super) refunded: Amount,
    pub(super) overrun: Amount,
}

impl Slot {
    /// Takes an amount, all of it or nothing.
    #[inline]
    pub(super) fn draw(&self, generation: u32, amount: Word, now: Moment) -> Option<Took> {
        if !self.is(generation) || !self.spans(now) {
            return None;
        }
        let rest = self.take(|free| free.without(amount))?;
        if !self.is(generation) {
            self.free.0.fetch_add(amount.bits(), Release);
            return None;
        }
        let low_water = Word::from_bits(self.terms.0.low_water.load(Relaxed));
        Some(Took { is_low: !rest.covers(low_water) })
    }

    /// Whether a draw would succeed.
    pub(super) fn covers(&self, generation: u32, amount: Word, now: Moment) -> bool {
        let free = Word::pack_capped(self.free(generation, now));
        amount != Word::ZERO && free.covers(amount)
    }

    /// What can be drawn.
    pub(super) fn free(&self, generation: u32, now: Moment) -> Amount {
        let free = Word::from_bits(self.free.0.load(Relaxed));
        if self.is(generation) && self.spans(now) { free.amount() } else { Amount::default() }
    }

    /// A permit was used in full.
    #[inline]
    pub(super) fn charge(&self, reserved: Word) {
        self.tally().used.fetch_add(reserved.bits(), Release);
    }

    /// A permit's request used so much: the rest returns to the lease, an overrun is charged to it
    /// as far as it goes.
    #[inline]
    pub(super) fn settle(&self, reserved: Word, used: Amount) {
        match Word::pack(used).and_then(|used| Some((used, reserved.without(used)?))) {
            Some((_, Word::ZERO)) => self.charge(reserved),
            Some((used, rest)) => self.refund(used, rest),
            None => self.overrun(reserved, used),
        }
    }

    #[cold]
    fn overrun(&self, reserved: Word, used: Amount) {
        let kept = Word::pack_capped(used).min(reserved);
        let excess = used.saturating_sub(reserved.amount());
        let covered = self.take_up_to(Word::pack_capped(excess)).amount();
        let uncovered = excess.saturating_sub(covered);
        let overrun = &self.tally().overrun;
        Unit::ALL.into_iter().for_each(|unit| add(&overrun[unit as usize], uncovered[unit]));
        let charged = kept.bits() + Word::pack_capped(covered).bits();
        let rest = reserved.without(kept).unwrap_or_default();
        self.refund(Word::from_bits(charged), rest);
    }

    /// Used goes up before the rest is free: so nothing in flight is ever overlooked.
    fn refund(&self, used: Word, rest: Word) {
        let tally = self.tally();
        tally.used.fetch_add(used.bits(), Release);
        tally.refunded.fetch_add(rest.bits(), Relaxed);
        self.free.0.fetch_add(rest.bits(), Release);
    }

    /// Takes what there is of an amount, unless the lease is closed. The permit that asks for it
    /// keeps the slot from being recycled, so the generation only tells of a close.
    fn take_up_to(&self, most: Word) -> Word {
        let generation = self.terms.0.generation.load(Acquire);
        if generation.is_multiple_of(2) {
            return Word::ZERO;
        }
        let mut taken = Word::ZERO;
        self.take(|free| {
            taken = free.min(most);
            free.without(taken)
        });
        if !self.is(generation) {
            self.free.0.fetch_add(taken.bits(), Release);
            return Word::ZERO;
        }
        taken
    }

    #[inline]
    fn take(&self, mut rest: impl FnMut(Word) -> Option<Word>) -> Option<Word> {
        let mut free = self.free.0.load(Relaxed);
        loop {
            let left = rest(Word::from_bits(free))?;
            match self.free.0.compare_exchange_weak(free, left.bits(), AcqRel, Relaxed) {
                Ok(_) => return Some(left),
                Err(seen) => free = seen,
            }
        }
    }

    #[inline]
    fn is(&self, generation: u32) -> bool {
        self.terms.0.generation.load(Acquire) == generation
    }

    #[inline]
    fn spans(&self, now: Moment) -> bool {
        let terms = &self.terms.0;
        now.nanos() >= terms.not_before.load(Relaxed) && now.nanos() < terms.not_after.load(Relaxed)
    }

    #[inline]
    fn tally(&self) -> &Tally {
        &self.tallies[stripe() % STRIPES].0
    }
}

/// What only the owner of the lease calls.
impl Slot {
    /// Opens a lease in a slot that is quiet, and names its generation.
    pub(super) fn open(&self, granted: Word, not_before: Moment, not_after: Moment) -> u32 {
        for Line(tally) in &self.tallies {
            tally.used.store(0, Relaxed);
            tally.refunded.store(0, Relaxed);
            tally.overrun.iter().for_each(|overrun| overrun.store(0, Relaxed));
        }
        let terms = &self.terms.0;
        terms.taken.store(0, Relaxed);
        terms.low_water.store(0, Relaxed);
        terms.granted.store(granted.bits(), Relaxed);
        terms.not_before.store(not_before.nanos(), Relaxed);
        terms.not_after.store(not_after.nanos(), Relaxed);
        let generation = terms.generation.load(Relaxed).wrapping_add(1);
        terms.generation.store(generation, Release);
        // Not a store: a late draw of the slot's last lease may be putting back just now.
        self.free.0.fetch_add(granted.bits(), Release);
        generation
    }

    /// Ends the lease: no draw succeeds from now on.
    pub(super) fn close(&self) {
        let generation = self.terms.0.generation.load(Relaxed);
        if !generation.is_multiple_of(2) {
            self.terms.0.generation.store(generation.wrapping_add(1), Release);
        }
    }

    /// Takes out all that is free.
    pub(super) fn sweep(&self) -> Amount {
        let taken = Word::from_bits(self.free.0.swap(0, AcqRel));
        self.terms.0.taken.fetch_add(taken.bits(), Relaxed);
        taken.amount()
    }

    pub(super) fn warn_below(&self, low_water: Word) {
        self.terms.0.low_water.store(low_water.bits(), Relaxed);
    }

    pub(super) fn standing(&self) -> Standing {
        // Used first and free last: what moves in between is then counted as in flight, not twice.
        let used = self.sum(|tally| &tally.used);
        let refunded = self.sum(|tally| &tally.refunded);
        let free = self.free.0.load(Acquire);
        let terms = &self.terms.0;
        let granted = terms.granted.load(Relaxed) - terms.taken.load(Relaxed);
        Standing {
            free: Word::from_bits(free).amount(),
            in_flight: Word::from_bits(granted - used - free).amount(),
            used: Word::from_bits(used).amount(),
            refunded: Word::from_bits(refunded).amount(),
            overrun: Amount::by_unit(|unit| self.sum(|tally| &tally.overrun[unit as usize])),
        }
    }

    /// Nothing of a lease that was let go is in flight, so that the slot can hold another one. What
    /// late permits returned belongs to nobody any more.
    pub(super) fn is_quiet(&self) -> bool {
        self.sweep();
        let standing = self.standing();
        standing.free == Amount::default() && standing.in_flight == Amount::default()
    }

    fn sum(&self, part: impl Fn(&Tally) -> &AtomicU64) -> u64 {
        self.tallies.iter().map(|Line(tally)| part(tally).load(Acquire)).fold(0, u64::wrapping_add)
    }
}

/// Adds without wrapping: overruns are reported, so they must never shrink.
fn add(total: &AtomicU64, more: u64) {
    total.fetch_update(AcqRel, Relaxed, |sum| Some(sum.saturating_add(more))).ok();
}
