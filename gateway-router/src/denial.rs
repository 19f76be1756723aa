use std::time::Duration;

use gateway_client::api::{Unit, Usage};
use gateway_client::{Amount, Denied, Reason};

/// Why no deployment of a group takes a request, the least hopeless reason first: what is said of a
/// group is the first of what its deployments say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// Not enough is left just now.
    Exhausted,
    /// As many requests are in flight to it as may be.
    Busy,
    /// Its provider failed, and it is left alone for a while.
    Cooling,
    /// The quota server is away, and so are its leases.
    ServerAway,
    /// The quota server cannot vouch for the window.
    Quarantined,
    /// The quota server does not know the deployment.
    Unregistered,
    /// The quota server refuses this gateway.
    Refused,
    /// The gateway is stopping.
    Stopping,
    /// It is above the limit itself.
    NeverFits,
    /// No deployment of the group is for such requests: by their tags, or by what they ask for.
    NoDeployment,
}

impl Refusal {
    /// All of them, in order.
    pub const ALL: [Self; 10] = [
        Self::Exhausted,
        Self::Busy,
        Self::Cooling,
        Self::ServerAway,
        Self::Quarantined,
        Self::Unregistered,
        Self::Refused,
        Self::Stopping,
        Self::NeverFits,
        Self::NoDeployment,
    ];

    /// Its name, in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exhausted => "exhausted",
            Self::Busy => "busy",
            Self::Cooling => "cooling",
            Self::ServerAway => "server_away",
            Self::Quarantined => "quarantined",
            Self::Unregistered => "unregistered",
            Self::Refused => "refused",
            Self::Stopping => "stopping",
            Self::NeverFits => "never_fits",
            Self::NoDeployment => "no_deployment",
        }
    }
}

/// No deployment of the group takes the request.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no deployment of the group takes the request: {}", refusal.as_str())]
pub struct Denial {
    /// Why: the most hopeful of what its deployments say.
    pub refusal: Refusal,
    /// When asking again makes sense: the earliest time at which this size may fit any of the
    /// deployments. Zero where nothing that is known of will bring it about.
    pub retry_after: Duration,
    /// The unit that ran out, where it is known.
    pub unit: Option<Unit>,
    /// How full the deployment's window is, where it is known.
    pub usage: Option<Usage>,
    /// What would have been drawn from that deployment.
    pub size: Amount,
    /// Its limit in tokens a minute, where it is known.
    pub limit_tokens: Option<u64>,
}

impl Denial {
    pub(crate) fn because(refusal: Refusal, retry_after: Duration) -> Self {
        Self {
            refusal,
            retry_after,
            unit: None,
            usage: None,
            size: Amount::default(),
            limit_tokens: None,
        }
    }

    pub(crate) fn of(denied: Denied, size: Amount, tpm: Option<u64>) -> Self {
        Self {
            refusal: denied.reason.into(),
            retry_after: denied.retry_after,
            unit: denied.unit,
            usage: denied.usage,
            size,
            limit_tokens: denied.usage.and_then(|usage| usage.tokens.limit).or(tpm),
        }
    }

    /// Both in one: the more hopeful of the two, with the earlier time of both.
    pub(crate) fn or(self, other: Option<Self>) -> Self {
        let Some(other) = other else { return self };
        let times = [self.retry_after, other.retry_after];
        let earliest = times.into_iter().filter(|time| !time.is_zero()).min().unwrap_or_default();
        let hope = |denial: &Self| (denial.refusal, denial.retry_after);
        let mut said = if hope(&other) < hope(&self) { other } else { self };
        said.retry_after = earliest;
        said
    }
}

impl Refusal {
    /// Whether it may be over if one waits: for room, or for a deployment to be well again.
    pub(crate) const fn may_pass(self) -> bool {
        matches!(self, Self::Exhausted | Self::Busy | Self::Cooling | Self::Quarantined)
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Exhausted | Reason::Endgame | Reason::Refilling => Self::Exhausted,
            Reason::NoServer => Self::ServerAway,
            Reason::Quarantined => Self::Quarantined,
            Reason::UnknownDeployment | Reason::TooManyDeployments => Self::Unregistered,
            Reason::Refused => Self::Refused,
            Reason::Closed | Reason::Dead => Self::Stopping,
            Reason::NeverFits | Reason::Empty => Self::NeverFits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denial(refusal: Refusal, retry_after_ms: u64) -> Denial {
        Denial::because(refusal, Duration::from_millis(retry_after_ms))
    }

    #[test]
    fn the_group_says_the_least_hopeless() {
        let never = denial(Refusal::NeverFits, 0);
        let late = denial(Refusal::Exhausted, 900);
        let soon = denial(Refusal::Exhausted, 100);
        let said = never.or(Some(late)).or(Some(soon)).or(Some(denial(Refusal::ServerAway, 500)));
        assert_eq!((said.refusal, said.retry_after.as_millis()), (Refusal::Exhausted, 100));
    }

    #[test]
    fn the_earliest_time_counts_whoever_says_it() {
        let said = denial(Refusal::Exhausted, 30_000).or(Some(denial(Refusal::Cooling, 4_000)));
        assert_eq!((said.refusal, said.retry_after.as_millis()), (Refusal::Exhausted, 4_000));
        let said = denial(Refusal::NeverFits, 0).or(Some(denial(Refusal::NeverFits, 0)));
        assert!(said.retry_after.is_zero());
    }

    #[test]
    fn all_are_in_order() {
        assert!(Refusal::ALL.is_sorted());
        assert!(Refusal::ALL.iter().enumerate().all(|(i, refusal)| *refusal as usize == i));
    }
}
