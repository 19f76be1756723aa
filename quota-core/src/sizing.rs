//! How much to grant, and when the end of a window's capacity is near: pure functions of what is
//! left. Large first, then geometrically smaller, so that many holders share the last of it.

use crate::{Amount, Limit, MAX_LEASE};

/// The part of a limit below which its endgame begins: 3 %, from the simulation in which stranded
/// quota fell from 2 % to 0.00 %.
const ENDGAME_PERCENT: u64 = 3;

/// `min(want, max(min, available / (2 x holders)))` in each unit, at most what a lease holds.
/// `min` must fit into `available`, and `holders` counts the asker.
pub(crate) fn grant(min: Amount, want: Amount, available: Amount, holders: u64) -> Amount {
    let of = |min: u64, want: u64, available: u64, most: u64| {
        let share = available / holders.saturating_mul(2).max(1);
        want.min(min.max(share)).min(most)
    };
    Amount::new(
        of(min.tokens, want.tokens, available.tokens, MAX_LEASE.tokens),
        of(min.requests, want.requests, available.requests, MAX_LEASE.requests),
    )
}

/// Whether less than max(3 % of the limit, holders x a large request) is left of a limited unit.
pub(crate) fn is_endgame(limit: Limit, available: Amount, holders: u64, large: Amount) -> bool {
    let near = |limit: Option<u64>, available: u64, large: u64| {
        limit.is_some_and(|limit| {
            available < (limit / 100 * ENDGAME_PERCENT).max(holders.saturating_mul(large))
        })
    };
    near(limit.tokens, available.tokens, large.tokens)
        || near(limit.requests, available.requests, large.requests.max(1))
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
            assert_eq!(got.tokens, granted, "{min} {want} {available} {holders}");
        }
    }

    #[test]
    fn no_grant_is_larger_than_a_lease_word() {
        let all = Amount::new(u64::MAX, u64::MAX);
        assert_eq!(grant(Amount::ZERO, all, all, 1), MAX_LEASE);
    }

    #[test]
    fn the_endgame_is_three_percent_or_a_large_request_each() {
        let limit = Limit { tokens: Some(1_000), requests: None };
        assert!(!is_endgame(limit, Amount::new(30, 0), 1, tokens(30)));
        assert!(is_endgame(limit, Amount::new(29, 0), 1, tokens(30)));
        assert!(is_endgame(limit, Amount::new(149, 0), 5, tokens(30)));
        assert!(!is_endgame(Limit::default(), Amount::ZERO, 5, tokens(30)), "no limit, no end");
    }
}
