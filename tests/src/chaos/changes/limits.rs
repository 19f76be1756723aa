//! What a deployment may be granted: of its window, and of a longer period.

use quota_api::{Amount, LimitSpec, PeriodKind, Unit};

use crate::clock::MINUTE_MS;

const TEN_MINUTES_MS: u64 = 10 * MINUTE_MS;
const DAY_MS: u64 = 1_440 * MINUTE_MS;

/// The limits of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) window: Amount,
    pub(super) long: Option<Long>,
}

/// A limit over a longer period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Long {
    pub(super) per: Per,
    /// In tokens.
    pub(super) most: u64,
}

/// Which period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Per {
    /// By the calendar, UTC.
    Day,
    /// Any.
    TenMinutes,
}

impl Limits {
    /// The most tokens that one lease can hold.
    pub(super) fn tokens(&self) -> u64 {
        self.long.map_or(self.window.tokens, |long| long.most.min(self.window.tokens))
    }
}

impl From<Amount> for Limits {
    fn from(window: Amount) -> Self {
        Self { window, long: None }
    }
}

impl Long {
    /// As it is put.
    pub(super) fn spec(self) -> LimitSpec {
        let (per, kind) = match self.per {
            Per::Day => ("day", PeriodKind::Aligned),
            Per::TenMinutes => ("10m", PeriodKind::Rolling),
        };
        LimitSpec { unit: Unit::Tokens, per: per.to_owned(), kind, most: self.most, offset: None }
    }
}

impl Per {
    /// What was granted since then counts surely at this time, in ms since 1970.
    pub(super) const fn since_ms(self, now_ms: u64) -> u64 {
        match self {
            Self::Day => now_ms - now_ms % DAY_MS,
            Self::TenMinutes => now_ms.saturating_sub(TEN_MINUTES_MS),
        }
    }
}
