//! Longer periods, as calls and answers name them: a kind, and a number that goes with it.

use quota_core::{CalendarSpan, Period, PeriodLimit, PeriodStanding};
use redis::Cmd;

use super::reply::{Unreadable, unit};
use super::wire::Fields;

/// The kind of what is no longer period.
const NONE: u64 = 0;
/// The kind of a rolling span; its number is its length, seconds.
const ROLLING: u64 = 5;
/// The spans of the calendar, from kind 1 on; their number is the offset, behind [`OFFSET`].
const SPANS: [CalendarSpan; 4] =
    [CalendarSpan::Hour, CalendarSpan::Day, CalendarSpan::Week, CalendarSpan::Month];
/// What stands before an offset, minutes, so that it is never below 0.
const OFFSET: i16 = 1_440;

/// Adds a limit to a call, as `limits_of` in `functions/deployment.lua` takes it in.
pub(super) fn add(command: &mut Cmd, limit: &PeriodLimit) {
    let (kind, number) = match limit.period {
        Period::Calendar { span, offset_min } => {
            let at = SPANS.iter().position(|known| *known == span).unwrap_or_default();
            (at as u64 + 1, u64::from((OFFSET + offset_min).unsigned_abs()))
        }
        Period::Rolling { secs } => (ROLLING, secs.into()),
    };
    command.arg(limit.unit as usize).arg(kind).arg(number).arg(limit.most);
}

/// The period that an answer names, if it names one.
pub(super) fn read(fields: &mut Fields<'_>) -> Result<Option<Period>, Unreadable> {
    let (kind, number) = (fields.number()?, fields.number()?);
    let period = match kind {
        NONE => return Ok(None),
        ROLLING => Period::Rolling { secs: u32::try_from(number).map_err(|_| Unreadable)? },
        kind => {
            let at = usize::try_from(kind - 1).map_err(|_| Unreadable)?;
            let span = *SPANS.get(at).ok_or(Unreadable)?;
            let offset_min = i16::try_from(number).map_err(|_| Unreadable)? - OFFSET;
            Period::Calendar { span, offset_min }
        }
    };
    period.is_valid().then_some(Some(period)).ok_or(Unreadable)
}

/// How a limit stands.
pub(super) fn standing(fields: &mut Fields<'_>) -> Result<PeriodStanding, Unreadable> {
    let (unit, period) = (unit(fields)?, read(fields)?.ok_or(Unreadable)?);
    let limit = PeriodLimit { unit, period, most: fields.number()? };
    Ok(PeriodStanding { limit, charged: fields.number()?, resets_in_ms: fields.number()? })
}

/// How long returns come back to longer periods, ms; 0 where nothing is counted over any.
pub(super) fn returns_in_ms(fields: &mut Fields<'_>) -> Result<Option<u64>, Unreadable> {
    Ok(Some(fields.number()?).filter(|in_ms| *in_ms > 0))
}
