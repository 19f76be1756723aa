use quota_units::{CalendarSpan, Period, PeriodLimit, Unit};
use serde::{Deserialize, Serialize};

/// A limit over a longer period than the window, which holds beside it: an entry of `limits`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LimitSpec {
    /// What is counted.
    pub unit: Unit,
    /// Over what: `hour`, `day`, `week` (from Monday) or `month` of the calendar; with `kind:
    /// rolling` so many seconds, minutes or hours, from `600s` to `24h`.
    #[cfg_attr(feature = "openapi", schema(pattern = "^(hour|day|week|month|[0-9]{1,5}[smh])$"))]
    pub per: String,
    /// How the period lies.
    #[serde(default)]
    pub kind: PeriodKind,
    /// The most that it may hold.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 9_007_199_254_740_991_u64))]
    pub most: u64,
    /// How far ahead of UTC the calendar is by which the period begins, `±hh:mm`: `-08:00` is
    /// midnight in California in winter. UTC where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[+-][0-2][0-9]:[0-5][0-9]$"))]
    pub offset: Option<String>,
}

/// How a period lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PeriodKind {
    /// By the calendar: all of it is there again when the next one begins.
    #[default]
    Aligned,
    /// Any so much time: what was used comes back when that time has passed.
    Rolling,
}

/// How a limit over a longer period stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LimitStanding {
    /// What is counted.
    pub unit: Unit,
    /// Over what, as it was put.
    pub per: String,
    /// How the period lies.
    pub kind: PeriodKind,
    /// The most that it may hold.
    pub most: u64,
    /// How far ahead of UTC its calendar is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<String>,
    /// What counts against it.
    pub charged: u64,
    /// When the period ends; with `rolling`, when the first charge leaves it.
    pub resets_in_ms: u64,
}

impl LimitStanding {
    /// Of a limit.
    #[must_use]
    pub fn new(limit: &PeriodLimit, charged: u64, resets_in_ms: u64) -> Self {
        let LimitSpec { unit, per, kind, most, offset } = limit.into();
        Self { unit, per, kind, most, offset, charged, resets_in_ms }
    }
}

