use std::time::Duration;

use gateway_client::api::{Unit, Usage};
use gateway_client::{Denied, Reason};

/// Why no deployment of a group takes a request, the least hopeless reason first: what is said of a
/// group is the first of what its deployments say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// Not enough is left just now.
    Exhausted,
    /// The quota server is away, and so are its leases.
    ServerAway,
    /// The quota server can't vouch for the window.
    Quarantined,
    /// The quota server doesn't know the deployment.
    Unregistered,
    /// The quota server refuses this gateway.
    Refused,
    /// The gateway is stopping.
    Stopping,
    /// It is above the limit itself.
    NeverFits,
}

impl Refusal {
    /// All of them, in order.
    pub const ALL: [Self; 7] = [
        Self::Exhausted,
        Self::ServerAway,
        Self::Quarantined,
        Self::Unregistered,
        Self::Refused,
        Self::Stopping,
        Self::NeverFits,
    ];

    /// Its name, in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exhausted => "exhausted",
            Self::ServerAway => "server_away",
            Self::Quarantined => "quarantined",
            Self::Unregistered => "unregistered",
            Self::Refused => "refused",
            Self::Stopping => "stopping",
            Self::NeverFits => "never_fits",
        }
    }
}

/// No deployment of the group takes the request.
#[derive(Debug, Clone)]
pub struct Denial {
    /// Why.
    pub refusal: Refusal,
    /// When asking again makes sense.
    pub retry_after: Duration,
    /// The unit that ran out, where it is known.
    pub unit: Option<Unit>,
    /// How full the deployment's window is, where it is known.
    pub usage: Option<Usage>,
}

impl Denial {
    /// The more hopeful of two denials.
    pub(super) fn or(self, other: Self) -> Self {
        let hope = |denial: &Self| (denial.refusal, denial.retry_after);
        if hope(&other) < hope(&self) { other } else { self }
    }
}

impl From<Denied> for Denial {
    fn from(denied: Denied) -> Self {
        Self {
            refusal: denied.reason.into(),
            retry_after: denied.retry_after,
            unit: denied.unit,
            usage: denied.usage,
        }
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
        Denial {
            refusal,
            retry_after: Duration::from_millis(retry_after_ms),
            unit: None,
            usage: None,
        }
    }

    #[test]
    fn the_group_says_the_least_hopeless() {
        let never = denial(Refusal::NeverFits, 0);
        let late = denial(Refusal::Exhausted, 900);
        let soon = denial(Refusal::Exhausted, 100);
        let said = never.or(late).or(soon).or(denial(Refusal::ServerAway, 1));
        assert_eq!((said.refusal, said.retry_after.as_millis()), (Refusal::Exhausted, 100));
    }

    #[test]
    fn all_are_in_order() {
        assert!(Refusal::ALL.is_sorted());
        assert!(Refusal::ALL.iter().enumerate().all(|(i, refusal)| *refusal as usize == i));
    }
}
