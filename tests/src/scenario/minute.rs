//! Scenarios begin with a minute, so that every minute they count is a whole one.

use super::Watch;
use crate::clock;

/// Waits for the next minute's beginning and gives its number.
pub(super) async fn begin(watch: &Watch) -> u64 {
    let seconds = clock::until_next_minute().as_secs();
    watch.enter(format!(
        "waiting up to {seconds} s for the next minute, so that only whole ones are counted"
    ));
    let minute = clock::unix_minute() + 1;
    clock::sleep_until_unix_ms(minute * clock::MINUTE_MS).await;
    minute
}

/// Waits until a moment of a minute, in ms from its beginning.
pub(super) async fn at(minute: u64, ms: u64) {
    clock::sleep_until_unix_ms(minute * clock::MINUTE_MS + ms).await;
}
