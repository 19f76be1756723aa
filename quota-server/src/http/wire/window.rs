use jiff::Timestamp;
use quota_api::WindowBook;
use quota_core::BookPage;

use super::deployment;
use crate::http::Failure;

/// The book of a window.
pub(in crate::http) fn book(page: &BookPage) -> Result<WindowBook, Failure> {
    Ok(WindowBook {
        starts_at: start_of(page.minute).ok_or_else(|| {
            tracing::error!(page.minute, "a window's minute is outside of the calendar");
            Failure::internal()
        })?,
        kind: deployment::kind_shown(page.kind),
        tpm_limit: page.limit.tokens(),
        rpm_limit: page.limit.requests(),
        granted: page.granted.into(),
        given_back: page.given_back.into(),
        used: page.used.into(),
        held: page.held.into(),
        burnt: page.burnt.into(),
        overrun: page.overrun.into(),
        denied: page.denied.into(),
        over: page.over,
    })
}

/// RFC 3339.
fn start_of(minute: u64) -> Option<String> {
    let seconds = i64::try_from(minute).ok()?.checked_mul(60)?;
    Timestamp::from_second(seconds).ok().map(|start| start.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_told_as_instants() {
        assert_eq!(start_of(0).as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(start_of(29_384_640).as_deref(), Some("2025-11-14T00:00:00Z"));
        assert_eq!(start_of(u64::MAX), None);
    }
}
