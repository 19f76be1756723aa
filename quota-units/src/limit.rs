use serde::{Deserialize, Serialize};

use crate::written::WrittenLimit;
use crate::{Amount, MAX_LIMIT, Unit};

/// What a window may hold of each unit; `None` in one that has no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "WrittenLimit", into = "WrittenLimit")]
pub struct Limit([Option<u64>; Unit::COUNT]);

impl Limit {
    /// So many tokens, so many requests a window, and no other limit.
    #[must_use]
    pub const fn new(tokens: Option<u64>, requests: Option<u64>) -> Self {
        let mut most = [None; Unit::COUNT];
        most[Unit::Tokens as usize] = tokens;
        most[Unit::Requests as usize] = requests;
        Self(most)
    }

    /// What `most` says of each unit.
    #[must_use]
    pub fn by_unit(most: impl FnMut(Unit) -> Option<u64>) -> Self {
        Self(Unit::ALL.map(most))
    }

    /// Tokens a window.
    #[must_use]
    pub const fn tokens(self) -> Option<u64> {
        self.get(Unit::Tokens)
    }

    /// Requests a window.
    #[must_use]
    pub const fn requests(self) -> Option<u64> {
        self.get(Unit::Requests)
    }

    /// How much of one unit a window may hold.
    #[must_use]
    #[inline]
    pub const fn get(self, unit: Unit) -> Option<u64> {
        self.0[unit as usize]
    }

    /// The limit as an amount, an absent one as [`MAX_LIMIT`].
    #[must_use]
    #[inline]
    pub fn ceiling(self) -> Amount {
        Amount::by_unit(|unit| self.get(unit).unwrap_or(MAX_LIMIT))
    }

    /// The first unit of which there is none at all: a limit of 0 pauses a deployment, also for
    /// those who ask for nothing of that unit.
    #[must_use]
    pub fn paused(self) -> Option<Unit> {
        Unit::ALL.into_iter().find(|unit| self.get(*unit) == Some(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_limit_is_the_largest_and_no_pause() {
        let limit = Limit::new(Some(7), None);
        assert_eq!((limit.ceiling(), limit.paused()), (Amount::new(7, MAX_LIMIT), None));
        assert_eq!(Limit::new(None, Some(0)).paused(), Some(Unit::Requests));
        assert_eq!(Limit::new(Some(0), Some(0)).paused(), Some(Unit::Tokens));
    }
}
