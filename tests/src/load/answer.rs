use std::time::Duration;

use http::{HeaderMap, header::RETRY_AFTER};

/// What became of one offered request.
#[derive(Debug, Clone)]
pub struct Answer {
    /// When it was sent, by the wall clock.
    pub sent_unix_ms: u64,
    /// The gateway that it was sent to.
    pub gateway: usize,
    /// What came back.
    pub outcome: Outcome,
    /// How long that took.
    pub latency: Duration,
    /// Whether a `Retry-After` came with it.
    pub has_retry_after: bool,
}

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// 200
    Admitted,
    /// 429
    Denied,
    /// 503: no lease, and nobody to ask for one.
    Unavailable,
    /// Any other status.
    Other(u16),
    /// No answer: the connection was refused or cut, or the time was over.
    Lost,
}

impl Outcome {
    pub(super) fn of(status: u16) -> Self {
        match status {
            200 => Self::Admitted,
            429 => Self::Denied,
            503 => Self::Unavailable,
            other => Self::Other(other),
        }
    }
}

impl Answer {
    /// Whether it is a denial that says when to come again, or no denial at all.
    #[must_use]
    pub fn is_polite(&self) -> bool {
        let refused = matches!(self.outcome, Outcome::Denied | Outcome::Unavailable);
        !refused || self.has_retry_after
    }

    /// Whether it is none of 200, 429 and 503.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        matches!(self.outcome, Outcome::Other(_) | Outcome::Lost)
    }
}

/// Whether a whole number of seconds is in `Retry-After`.
pub(super) fn has_retry_after(headers: &HeaderMap) -> bool {
    let value = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    value.is_some_and(|seconds| seconds.parse::<u64>().is_ok())
}
