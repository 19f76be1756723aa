use quota_units::Amount;

/// Bits of a word that count requests; the 40 above them count tokens.
const REQUEST_BITS: u32 = 24;
const REQUESTS: u64 = (1 << REQUEST_BITS) - 1;
const TOKENS: u64 = u64::MAX >> REQUEST_BITS;

/// An amount in one machine word, so that one atomic step takes tokens and requests or neither.
/// Words that belong to one lease add and subtract as plain integers: no sum exceeds what was
/// granted, so no carry crosses from requests to tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Word(u64);

impl Word {
    /// Nothing.
    pub(super) const ZERO: Self = Self(0);

    pub(super) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(super) const fn bits(self) -> u64 {
        self.0
    }

    /// `None` if no lease can hold that much.
    pub(super) const fn pack(amount: Amount) -> Option<Self> {
        if amount.tokens() > TOKENS || amount.requests() > REQUESTS {
            return None;
        }
        Some(Self(amount.tokens() << REQUEST_BITS | amount.requests()))
    }

    /// The most of it that a word holds.
    pub(super) fn pack_capped(amount: Amount) -> Self {
        Self(amount.tokens().min(TOKENS) << REQUEST_BITS | amount.requests().min(REQUESTS))
    }

    pub(super) const fn amount(self) -> Amount {
        Amount::new(self.tokens(), self.requests())
    }

    const fn tokens(self) -> u64 {
        self.0 >> REQUEST_BITS
    }

    const fn requests(self) -> u64 {
        self.0 & REQUESTS
    }

    /// Whether `part` fits, in tokens and in requests.
    #[inline]
    pub(super) const fn covers(self, part: Self) -> bool {
        self.tokens() >= part.tokens() && self.requests() >= part.requests()
    }

    /// What is left of it without `part`, if `part` fits.
    #[inline]
    pub(super) const fn without(self, part: Self) -> Option<Self> {
        if self.covers(part) { Some(Self(self.0 - part.0)) } else { None }
    }

    /// The smaller of both, in each unit by itself.
    pub(super) fn min(self, other: Self) -> Self {
        let tokens = self.tokens().min(other.tokens());
        Self(tokens << REQUEST_BITS | self.requests().min(other.requests()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn word(tokens: u64, requests: u64) -> Word {
        Word::pack(Amount::new(tokens, requests)).unwrap()
    }

    #[test]
    fn the_largest_lease_fits_and_nothing_larger() {
        let (tokens, requests) =
            (quota_api::limits::MAX_LEASE_TOKENS, quota_api::limits::MAX_LEASE_REQUESTS);
        assert_eq!(word(tokens, requests).amount(), Amount::new(tokens, requests));
        for (tokens, requests) in [(tokens + 1, 0), (0, requests + 1)] {
            assert_eq!(Word::pack(Amount::new(tokens, requests)), None);
        }
    }

    #[test]
    fn both_units_must_fit() {
        assert_eq!(word(10, 2).without(word(3, 1)), Some(word(7, 1)));
        assert_eq!(word(10, 2).without(word(3, 3)), None);
        assert_eq!(word(10, 2).without(word(11, 1)), None);
    }

    proptest! {
        #[test]
        fn taking_out_and_putting_back_is_exact(
            tokens in 0..=TOKENS, requests in 0..=REQUESTS, part in any::<(u64, u64)>(),
        ) {
            let whole = word(tokens, requests);
            let part = word(part.0 % (tokens + 1), part.1 % (requests + 1));
            let rest = whole.without(part).unwrap();
            prop_assert_eq!(rest.amount().tokens() + part.amount().tokens(), tokens);
            prop_assert_eq!(Word(rest.0 + part.0), whole);
        }
    }
}
