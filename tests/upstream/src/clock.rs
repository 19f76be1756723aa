//! The one place of this crate that reads a clock.

use std::time::{SystemTime, UNIX_EPOCH};

/// A minute, in ms.
pub(crate) const MINUTE_MS: u64 = 60_000;

/// The wall clock, in ms since 1970.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock here")]
pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock stands after 1970");
    u64::try_from(since.as_millis()).expect("milliseconds fit 64 bits")
}
