//! The one place of this crate that reads clocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A minute, in ms.
pub const MINUTE_MS: u64 = 60_000;

/// The wall clock, in ms since 1970.
///
/// # Panics
/// When the machine's clock stands before 1970 or past the year 500 000 000.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock here")]
pub fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock stands after 1970");
    u64::try_from(since.as_millis()).expect("milliseconds fit 64 bits")
}

/// The monotonic clock, to measure spans with.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock here")]
pub fn instant() -> Instant {
    Instant::now()
}

/// The wall clock's minute, counted since 1970.
#[must_use]
pub fn unix_minute() -> u64 {
    unix_ms() / MINUTE_MS
}

/// How long it is until the next minute begins.
#[must_use]
pub fn until_next_minute() -> Duration {
    Duration::from_millis(MINUTE_MS - unix_ms() % MINUTE_MS)
}

/// Waits until the wall clock shows this moment, in steps, so that a stepped clock does not
/// lengthen the wait.
pub async fn sleep_until_unix_ms(moment: u64) {
    loop {
        let left = moment.saturating_sub(unix_ms());
        if left == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(left.min(1_000))).await;
    }
}

/// Waits until at least so many seconds of a minute are left, and gives that minute's number.
pub async fn minute_with_room(seconds: u64) -> u64 {
    if until_next_minute().as_secs() < seconds {
        sleep_until_unix_ms((unix_minute() + 1) * MINUTE_MS).await;
    }
    unix_minute()
}
