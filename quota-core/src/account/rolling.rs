//! What the last 60 s hold. A lease may be drawn from until its end, so its charge stays for 60 s
//! from that end: any two draws less than 60 s apart are then held together when the later of their
//! leases is granted, and no interval of 60 s sees more than the limit.
//!
//! Charges that leave at one instant share a slot, and slots share slices of growing length. So
//! what it costs to charge, to credit, and to tell when so much will have left, does not grow with
//! the leases that are out; nor does what it keeps, beyond a slot for each ms of a minute and a
//! lease's life.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::Charged;
use crate::{Amount, MAX_LIMIT, MINUTE_MS};

/// The most that a sum holds.
const MOST: Amount = Amount::of_each(MAX_LIMIT);

/// A slice has so many of the next shorter, as a power of two.
const SPLIT: u32 = 4;

/// The charges of a rolling window, by when they leave it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rolling {
    /// By the instant, steady ms.
    slots: BTreeMap<u64, Slot>,
    /// By the instant in units of 16, 256 and 4 096 ms.
    slices: [BTreeMap<u64, Slice>; 3],
    granted: Amount,
    overrun: Amount,
}

/// What leaves at one instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Slot {
    granted: Amount,
    overrun: Amount,
}

impl Slot {
    fn sum(&self) -> Amount {
        self.granted.saturating_add(self.overrun)
    }
}

/// What leaves in a slice of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Slice {
    sum: Amount,
    /// How many slots it has.
    slots: u32,
}

/// When the charge of a lease that ends at `ends_ms` leaves the last 60 s.
pub(super) const fn released_ms(ends_ms: u64) -> u64 {
    ends_ms + MINUTE_MS
}

impl Rolling {
    /// Charges a lease that ends at `ends_ms`.
    pub(super) fn charge(&mut self, ends_ms: u64, amount: Amount) {
        self.granted = self.granted.saturating_add(amount);
        self.add(released_ms(ends_ms), Slot { granted: amount, ..Slot::default() });
    }

    /// Credits what a lease that ends at `ends_ms` gave back; once its charge has left, nothing.
    pub(super) fn credit(&mut self, ends_ms: u64, amount: Amount) {
        let at_ms = released_ms(ends_ms);
        let Some(slot) = self.slots.get_mut(&at_ms) else { return };
        debug_assert!(amount.fits(slot.granted), "more given back than the leases held");
        let taken = amount.min(slot.granted);
        slot.granted = slot.granted.saturating_sub(taken);
        self.granted = self.granted.saturating_sub(taken);
        self.each_slice(at_ms, |slice| slice.sum = slice.sum.saturating_sub(taken));
        self.check();
    }

    /// Charges an overrun that is reported now: it counts from its report on. What the sum cannot
    /// hold is not in it.
    pub(super) fn overrun(&mut self, steady_ms: u64, amount: Amount) {
        if amount.is_zero() {
            return;
        }
        let amount = amount.min(MOST.saturating_sub(self.overrun));
        self.overrun = self.overrun.saturating_add(amount);
        self.add(released_ms(steady_ms), Slot { overrun: amount, ..Slot::default() });
    }

    /// Lets go what has left.
    pub(super) fn release(&mut self, steady_ms: u64) {
        while let Some(first) = self.slots.first_entry() {
            let at_ms = *first.key();
            if at_ms > steady_ms {
                break;
            }
            let slot = first.remove();
            self.granted = self.granted.saturating_sub(slot.granted);
            self.overrun = self.overrun.saturating_sub(slot.overrun);
            self.each_slice(at_ms, |slice| {
                slice.sum = slice.sum.saturating_sub(slot.sum());
                slice.slots -= 1;
            });
            self.check();
        }
    }

    /// What is charged in all.
    pub(super) fn charged(&self) -> Charged {
        Charged { outstanding: self.granted, overrun: self.overrun }
    }