/// Why an entry of `limits` is none: the field, and what it must be.
pub type LimitFault = (&'static str, String);

impl LimitSpec {
    /// The limit that is meant.
    ///
    /// # Errors
    /// A field says nothing that can be counted over.
    pub fn limit(&self) -> Result<PeriodLimit, LimitFault> {
        let period = match self.kind {
            PeriodKind::Aligned => self.calendar()?,
            PeriodKind::Rolling => self.rolling()?,
        };
        if self.most == 0 || self.most > quota_units::MAX_LIMIT {
            return Err(("most", format!("must be from 1 to {}", quota_units::MAX_LIMIT)));
        }
        Ok(PeriodLimit { unit: self.unit, period, most: self.most })
    }

    fn calendar(&self) -> Result<Period, LimitFault> {
        let span = SPANS.iter().find(|(name, _)| *name == self.per).map(|(_, span)| *span);
        let fault = "must be `hour`, `day`, `week` or `month`, or `kind` must be `rolling`";
        let span = span.ok_or_else(|| ("per", fault.to_owned()))?;
        let offset_min = match &self.offset {
            None => 0,
            Some(offset) => minutes(offset)
                .ok_or_else(|| ("offset", "must be `+hh:mm` or `-hh:mm`".to_owned()))?,
        };
        Ok(Period::Calendar { span, offset_min })
    }

    fn rolling(&self) -> Result<Period, LimitFault> {
        let (least, most) = (Period::SHORTEST_ROLLING_SECS, Period::LONGEST_ROLLING_SECS);
        let fault = || ("per", format!("must be from `{least}s` to `{}h`", most / 3_600));
        if self.offset.is_some() {
            return Err(("offset", "has no meaning with `rolling`".to_owned()));
        }
        let secs = seconds(&self.per).ok_or_else(fault)?;
        let period = Period::Rolling { secs };
        if period.is_valid() { Ok(period) } else { Err(fault()) }
    }
}

impl From<&PeriodLimit> for LimitSpec {
    fn from(limit: &PeriodLimit) -> Self {
        let (kind, offset) = match limit.period {
            Period::Calendar { offset_min, .. } => {
                let sign = if offset_min < 0 { '-' } else { '+' };
                let off = offset_min.unsigned_abs();
                let offset = format!("{sign}{:02}:{:02}", off / 60, off % 60);
                (PeriodKind::Aligned, (off != 0).then_some(offset))
            }
            Period::Rolling { .. } => (PeriodKind::Rolling, None),
        };
        Self { unit: limit.unit, per: per(limit.period), kind, most: limit.most, offset }
    }
}

const SPANS: [(&str, CalendarSpan); 4] = [
    ("hour", CalendarSpan::Hour),
    ("day", CalendarSpan::Day),
    ("week", CalendarSpan::Week),
    ("month", CalendarSpan::Month),
];

/// A period in a word: a span's name, or how long any such time is, in the largest unit that tells
/// it.
#[must_use]
pub fn per(period: Period) -> String {
    match period {
        Period::Calendar { span, .. } => {
            SPANS.iter().find(|(_, of)| *of == span).map_or("", |(name, _)| name).to_owned()
        }
        Period::Rolling { secs } if secs % 3_600 == 0 => format!("{}h", secs / 3_600),
        Period::Rolling { secs } if secs % 60 == 0 => format!("{}m", secs / 60),
        Period::Rolling { secs } => format!("{secs}s"),
    }
}

fn seconds(text: &str) -> Option<u32> {
    let unit = text.chars().last()?;
    let count: u32 = digits(text.strip_suffix(unit)?)?;
    match unit {
        's' => Some(count),
        'm' => count.checked_mul(60),
        'h' => count.checked_mul(3_600),
        _ => None,
    }
}

fn minutes(offset: &str) -> Option<i16> {
    let (sign, rest) = match offset.as_bytes().first()? {
        b'+' => (1, &offset[1..]),
        b'-' => (-1, &offset[1..]),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':').filter(|(h, m)| h.len() == 2 && m.len() == 2)?;
    let (hours, minutes): (i16, i16) = (digits(hours)?, digits(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// A number that is digits alone.
fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(per: &str, kind: PeriodKind, offset: Option<&str>) -> LimitSpec {
        let (unit, most, offset) = (Unit::Tokens, 5, offset.map(ToOwned::to_owned));
        LimitSpec { unit, per: per.to_owned(), kind, most, offset }
    }

    #[test]
    fn what_was_put_is_shown() {
        let specs = [
            spec("hour", PeriodKind::Aligned, None),
            spec("day", PeriodKind::Aligned, Some("-08:00")),
            spec("week", PeriodKind::Aligned, Some("+05:30")),
            spec("month", PeriodKind::Aligned, None),
            spec("601s", PeriodKind::Rolling, None),
            spec("90m", PeriodKind::Rolling, None),
            spec("24h", PeriodKind::Rolling, None),
        ];
        for spec in specs {
            assert_eq!(LimitSpec::from(&spec.limit().unwrap()), spec);
        }
        let day = spec("1440m", PeriodKind::Rolling, None).limit().unwrap();
        assert_eq!(LimitSpec::from(&day).per, "24h");
        let utc = spec("day", PeriodKind::Aligned, Some("+00:00")).limit().unwrap();
        assert_eq!(LimitSpec::from(&utc).offset, None);
    }

    #[test]
    fn what_is_none_is_told_by_its_field() {
        let (aligned, rolling) = (PeriodKind::Aligned, PeriodKind::Rolling);
        let bad = [
            (spec("24h", aligned, None), "per"),
            (spec("minute", aligned, None), "per"),
            (spec("", aligned, None), "per"),
            (spec("day", rolling, None), "per"),
            (spec("599s", rolling, None), "per"),
            (spec("25h", rolling, None), "per"),
            (spec("+900s", rolling, None), "per"),
            (spec("9999999999h", rolling, None), "per"),
            (spec("é", rolling, None), "per"),
            (spec("24h", rolling, Some("+01:00")), "offset"),
            (spec("day", aligned, Some("01:00")), "offset"),
            (spec("day", aligned, Some("+24:00")), "offset"),
            (spec("day", aligned, Some("+1:00")), "offset"),
            (spec("day", aligned, Some("+01:+1")), "offset"),
            (spec("day", aligned, Some("é1:00")), "offset"),
            (LimitSpec { most: 0, ..spec("day", aligned, None) }, "most"),
        ];
        for (spec, field) in bad {
            assert_eq!(spec.limit().unwrap_err().0, field, "{spec:?}");
        }
    }
}
