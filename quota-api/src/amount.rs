use quota_units::Unit;
use serde::{Deserialize, Serialize};

/// Tokens and requests, always both: every limit, lease, draw and return carries the pair.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Amount {
    /// Tokens.
    pub tokens: u64,
    /// Requests.
    pub requests: u64,
}

impl From<quota_units::Amount> for Amount {
    fn from(amount: quota_units::Amount) -> Self {
        Self { tokens: amount.tokens(), requests: amount.requests() }
    }
}

impl From<Amount> for quota_units::Amount {
    fn from(said: Amount) -> Self {
        Self::new(said.tokens, said.requests)
    }
}

/// How much of one unit a holder asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// What is needed now: less than this is of no use, so it is this or a denial.
    pub min: u64,
    /// What the holder expects to use soon, at least `min`: the most that it is given.
    pub want: u64,
}

/// How full a window is, in both units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Usage {
    /// In tokens.
    pub tokens: UsagePair,
    /// In requests.
    pub requests: UsagePair,
}

/// How full a window is, in one unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsagePair {
    /// The limit; `null` where the deployment has none in this unit.
    pub limit: Option<u64>,
    /// Granted minus given back. Never above the limit that held at the last grant.
    pub outstanding: u64,
    /// Real usage above what was reserved; it stands apart from the grants and lowers what is left.
    pub overrun: u64,
}

impl Usage {
    /// What `usage` says of each unit.
    #[must_use]
    pub fn by_unit(usage: impl Fn(Unit) -> UsagePair) -> Self {
        Self { tokens: usage(Unit::Tokens), requests: usage(Unit::Requests) }
    }

    /// In one unit.
    #[must_use]
    pub const fn of(&self, unit: Unit) -> &UsagePair {
        match unit {
            Unit::Tokens => &self.tokens,
            Unit::Requests => &self.requests,
        }
    }
}

impl UsagePair {
    /// What can still be granted; `None` without a limit.
    #[must_use]
    pub fn remaining(&self) -> Option<u64> {
        let spent = self.outstanding.saturating_add(self.overrun);
        self.limit.map(|limit| limit.saturating_sub(spent))
    }
}