    /// When `wanted` more than what is free now will have been released, steady ms.
    pub(super) fn freed_ms(&self, wanted: Amount) -> Option<u64> {
        let mut freed = Amount::ZERO;
        let mut within = 0..=u64::MAX;
        for slices in self.slices.iter().rev() {
            let sums = slices.range(within).map(|(at, slice)| (*at, slice.sum));
            let at = first_to_reach(wanted, &mut freed, sums)?;
            within = at << SPLIT..=(at << SPLIT | ((1 << SPLIT) - 1));
        }
        let sums = self.slots.range(within).map(|(at_ms, slot)| (*at_ms, slot.sum()));
        first_to_reach(wanted, &mut freed, sums)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// How many charges it keeps, each of all that leaves within one ms.
    pub(super) fn count(&self) -> usize {
        self.slots.len()
    }

    /// The sums are those of the parts.
    pub(super) fn adds_up(&self) -> bool {
        let mut parts = Self::default();
        for (at_ms, slot) in &self.slots {
            parts.granted = parts.granted.saturating_add(slot.granted);
            parts.overrun = parts.overrun.saturating_add(slot.overrun);
            parts.add(*at_ms, *slot);
        }
        parts == *self
    }

    fn add(&mut self, at_ms: u64, charge: Slot) {
        let (slot, is_new) = match self.slots.entry(at_ms) {
            Entry::Vacant(entry) => (entry.insert(Slot::default()), true),
            Entry::Occupied(entry) => (entry.into_mut(), false),
        };
        slot.granted = slot.granted.saturating_add(charge.granted);
        slot.overrun = slot.overrun.saturating_add(charge.overrun);
        self.each_slice(at_ms, |slice| {
            slice.sum = slice.sum.saturating_add(charge.sum());
            slice.slots += u32::from(is_new);
        });
    }

    /// Changes the slices that an instant is in. One without slots is gone.
    fn each_slice(&mut self, at_ms: u64, change: impl Fn(&mut Slice)) {
        for (slices, shift) in self.slices.iter_mut().zip((SPLIT..).step_by(SPLIT as usize)) {
            let at = at_ms >> shift;
            let slice = slices.entry(at).or_default();
            change(slice);
            if slice.slots == 0 {
                debug_assert!(slice.sum.is_zero(), "a slice without slots holds {:?}", slice.sum);
                slices.remove(&at);
            }
        }
    }

    /// The longest slices hold all that is charged: they are few.
    fn check(&self) {
        debug_assert_eq!(
            self.slices[2].values().fold(Amount::ZERO, |sum, slice| sum.saturating_add(slice.sum)),
            self.granted.saturating_add(self.overrun),
            "the slices hold what is charged"
        );
    }
}

/// Adds up until there is `wanted`, and answers with where that was. `freed` is what is before it.
fn first_to_reach(
    wanted: Amount,
    freed: &mut Amount,
    mut sums: impl Iterator<Item = (u64, Amount)>,
) -> Option<u64> {
    let reached = sums.find(|(_, sum)| {
        let with_it = freed.saturating_add(*sum);
        let is_enough = wanted.fits(with_it);
        if !is_enough {
            *freed = with_it;
        }
        is_enough
    });
    reached.map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(tokens: u64) -> Amount {
        Amount::new(tokens, 1)
    }

    /// The same by a walk over all charges.
    fn walked(charges: &[(u64, u64)], now_ms: u64, wanted: u64) -> Option<u64> {
        let mut ahead: Vec<_> =
            charges.iter().filter(|(ends_ms, _)| released_ms(*ends_ms) > now_ms).collect();
        ahead.sort_unstable();
        let mut freed = 0;
        let reached = ahead.into_iter().find(|(_, tokens)| {
            freed += tokens;
            freed >= wanted
        });
        reached.map(|(ends_ms, _)| released_ms(*ends_ms))
    }

    #[test]
    fn slices_tell_what_a_walk_over_all_charges_tells() {
        let mut rolling = Rolling::default();
        let mut charges = Vec::new();
        let mut spread = 7_u64;
        for step in 0..6_000_u64 {
            spread = spread.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            let (ends_ms, size) = (1_000 + step * 4 + (spread >> 54), spread >> 33 & 0xff);
            rolling.charge(ends_ms, Amount::new(size, 0));
            charges.push((ends_ms, size));
            if step % 97 == 0 {
                let now_ms = step * 4 + (spread >> 60);
                rolling.release(now_ms);
                for wanted in [0, 1, size, size * 40, size * 4_000, u64::MAX] {
                    let found = rolling.freed_ms(Amount::new(wanted, 0));
                    assert_eq!(found, walked(&charges, now_ms, wanted), "{step} {wanted}");
                }
            }
        }
        assert!(rolling.adds_up());
        rolling.release(u64::MAX);
        assert_eq!(rolling, Rolling::default(), "nothing is left of what has left");
    }

    #[test]
    fn what_is_kept_does_not_grow_with_the_leases() {
        let mut rolling = Rolling::default();
        for grant in 0..300_000_u64 {
            let now_ms = grant / 10;
            rolling.charge(now_ms + 1_000, tokens(3));
            rolling.credit(now_ms + 1_000, tokens(1));
            rolling.overrun(now_ms, tokens(2));
        }
        assert!(rolling.slots.len() <= 61_000, "{}", rolling.slots.len());
        assert!(rolling.slices[0].len() <= 61_000 / 16 + 2);
        assert!(rolling.slices[2].len() <= 61_000 / 4_096 + 2);
    }

    #[test]
    fn a_sum_that_is_full_takes_nothing_in_that_it_could_not_let_go() {
        let mut rolling = Rolling::default();
        for now_ms in 0..3_000 {
            rolling.overrun(now_ms, MOST);
        }
        assert_eq!(rolling.charged().overrun, MOST);
        assert!(rolling.adds_up());
        rolling.release(60_000);
        assert_eq!(rolling.charged().overrun, Amount::ZERO, "all of it came with the first report");
    }
}
