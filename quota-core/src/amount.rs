use serde::{Deserialize, Serialize};

use crate::{MAX_LIMIT, Unit};

/// Tokens and requests, always both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Amount {
    /// Tokens.
    pub tokens: u64,
    /// Requests.
    pub requests: u64,
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self::new(0, 0);

    /// So many tokens, so many requests.
    #[must_use]
    pub const fn new(tokens: u64, requests: u64) -> Self {
        Self { tokens, requests }
    }

    /// Whether both units fit into `room`.
    #[must_use]
    pub const fn fits(self, room: Self) -> bool {
        self.tokens <= room.tokens && self.requests <= room.requests
    }

    /// The first unit in which this is more than `room`, tokens before requests.
    #[must_use]
    pub const fn first_above(self, room: Self) -> Option<Unit> {
        if self.tokens > room.tokens {
            Some(Unit::Tokens)
        } else if self.requests > room.requests {
            Some(Unit::Requests)
        } else {
            None
        }
    }

    /// Whether both units are 0.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.tokens == 0 && self.requests == 0
    }

    /// The larger in each unit.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self::new(self.tokens.max(other.tokens), self.requests.max(other.requests))
    }

    /// The smaller in each unit.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self::new(self.tokens.min(other.tokens), self.requests.min(other.requests))
    }

    /// The sum; `None` where a unit overflows.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Some(Self::new(
            self.tokens.checked_add(other.tokens)?,
            self.requests.checked_add(other.requests)?,
        ))
    }

    /// The difference; `None` where a unit would fall below 0.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        Some(Self::new(
            self.tokens.checked_sub(other.tokens)?,
            self.requests.checked_sub(other.requests)?,
        ))
    }

    /// The sum, each unit held at its largest.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self::new(
            self.tokens.saturating_add(other.tokens),
            self.requests.saturating_add(other.requests),
        )
    }

    /// The difference, each unit held at 0.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self::new(
            self.tokens.saturating_sub(other.tokens),
            self.requests.saturating_sub(other.requests),
        )
    }
}

/// What a window may hold; `None` in a unit that has no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limit {
    /// Tokens a window.
    pub tokens: Option<u64>,
    /// Requests a window.
    pub requests: Option<u64>,
}

impl Limit {
    /// The limit as an amount, an absent one as [`MAX_LIMIT`].
    #[must_use]
    pub fn ceiling(self) -> Amount {
        Amount::new(self.tokens.unwrap_or(MAX_LIMIT), self.requests.unwrap_or(MAX_LIMIT))
    }

    /// The first unit of which there is none at all, tokens before requests: a limit of 0 pauses a
    /// deployment, also for those who ask for nothing of that unit.
    #[must_use]
    pub const fn paused(self) -> Option<Unit> {
        match self {
            Self { tokens: Some(0), .. } => Some(Unit::Tokens),
            Self { requests: Some(0), .. } => Some(Unit::Requests),
            Self { .. } => None,
        }
    }
}
