//! How much to grant, and when the end of a window's capacity is near: pure functions of what is
//! left. Large first, then geometrically smaller, so that many holders share the last of it.

use crate::{Amount, Limit, MAX_LEASE, Unit};

/// The part of a limit below which its endgame begins: 3 %, from the simulation in which stranded
/// quota fell from 2 % to 0.00 %.
pub const ENDGAME_PERCENT: u64 = 3;

/// The part of a limit below which its endgame begins while holders are short of so much.
pub const SHORTAGE_PERCENT: u64 = 10;

/// `min(want, max(min, available / (2 x holders)))` in each unit, at most what a lease holds.
/// `min` must fit into `available`, and `holders` counts the asker.
pub(crate) fn grant(min: Amount, want: Amount, available: Amount, holders: u64) -> Amount {
    Amount::by_unit(|unit| {
        let share = available[unit] / holders.saturating_mul(2).max(1);
        want[unit].min(min[unit].max(share)).min(MAX_LEASE[unit])
    })
}

/// Whether a limited unit is near its end: less than 3 % of it is left, or than what holders are
/// short of, `short` each, of its last 10 %. However large a request is, nobody needs to give back
/// while there is plenty.
pub(crate) fn is_endgame(limit: Limit, available: Amount, holders: u64, short: Amount) -> bool {
    let is_near = |unit: Unit| {
        limit.get(unit).is_some_and(|limit| {
            let part = |percent: u64| limit.saturating_mul(percent) / 100;
            let shortage = holders.saturating_mul(short[unit]).min(part(SHORTAGE_PERCENT));
            available[unit] < part(ENDGAME_PERCENT).max(shortage).max(1)
        })
    };
    Unit::ALL.into_iter().any(is_near)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(tokens: u64) -> Amount {
        Amount::new(tokens, 1)
    }

    #[test]
    fn grants_shrink_geometrically_and_never_below_min() {
        // min, want, available, holders -> granted
        let table = [
            ((15, 900, 500, 1), 250),
            ((15, 900, 250, 2), 62),
            ((15, 900, 188, 5), 18),
            ((15, 900, 100, 5), 15),
            ((15, 20, 500, 1), 20),
            ((500, 900, 500, 9), 500),
            ((0, 900, 3, 2), 0),
        ];
        for ((min, want, available, holders), granted) in table {
            let got = grant(tokens(min), tokens(want), tokens(available), holders);
            assert_eq!(got.tokens(), granted, "{min} {want} {available} {holders}");
        }
    }

    #[test]
    fn no_grant_is_larger_than_a_lease_word() {
        let all = Amount::new(u64::MAX, u64::MAX);
        assert_eq!(grant(Amount::ZERO, all, all, 1), MAX_LEASE);
    }

    #[test]
    fn the_endgame_is_the_last_of_the_limit_and_a_little_before_while_holders_are_short() {
        let limit = Limit::new(Some(1_000), None);
        // left, holders, what somebody was denied -> endgame
        let table = [
            (30, 1, 0, false),
            (29, 1, 0, true),
            (49, 5, 10, true),
            (50, 5, 10, false),
            (99, 20, 1_000, true),
            (100, 20, 1_000, false),
            (998, 20, 1_000, false),
        ];
        for (left, holders, short, expected) in table {
            let got = is_endgame(limit, Amount::new(left, 0), holders, tokens(short));
            assert_eq!(got, expected, "{left} {holders} {short}");
        }
        assert!(!is_endgame(Limit::default(), Amount::ZERO, 5, tokens(30)), "no limit, no end");
    }

    #[test]
    fn nothing_left_is_the_end_of_any_limit() {
        for limit in [0, 1, 7, 99] {
            let limit = Limit::new(None, Some(limit));
            assert!(is_endgame(limit, Amount::ZERO, 1, Amount::ZERO), "{limit:?}");
        }
        let largest = Limit::new(Some(crate::MAX_LIMIT), None);
        assert!(!is_endgame(largest, tokens(crate::MAX_LIMIT / 10), 9, tokens(crate::MAX_LIMIT)));
    }
}
