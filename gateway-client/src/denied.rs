use std::time::Duration;

use quota_api::{State, Unit, Usage};

/// Why a draw got no permit, and when trying again makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason}; try again in {} ms", .retry_after.as_millis())]
pub struct Denied {
    /// Why.
    pub reason: Reason,
    /// When this size may fit. Zero where nothing that is known of will bring it about.
    pub retry_after: Duration,
    /// The unit that ran out, where the server said so.
    pub unit: Option<Unit>,
    /// The deployment's state, where it is known.
    pub state: Option<State>,
    /// How full the window was, when the server last told.
    pub usage: Option<Usage>,
}

/// Why a draw got no permit. Where several reasons hold, the first of this list is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Reason {
    /// The client was shut down.
    #[error("the client is shut down")]
    Closed,
    /// The client's background task ended without being told to: its runtime ended, or it panicked.
    #[error("the client's background task is dead")]
    Dead,
    /// A draw of no tokens and no requests.
    #[error("a draw of nothing")]
    Empty,
    /// More than the limit itself, or than any lease holds.
    #[error("more than could ever be granted")]
    NeverFits,
    /// The quota server refuses this client: a wrong token, or one of another role.
    #[error("the quota server refuses this client")]
    Refused,
    /// The quota server has no such deployment.
    #[error("the quota server has no such deployment")]
    UnknownDeployment,
    /// The client knows as many deployments as it may.
    #[error("the client knows as many deployments as it may")]
    TooManyDeployments,
    /// The window's ledger cannot be vouched for, so nothing is granted from it.
    #[error("the window is quarantined")]
    Quarantined,
    /// The window has not enough left for this size.
    #[error("the window has not enough left")]
    Exhausted,
    /// The quota server does not answer, and the leases in hand are used up.
    #[error("the quota server is away")]
    NoServer,
    /// Not enough is left just now, but other holders' rests are on their way.
    #[error("the last of the window is being shared out")]
    Endgame,
    /// No lease covers it yet; the server is being asked.
    #[error("a lease is being asked for")]
    Refilling,
}

impl Reason {
    /// All of them, each at the place of its number.
    pub(crate) const ALL: [Self; 12] = [
        Self::Closed,
        Self::Dead,
        Self::Empty,
        Self::NeverFits,
        Self::Refused,
        Self::UnknownDeployment,
        Self::TooManyDeployments,
        Self::Quarantined,
        Self::Exhausted,
        Self::NoServer,
        Self::Endgame,
        Self::Refilling,
    ];

    /// The reason as a label of metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exhausted => "exhausted",
            Self::Endgame => "endgame",
            Self::Quarantined => "quarantined",
            Self::NeverFits => "never_fits",
            Self::Empty => "empty",
            Self::Refilling => "refilling",
            Self::NoServer => "no_server",
            Self::Refused => "refused",
            Self::UnknownDeployment => "unknown_deployment",
            Self::TooManyDeployments => "too_many_deployments",
            Self::Closed => "closed",
            Self::Dead => "dead",
        }
    }

    /// Whether a wait as short as a draw's `max_wait` may bring a permit.
    pub(crate) const fn may_pass(self) -> bool {
        matches!(self, Self::Refilling | Self::Endgame)
    }
}

impl Denied {
    pub(crate) const fn because(reason: Reason, retry_after: Duration) -> Self {
        Self { reason, retry_after, unit: None, state: None, usage: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_the_place_of_its_number() {
        for (place, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
    }
}
