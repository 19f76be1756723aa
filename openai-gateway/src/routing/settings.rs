//! The configuration as the router takes it.

use std::collections::HashMap;
use std::time::Duration;

use gateway_router::{
    Cooling, GroupSettings, LatencySettings, LineSettings, MemberSettings, RouterSettings,
    StrategyName, TagFilter,
};

use crate::config::{DeploymentConfig, Fallbacks, QuotaConfig, RoutingConfig, Strategy};

pub(super) fn group_settings(routing: &RoutingConfig, quota: &QuotaConfig) -> GroupSettings {
    let (strategy, latency) = strategy(routing.strategy);
    let max_requests = usize::try_from(quota.max_waiting_requests).unwrap_or(usize::MAX);
    GroupSettings {
        strategy,
        latency,
        cooling: Cooling { cooldown_time: routing.cooldown, allowed_fails: routing.allowed_fails },
        tags: match (routing.tag_filtering, routing.tag_match_any) {
            (false, _) => TagFilter::Off,
            (true, true) => TagFilter::Any,
            (true, false) => TagFilter::All,
        },
        line: LineSettings {
            max_wait: Duration::from_millis(quota.wait_for_room_ms),
            max_requests,
            max_tokens: quota.max_waiting_tokens,
        },
    }
}

fn strategy(strategy: Strategy) -> (StrategyName, LatencySettings) {
    let name = match strategy {
        Strategy::SimpleShuffle => StrategyName::SimpleShuffle,
        Strategy::LeastBusy => StrategyName::LeastBusy,
        Strategy::UsageBased => StrategyName::UsageBased,
        Strategy::CostBased => StrategyName::CostBased,
        Strategy::LatencyBased { buffer, memory, samples } => {
            let latency = LatencySettings {
                lowest_latency_buffer: buffer,
                ttl: memory,
                max_latency_list_size: samples,
            };
            return (StrategyName::LatencyBased, latency);
        }
    };
    (name, LatencySettings::default())
}

pub(super) fn member_settings(deployment: &DeploymentConfig) -> MemberSettings {
    MemberSettings {
        order: deployment.order,
        weight: deployment.weight,
        rpm: deployment.limits.and_then(|limits| limits.rpm),
        tpm: deployment.limits.and_then(|limits| limits.tpm),
        input_cost_per_token: deployment.prices.input,
        output_cost_per_token: deployment.prices.output,
        tags: deployment.tags.clone(),
        max_parallel_requests: deployment.max_parallel_requests,
        cooldown_time: deployment.cooldown,
        num_retries: deployment.num_retries,
    }
}

pub(super) fn router_settings(routing: &RoutingConfig, groups: &[&str]) -> RouterSettings {
    let of_all = |fallbacks: &Fallbacks| {
        let others = |group: &str| {
            fallbacks.of(group).iter().filter(|other| *other != group).cloned().collect::<Vec<_>>()
        };
        groups.iter().map(|group| ((*group).to_owned(), others(group))).collect()
    };
    RouterSettings {
        num_retries: routing.num_retries,
        // Names are led to groups before the router is asked.
        aliases: HashMap::new(),
        fallbacks: of_all(&routing.fallbacks),
        context_window_fallbacks: of_all(&routing.context_window_fallbacks),
        content_policy_fallbacks: of_all(&routing.content_policy_fallbacks),
        max_fallbacks: usize::try_from(routing.max_fallbacks).unwrap_or(usize::MAX),
    }
}
