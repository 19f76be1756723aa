//! What the file says of choosing among deployments, and of what follows an error.

use std::collections::HashMap;
use std::time::Duration;

/// How a group's deployments are chosen from, and what is done when one fails.
#[derive(Debug, Clone, PartialEq)]
pub struct RoutingConfig {
    /// In which order a group's deployments are tried.
    pub strategy: Strategy,
    /// How many more tries a request gets after an error that may pass: LiteLLM's `num_retries`, 2
    /// where the file says nothing.
    pub num_retries: u32,
    /// The shortest pause before another try (`retry_after`).
    pub retry_pause: Duration,
    /// How many failures in a minute a deployment may have before it is cooled down. Where the file
    /// says nothing, LiteLLM's rule counts: more than half of at least 5 requests.
    pub allowed_fails: Option<u32>,
    /// How long a deployment that failed is left alone (`cooldown_time`, 5 s where the file says
    /// nothing); zero with `disable_cooldowns`.
    pub cooldown: Duration,
    /// Groups that take the requests of a group whose deployments all failed.
    pub fallbacks: Fallbacks,
    /// Groups that take requests that are too long for a group's models.
    pub context_window_fallbacks: Fallbacks,
    /// Groups that take requests that a group's provider refused for what they say.
    pub content_policy_fallbacks: Fallbacks,
    /// How many groups a request may be handed on to (`max_fallbacks`, 5 where the file says
    /// nothing).
    pub max_fallbacks: u32,
    /// Other names of groups (`model_group_alias`).
    pub aliases: HashMap<String, Alias>,
    /// Only deployments that carry a request's tags take it (`enable_tag_filtering`).
    pub tag_filtering: bool,
    /// One tag in common is enough (`tag_filtering_match_any`), else all must be there.
    pub tag_match_any: bool,
}

/// In which order a group's deployments are tried: LiteLLM's `routing_strategy`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Strategy {
    /// `simple-shuffle`: at random, by weight.
    SimpleShuffle,
    /// `least-busy`: the fewest requests in flight first.
    LeastBusy,
    /// `usage-based-routing` and its `-v2`: the least used of this minute first.
    UsageBased,
    /// `latency-based-routing`: the fastest first.
    LatencyBased {
        /// Deployments this much slower than the fastest, as a fraction of it, count as fast
        /// (`lowest_latency_buffer`).
        buffer: f64,
        /// How long a measured latency counts (`ttl`).
        memory: Duration,
        /// How many of the last latencies count (`max_latency_list_size`).
        samples: usize,
    },
    /// `cost-based-routing`: the cheapest first.
    CostBased,
}

/// Another name of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// The group.
    pub model_group: String,
    /// Not shown among the models.
    pub hidden: bool,
}

/// Which groups take over from a group, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fallbacks {
    by_group: HashMap<String, Vec<String>>,
    default: Vec<String>,
}

impl RoutingConfig {
    /// The pause and the counts that LiteLLM 1.83 has where a file says nothing.
    pub(super) const NUM_RETRIES: u32 = 2;
    pub(super) const COOLDOWN: Duration = Duration::from_secs(5);
    pub(super) const MAX_FALLBACKS: u32 = 5;
}

impl Default for RoutingConfig {
    fn default() -> Self {
        Self {
            strategy: Strategy::SimpleShuffle,
            num_retries: Self::NUM_RETRIES,
            retry_pause: Duration::ZERO,
            allowed_fails: None,
            cooldown: Self::COOLDOWN,
            fallbacks: Fallbacks::default(),
            context_window_fallbacks: Fallbacks::default(),
            content_policy_fallbacks: Fallbacks::default(),
            max_fallbacks: Self::MAX_FALLBACKS,
            aliases: HashMap::new(),
            tag_filtering: false,
            tag_match_any: true,
        }
    }
}

impl Fallbacks {
    pub(super) const fn new(by_group: HashMap<String, Vec<String>>, default: Vec<String>) -> Self {
        Self { by_group, default }
    }

    /// The groups that take over from this one: those that the file names for it, else those that
    /// it names for all (`default_fallbacks`, or the group `*`).
    #[must_use]
    pub fn of(&self, model_group: &str) -> &[String] {
        self.by_group.get(model_group).unwrap_or(&self.default)
    }

    /// The groups that the file names others for.
    pub(super) fn groups(&self) -> impl Iterator<Item = &str> {
        self.by_group.keys().map(String::as_str)
    }

    /// Puts in place of each name the group that it leads to, or nothing.
    pub(super) fn lead(&mut self, group: &mut impl FnMut(&str, &str) -> Option<String>) {
        for names in self.by_group.values_mut().chain([&mut self.default]) {
            *names = names.iter().filter_map(|name| group(name, name)).collect();
        }
    }
}
