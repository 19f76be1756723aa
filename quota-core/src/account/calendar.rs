//! The spans of the calendar, by number. Minutes are wall minutes since the Unix epoch, as windows
//! are named by.

use jiff::civil::{Date, date};

use quota_units::CalendarSpan;

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

/// The number of the span that a minute is in; spans follow on each other by number.
pub(super) fn span_of(span: CalendarSpan, offset_min: i16, minute: u64) -> u64 {
    let local = local(offset_min, minute);
    let number = match span {
        CalendarSpan::Hour => local.div_euclid(HOUR),
        CalendarSpan::Day => local.div_euclid(DAY),
        // The Unix epoch was a Thursday.
        CalendarSpan::Week => (local.div_euclid(DAY) + 3).div_euclid(7),
        CalendarSpan::Month => month_of(day(local.div_euclid(DAY))),
    };
    // Before the epoch there is only what an offset makes of its first day.
    u64::try_from(number).unwrap_or(0)
}

/// The first minute after a span.
pub(super) fn end_of(span: CalendarSpan, offset_min: i16, number: u64) -> u64 {
    let next = i64::try_from(number).unwrap_or(i64::MAX / (7 * DAY) - 1) + 1;
    let local = match span {
        CalendarSpan::Hour => next * HOUR,
        CalendarSpan::Day => next * DAY,
        CalendarSpan::Week => (next * 7 - 3) * DAY,
        CalendarSpan::Month => days_of(first_of(next)) * DAY,
    };
    u64::try_from(local - i64::from(offset_min)).unwrap_or(0)
}

fn local(offset_min: i16, minute: u64) -> i64 {
    i64::try_from(minute).unwrap_or(i64::MAX / 2) + i64::from(offset_min)
}

const EPOCH: Date = date(1970, 1, 1);

/// A date by its day since the epoch. After the last that the calendar has, which is in the year
/// 9999, time stands still.
fn day(days: i64) -> Date {
    let span = jiff::Span::new().try_days(days);
    span.and_then(|span| EPOCH.checked_add(span)).unwrap_or(Date::MAX)
}

fn days_of(of: Date) -> i64 {
    of.duration_since(EPOCH).as_hours() / 24
}

fn month_of(of: Date) -> i64 {
    (i64::from(of.year()) - 1970) * 12 + i64::from(of.month()) - 1
}

fn first_of(month: i64) -> Date {
    let year = i16::try_from(1970 + month.div_euclid(12)).unwrap_or(i16::MAX);
    let month = i8::try_from(month.rem_euclid(12) + 1).unwrap_or(1);
    Date::new(year, month, 1).unwrap_or(Date::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(year: i16, month: i8, day: i8, hour: i8, minute: i8) -> u64 {
        let at = date(year, month, day).at(hour, minute, 0, 0);
        let since = at.duration_since(EPOCH.at(0, 0, 0, 0));
        u64::try_from(since.as_mins()).unwrap()
    }

    #[test]
    fn spans_begin_where_the_calendar_says() {
        // span, its last minute in UTC, offset
        let table = [
            (CalendarSpan::Hour, minute(2026, 11, 28, 20, 59), 0),
            (CalendarSpan::Hour, minute(2026, 11, 28, 20, 29), 330),
            (CalendarSpan::Day, minute(2026, 11, 28, 23, 59), 0),
            (CalendarSpan::Day, minute(2026, 11, 29, 7, 59), -480),
            (CalendarSpan::Day, minute(1970, 1, 1, 23, 59), 0),
            // 2026-11-29 is a Sunday.
            (CalendarSpan::Week, minute(2026, 11, 29, 23, 59), 0),
            (CalendarSpan::Month, minute(2028, 2, 29, 23, 59), 0),
            (CalendarSpan::Month, minute(2026, 12, 31, 22, 59), 60),
        ];
        for (span, last, offset) in table {
            let number = span_of(span, offset, last);
            assert_eq!(span_of(span, offset, last + 1), number + 1, "{span:?} {last} {offset}");
            assert_eq!(end_of(span, offset, number), last + 1, "{span:?} {last} {offset}");
            assert_eq!(span_of(span, offset, last - 59 + 30), number, "{span:?} {last} {offset}");
        }
    }

    #[test]
    fn no_minute_is_too_far() {
        for span in [CalendarSpan::Hour, CalendarSpan::Day, CalendarSpan::Week, CalendarSpan::Month]
        {
            for at in [0, 1, u64::MAX / 60_000, u64::MAX] {
                for offset in [-1_439, 0, 1_439] {
                    let number = span_of(span, offset, at);
                    let _no_panic = (end_of(span, offset, number), end_of(span, offset, u64::MAX));
                }
            }
        }
    }
}
