//! In which order deployments of a group are tried.
//!
//! A strategy ranks candidates and does nothing else: which ones there are (order, tags, cool-down)
//! is decided before it, and whether one has room when the request is drawn from it. To add one:
//!
//! 1. a file here with a type that implements [`Strategy`], and its tests;
//! 2. its name in [`StrategyName`] and its making in [`StrategyName::strategy`];
//! 3. its row in `docs/gateway.md`.
//!
//! A gateway that embeds this crate may also pass a strategy of its own to
//! [`crate::Group::with_strategy`].

mod cost;
mod latency;
mod least_busy;
mod shuffle;
mod usage;

use std::fmt;
use std::str::FromStr;

use gateway_client::Moment;
use rand::Rng;

use crate::member::{MemberSettings, Quota};
use crate::statistics::Statistics;

pub use cost::CostBased;
pub use latency::{LatencyBased, LatencySettings};
pub use least_busy::LeastBusy;
pub use shuffle::SimpleShuffle;
pub use usage::UsageBased;

/// A deployment that may be chosen, as strategies see it.
pub struct Candidate<'a> {
    /// What it is configured with.
    pub settings: &'a MemberSettings,
    /// What this process saw of it.
    pub statistics: &'a Statistics,
    pub(crate) quota: Option<&'a dyn Quota>,
}

impl Candidate<'_> {
    /// Tokens that all gateways together have used of it in this minute, as far as the quota
    /// server's last answer and this client's own leases tell; 0 where it has no limit.
    #[must_use]
    pub fn used_tokens(&self) -> u64 {
        self.quota.map_or(0, Quota::used_tokens)
    }
}

/// What a strategy may go by besides the candidates.
pub struct Round<'a> {
    /// The instant that it is.
    pub now: Moment,
    /// The answer is to come as a stream.
    pub streams: bool,
    /// For what is left to chance.
    pub rng: &'a mut dyn Rng,
}

/// Where a candidate stands: the lowest class is tried first, and the next only when nothing of it
/// has room.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rank {
    /// Those of one class are as good as each other: any that has quota in hand takes the request.
    pub class: f64,
    /// Within a class the lowest is tried first.
    pub lot: f64,
}

/// Ranks the deployments of a group for one request.
pub trait Strategy: fmt::Debug + Send + Sync {
    /// A rank for each of the candidates, in their order.
    fn rank(&self, candidates: &[Candidate<'_>], round: &mut Round<'_>) -> Vec<Rank>;
}

/// The strategies by the names that LiteLLM's users know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum StrategyName {
    /// `simple-shuffle`: random, by weight.
    #[default]
    SimpleShuffle,
    /// `least-busy`: the fewest requests in flight.
    LeastBusy,
    /// `usage-based-routing`: the fewest tokens used in this minute.
    UsageBased,
    /// `usage-based-routing-v2`: the same.
    UsageBasedV2,
    /// `latency-based-routing`: the fastest of late.
    LatencyBased,
    /// `cost-based-routing`: the cheapest.
    CostBased,
}

/// A name that no strategy has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no routing strategy; these are: {known}", known = known())]
pub struct UnknownStrategy(String);

fn known() -> String {
    StrategyName::ALL.map(StrategyName::as_str).join(", ")
}

impl StrategyName {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::SimpleShuffle,
        Self::LeastBusy,
        Self::UsageBased,
        Self::UsageBasedV2,
        Self::LatencyBased,
        Self::CostBased,
    ];

    /// The name as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SimpleShuffle => "simple-shuffle",
            Self::LeastBusy => "least-busy",
            Self::UsageBased => "usage-based-routing",
            Self::UsageBasedV2 => "usage-based-routing-v2",
            Self::LatencyBased => "latency-based-routing",
            Self::CostBased => "cost-based-routing",
        }
    }

    /// The strategy of this name.
    #[must_use]
    pub fn strategy(self, latency: LatencySettings) -> Box<dyn Strategy> {
        match self {
            Self::SimpleShuffle => Box::new(SimpleShuffle),
            Self::LeastBusy => Box::new(LeastBusy),
            Self::UsageBased | Self::UsageBasedV2 => Box::new(UsageBased),
            Self::LatencyBased => Box::new(LatencyBased(latency)),
            Self::CostBased => Box::new(CostBased),
        }
    }
}

impl FromStr for StrategyName {
    type Err = UnknownStrategy;

    fn from_str(name: &str) -> Result<Self, UnknownStrategy> {
        let found = Self::ALL.into_iter().find(|strategy| strategy.as_str() == name);
        found.ok_or_else(|| UnknownStrategy(name.to_owned()))
    }
}

#[cfg(test)]
mod testing {
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    use super::*;

    /// A deployment that was never called.
    #[derive(Debug, Default)]
    pub(super) struct Seen {
        pub(super) settings: MemberSettings,
        pub(super) statistics: Statistics,
        pub(super) used_tokens: u64,
    }

    impl Quota for u64 {
        fn used_tokens(&self) -> u64 {
            *self
        }
    }

    /// How often each of them comes first.
    pub(super) fn firsts(
        strategy: &dyn Strategy,
        seen: &[Seen],
        (now, streams): (Moment, bool),
        rounds: usize,
    ) -> Vec<usize> {
        let mut rng = SmallRng::seed_from_u64(7);
        let candidates: Vec<_> = seen
            .iter()
            .map(|seen| Candidate {
                settings: &seen.settings,
                statistics: &seen.statistics,
                quota: Some(&seen.used_tokens),
            })
            .collect();
        let mut firsts = vec![0; seen.len()];
        for _ in 0..rounds {
            let ranks = strategy.rank(&candidates, &mut Round { now, streams, rng: &mut rng });
            let key = |rank: &Rank| (rank.class, rank.lot);
            let least =
                ranks.iter().enumerate().min_by(|a, b| key(a.1).partial_cmp(&key(b.1)).unwrap());
            firsts[least.unwrap().0] += 1;
        }
        firsts
    }

    #[test]
    fn every_strategy_is_found_by_its_name() {
        for name in StrategyName::ALL {
            assert_eq!(name.as_str().parse(), Ok(name));
        }
        let told = "fastest".parse::<StrategyName>().unwrap_err().to_string();
        assert!(
            told.contains("fastest") && told.contains("least-busy, usage-based-routing,"),
            "{told}"
        );
    }
}
