use std::time::Duration;

use crate::Moment;

const FIRST: Duration = Duration::from_millis(50);
/// Short enough to be back within a second of the server.
const LAST: Duration = Duration::from_millis(800);

/// Whether something can be reached, a server or what it needs for a deployment, and when to try
/// again if not.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reach {
    failures: u32,
    pub(crate) next_try: Moment,
}

impl Reach {
    /// An attempt failed. `jitter` in thousandths spreads the clients of a server that comes back.
    pub(crate) fn failed(&mut self, retry_after: Option<Duration>, jitter: u16, now: Moment) {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(10)).min(LAST);
        let half = doubled / 2;
        let backoff = half + half * u32::from(jitter.min(1_000)) / 1_000;
        self.failures = self.failures.saturating_add(1);
        self.next_try = now + backoff.max(retry_after.unwrap_or_default().min(LAST));
    }

    /// The attempt took so long to fail that the next one should be put off for as long.
    pub(crate) fn was_slow(&mut self, took: Duration, now: Moment) {
        self.next_try = self.next_try.max(now + took);
    }

    pub(crate) fn succeeded(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn is_away(&self) -> bool {
        self.failures > 0
    }
}
