use std::fmt;
use std::ops::{Index, IndexMut};

use serde::{Deserialize, Serialize};

use crate::Unit;
use crate::written::WrittenAmount;

/// So much of each unit, always of all.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "WrittenAmount", into = "WrittenAmount")]
pub struct Amount([u64; Unit::COUNT]);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self([0; Unit::COUNT]);

    /// So many tokens, so many requests, and nothing else.
    #[must_use]
    #[inline]
    pub const fn new(tokens: u64, requests: u64) -> Self {
        let mut amount = Self::ZERO;
        amount.0[Unit::Tokens as usize] = tokens;
        amount.0[Unit::Requests as usize] = requests;
        amount
    }

    /// The same of each unit.
    #[must_use]
    #[inline]
    pub const fn of_each(count: u64) -> Self {
        Self([count; Unit::COUNT])
    }

    /// What `count` says of each unit.
    #[must_use]
    #[inline]
    pub fn by_unit(count: impl FnMut(Unit) -> u64) -> Self {
        Self(Unit::ALL.map(count))
    }

    /// Tokens.
    #[must_use]
    #[inline]
    pub const fn tokens(self) -> u64 {
        self.get(Unit::Tokens)
    }

    /// Requests.
    #[must_use]
    #[inline]
    pub const fn requests(self) -> u64 {
        self.get(Unit::Requests)
    }

    /// How much of one unit.
    #[must_use]
    #[inline]
    pub const fn get(self, unit: Unit) -> u64 {
        self.0[unit as usize]
    }

    /// Of each unit, in their order: to sort by the first, then by the next.
    #[must_use]
    #[inline]
    pub const fn counts(self) -> [u64; Unit::COUNT] {
        self.0
    }

    /// Whether each unit fits into `room`.
    #[must_use]
    #[inline]
    pub const fn fits(self, room: Self) -> bool {
        self.first_above(room).is_none()
    }

    /// The first unit in which this is more than `room`.
    #[must_use]
    #[inline]
    pub const fn first_above(self, room: Self) -> Option<Unit> {
        let mut at = 0;
        while at < Unit::COUNT {
            if self.0[at] > room.0[at] {
                return Some(Unit::ALL[at]);
            }
            at += 1;
        }
        None
    }

    /// Whether there is nothing of any unit.
    #[must_use]
    #[inline]
    pub const fn is_zero(self) -> bool {
        self.fits(Self::ZERO)
    }

    /// The larger in each unit.
    #[must_use]
    #[inline]
    pub fn max(self, other: Self) -> Self {
        self.with(other, u64::max)
    }

    /// The smaller in each unit.
    #[must_use]
    #[inline]
    pub fn min(self, other: Self) -> Self {
        self.with(other, u64::min)
    }

    /// The sum; `None` where a unit overflows.
    #[must_use]
    #[inline]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.try_with(other, u64::checked_add)
    }

    /// The difference; `None` where a unit would fall below 0.
    #[must_use]
    #[inline]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.try_with(other, u64::checked_sub)
    }

    /// The sum, each unit held at its largest.
    #[must_use]
    #[inline]
    pub fn saturating_add(self, other: Self) -> Self {
        self.with(other, u64::saturating_add)
    }

    /// The difference, each unit held at 0.
    #[must_use]
    #[inline]
    pub fn saturating_sub(self, other: Self) -> Self {
        self.with(other, u64::saturating_sub)
    }

    /// So many times as much, each unit held at its largest.
    #[must_use]
    #[inline]
    pub fn saturating_mul(self, times: u64) -> Self {
        Self(self.0.map(|count| count.saturating_mul(times)))
    }

    #[inline]
    fn with(self, other: Self, each: impl Fn(u64, u64) -> u64) -> Self {
        Self(std::array::from_fn(|at| each(self.0[at], other.0[at])))
    }

    #[inline]
    fn try_with(self, other: Self, each: impl Fn(u64, u64) -> Option<u64>) -> Option<Self> {
        let mut result = Self::ZERO;
        for (at, count) in result.0.iter_mut().enumerate() {
            *count = each(self.0[at], other.0[at])?;
        }
        Some(result)
    }
}

impl Index<Unit> for Amount {
    type Output = u64;

    #[inline]
    fn index(&self, unit: Unit) -> &u64 {
        &self.0[unit as usize]
    }
}

impl IndexMut<Unit> for Amount {
    #[inline]
    fn index_mut(&mut self, unit: Unit) -> &mut u64 {
        &mut self.0[unit as usize]
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Amount");
        for unit in Unit::ALL {
            shown.field(unit.name(), &self[unit]);
        }
        shown.finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_amount() -> impl Strategy<Value = Amount> {
        // Often equal, small, or at an end.
        let count = || prop_oneof![0..4_u64, Just(u64::MAX), any::<u64>()];
        (count(), count()).prop_map(|(tokens, requests)| Amount::new(tokens, requests))
    }

    /// What the algebra says of a vector is what numbers say of each unit by itself.
    fn each_by_itself(got: Amount, of: impl Fn(Unit) -> u64) -> bool {
        Unit::ALL.into_iter().all(|unit| got[unit] == of(unit) && got.get(unit) == of(unit))
    }

    proptest! {
        #[test]
        fn it_is_numbers_unit_by_unit(a in any_amount(), b in any_amount(), times in 0..9_u64) {
            prop_assert!(each_by_itself(a.max(b), |it| a[it].max(b[it])));
            prop_assert!(each_by_itself(a.min(b), |it| a[it].min(b[it])));
            prop_assert!(each_by_itself(a.saturating_add(b), |it| a[it].saturating_add(b[it])));
            prop_assert!(each_by_itself(a.saturating_sub(b), |it| a[it].saturating_sub(b[it])));
            prop_assert!(each_by_itself(a.saturating_mul(times), |it| a[it].saturating_mul(times)));
            prop_assert!(each_by_itself(Amount::by_unit(|it| a[it]), |it| a[it]));
        }

        #[test]
        fn a_sum_of_all_units_or_none(a in any_amount(), b in any_amount()) {
            let overflows = Unit::ALL.into_iter().any(|it| a[it].checked_add(b[it]).is_none());
            prop_assert_eq!(a.checked_add(b).is_none(), overflows);
            prop_assert!(overflows || a.checked_add(b) == Some(a.saturating_add(b)));
            let falls_short = Unit::ALL.into_iter().any(|it| a[it] < b[it]);
            prop_assert_eq!(a.checked_sub(b).is_none(), falls_short);
            prop_assert!(falls_short || a.checked_sub(b) == Some(a.saturating_sub(b)));
            prop_assert_eq!(b.fits(a), !falls_short);
        }

        #[test]
        fn the_first_unit_that_is_short_is_named(a in any_amount(), b in any_amount()) {
            let first = Unit::ALL.into_iter().find(|unit| a[*unit] > b[*unit]);
            prop_assert_eq!(a.first_above(b), first);
            prop_assert_eq!(a.is_zero(), a == Amount::ZERO);
        }
    }

    #[test]
    fn it_is_shown_by_its_units_names() {
        assert_eq!(format!("{:?}", Amount::new(7, 1)), "Amount { tokens: 7, requests: 1 }");
    }

    #[test]
    fn it_is_small() {
        assert_eq!(size_of::<Amount>(), 8 * Unit::COUNT);
    }
}
