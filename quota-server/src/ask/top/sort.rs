use std::cmp::Reverse;

use clap::ValueEnum;
use quota_api::{DeploymentOverview, UsagePair};

/// What comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Sort {
    /// The fullest.
    Fill,
    /// By id.
    Id,
    /// Where most tokens were denied.
    Denied,
    /// Where most tokens were used.
    Used,
    /// Where most holders ask.
    Holders,
}

impl Sort {
    /// The one that a key means.
    pub(super) const fn of(key: char) -> Option<Self> {
        Some(match key {
            'f' => Self::Fill,
            'i' => Self::Id,
            'd' => Self::Denied,
            'u' => Self::Used,
            'h' => Self::Holders,
            _ => return None,
        })
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Fill => "fill",
            Self::Id => "id",
            Self::Denied => "denied",
            Self::Used => "used",
            Self::Holders => "holders",
        }
    }

    /// The largest first, and of equals by id.
    pub(super) fn apply(self, deployments: &mut [DeploymentOverview]) {
        let key = |deployment: &DeploymentOverview| match self {
            Self::Fill => fill(deployment),
            Self::Id => 0,
            Self::Denied => deployment.denied.tokens.max(deployment.denied.requests),
            Self::Used => deployment.used.tokens.max(deployment.used.requests),
            Self::Holders => deployment.holders,
        };
        deployments.sort_by(|a, b| (Reverse(key(a)), &a.id).cmp(&(Reverse(key(b)), &b.id)));
    }
}

/// Of the fuller unit, per mille.
fn fill(deployment: &DeploymentOverview) -> u64 {
    let usage = &deployment.usage;
    let units = [per_mille(&usage.tokens), per_mille(&usage.requests)];
    units.into_iter().flatten().max().unwrap_or(0)
}

/// How full a window is in a unit; nothing where there is no limit. What was used above the grants
/// fills it too.
pub(super) fn per_mille(usage: &UsagePair) -> Option<u64> {
    let spent = u128::from(usage.outstanding) + u128::from(usage.overrun);
    let limit = usage.limit?;
    let share = if limit == 0 { 1_000 } else { spent * 1_000 / u128::from(limit) };
    Some(u64::try_from(share).unwrap_or(u64::MAX))
}
