use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{MAX_LIMIT, Unit};

/// A limit may have so many further periods.
pub const MAX_PERIODS: usize = 8;

/// What a limit counts over, where that is longer than a window of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// A span of the calendar, where the day begins `offset_min` minutes before it does in UTC:
    /// -480 is midnight at UTC-8, eight hours after that of UTC.
    Calendar {
        /// Which span.
        span: CalendarSpan,
        /// From -1 439 to 1 439.
        offset_min: i16,
    },
    /// Any so many seconds: from [`Period::SHORTEST_ROLLING_SECS`] to
    /// [`Period::LONGEST_ROLLING_SECS`].
    Rolling {
        /// Seconds.
        secs: u32,
    },
}

/// A span of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalendarSpan {
    /// From one full hour to the next.
    Hour,
    /// From midnight to midnight.
    Day,
    /// From midnight before a Monday on (ISO 8601).
    Week,
    /// From the first of a month on.
    Month,
}

impl Period {
    /// The shortest rolling span: charges leave by the minute, so of a shorter one too much would
    /// be late.
    pub const SHORTEST_ROLLING_SECS: u32 = 600;

    /// The longest rolling span: a day.
    pub const LONGEST_ROLLING_SECS: u32 = 86_400;

    /// The largest offset from UTC, either way, minutes.
    pub const MAX_OFFSET_MIN: i16 = 1_439;

    /// Whether it is within the bounds that its variants state.
    #[must_use]
    pub fn is_valid(self) -> bool {
        match self {
            Self::Calendar { offset_min, .. } => {
                (-Self::MAX_OFFSET_MIN..=Self::MAX_OFFSET_MIN).contains(&offset_min)
            }
            Self::Rolling { secs } => {
                (Self::SHORTEST_ROLLING_SECS..=Self::LONGEST_ROLLING_SECS).contains(&secs)
            }
        }
    }
}

/// How much of a unit a period may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PeriodLimit {
    /// What is counted.
    pub unit: Unit,
    /// Over what.
    pub period: Period,
    /// The most: from 1 to [`MAX_LIMIT`].
    pub most: u64,
}

/// The limits of a deployment over further periods: at most [`MAX_PERIODS`], one for each unit and
/// period. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<PeriodLimit>", into = "Vec<PeriodLimit>")]
pub struct PeriodLimits(Option<Arc<[PeriodLimit]>>);

/// Why limits over further periods are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeriodLimitError {
    /// More than [`MAX_PERIODS`].
    TooMany,
    /// The limit with this index has a period or an amount out of its bounds.
    OutOfBounds(usize),
    /// The limit with this index is of the same unit and period as one before it.
    Repeated(usize),
}

impl std::fmt::Display for PeriodLimitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooMany => write!(f, "there are more than {MAX_PERIODS} of them"),
            Self::OutOfBounds(at) => write!(f, "number {at} is out of bounds"),
            Self::Repeated(at) => write!(f, "number {at} is of a unit and period of before"),
        }
    }
}

impl std::error::Error for PeriodLimitError {}

impl PeriodLimits {
    /// These limits.
    ///
    /// # Errors
    /// There are too many, one is out of bounds, or two are of the same unit and period.
    pub fn new(limits: Vec<PeriodLimit>) -> Result<Self, PeriodLimitError> {
        if limits.len() > MAX_PERIODS {
            return Err(PeriodLimitError::TooMany);
        }
        for (at, limit) in limits.iter().enumerate() {
            if !limit.period.is_valid() || limit.most == 0 || limit.most > MAX_LIMIT {
                return Err(PeriodLimitError::OutOfBounds(at));
            }
            let is_of =
                |other: &PeriodLimit| (other.unit, other.period) == (limit.unit, limit.period);
            if limits[..at].iter().any(is_of) {
                return Err(PeriodLimitError::Repeated(at));
            }
        }
        Ok(Self((!limits.is_empty()).then(|| limits.into())))
    }

    /// Each of them, in the order in which they were put.
    #[must_use]
    pub fn as_slice(&self) -> &[PeriodLimit] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl TryFrom<Vec<PeriodLimit>> for PeriodLimits {
    type Error = PeriodLimitError;

    fn try_from(limits: Vec<PeriodLimit>) -> Result<Self, Self::Error> {
        Self::new(limits)
    }
}

impl From<PeriodLimits> for Vec<PeriodLimit> {
    fn from(limits: PeriodLimits) -> Self {
        limits.as_slice().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Period = Period::Calendar { span: CalendarSpan::Day, offset_min: 0 };

    fn tokens(period: Period, most: u64) -> PeriodLimit {
        PeriodLimit { unit: Unit::Tokens, period, most }
    }

    #[test]
    fn each_unit_and_period_has_one_limit_within_its_bounds() {
        let requests = PeriodLimit { unit: Unit::Requests, ..tokens(DAY, 9) };
        let limits = PeriodLimits::new(vec![tokens(DAY, 5), requests]).unwrap();
        assert_eq!((limits.as_slice().len(), limits.is_empty()), (2, false));
        let offset_min = Period::MAX_OFFSET_MIN + 1;
        let far = Period::Calendar { span: CalendarSpan::Day, offset_min };
        let bad = [
            (vec![tokens(DAY, 0)], PeriodLimitError::OutOfBounds(0)),
            (vec![tokens(DAY, MAX_LIMIT + 1)], PeriodLimitError::OutOfBounds(0)),
            (vec![tokens(far, 5)], PeriodLimitError::OutOfBounds(0)),
            (vec![tokens(Period::Rolling { secs: 599 }, 5)], PeriodLimitError::OutOfBounds(0)),
            (vec![tokens(DAY, 5), tokens(DAY, 6)], PeriodLimitError::Repeated(1)),
            (vec![tokens(DAY, 5); MAX_PERIODS + 1], PeriodLimitError::TooMany),
        ];
        for (limits, error) in bad {
            assert_eq!(PeriodLimits::new(limits), Err(error));
        }
    }

    /// They stand in journals and in stored policies.
    #[test]
    fn they_are_written_as_they_always_were() {
        let offset_min = -480;
        let day = Period::Calendar { span: CalendarSpan::Day, offset_min };
        let limits = vec![tokens(day, 300), tokens(Period::Rolling { secs: 3_600 }, 7)];
        let limits = PeriodLimits::new(limits).unwrap();
        let bytes = [2, 0, 0, 1, 0xbf, 7, 0xac, 2, 0, 1, 0x90, 0x1c, 7];
        assert_eq!(postcard::to_stdvec(&limits).unwrap(), bytes);
        assert_eq!(postcard::from_bytes::<PeriodLimits>(&bytes).unwrap(), limits);
        let text = serde_json::to_string(&limits).unwrap();
        assert_eq!(
            text,
            r#"[{"unit":"tokens","period":{"calendar":{"span":"day","offset_min":-480}},"most":300},{"unit":"tokens","period":{"rolling":{"secs":3600}},"most":7}]"#
        );
        assert_eq!(serde_json::from_str::<PeriodLimits>(&text).unwrap(), limits);
    }
}
