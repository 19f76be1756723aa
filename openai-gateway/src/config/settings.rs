//! `router_settings`, `litellm_settings` and `general_settings`, read.

use std::collections::HashMap;
use std::time::Duration;

use super::keys::Part;
use super::reference::Environment;
use super::report::Report;
use super::routing::{Alias, Fallbacks, RoutingConfig, Strategy};
use super::secret::Secret;
use super::section::{self, Section};
use super::yaml::{Map, Node, Value};

/// What the settings say for all entries, and of routing.
pub(super) struct Settings {
    pub(super) routing: RoutingConfig,
    pub(super) timeout: Option<Duration>,
    pub(super) stream_timeout: Option<Duration>,
    pub(super) max_parallel_requests: Option<u32>,
    pub(super) drop_params: bool,
    pub(super) default_params: Map,
}

impl Settings {
    /// What `router_settings` don't say is looked for in `litellm_settings`, as LiteLLM does.
    pub(super) fn read(
        mut router: Section<'_>,
        mut litellm: Section<'_>,
        report: &mut Report,
    ) -> Self {
        let default = RoutingConfig::default();
        let strategy = strategy(&mut router, report);
        let mut either = |name: &str, report: &mut Report| {
            let (first, second) = (router.count(name, report), litellm.count(name, report));
            first.or(second)
        };
        let num_retries = either("num_retries", report).unwrap_or(default.num_retries);
        let allowed_fails = either("allowed_fails", report);
        let cooldowns =
            [router.seconds("cooldown_time", report), litellm.seconds("cooldown_time", report)];
        let disabled = router.flag("disable_cooldowns", report).unwrap_or(false);
        let cooldown = cooldowns.into_iter().flatten().next().unwrap_or(default.cooldown);
        let mut groups = |name: &str, report: &mut Report| {
            let (first, second) =
                (router.read(name, report, pairs), litellm.read(name, report, pairs));
            first.or(second).unwrap_or_default()
        };
        let fallbacks = groups("fallbacks", report);
        let context_window = groups("context_window_fallbacks", report);
        let content_policy = groups("content_policy_fallbacks", report);
        let general =
            [router.texts("default_fallbacks", report), litellm.texts("default_fallbacks", report)];
        let general = general.into_iter().flatten().next().unwrap_or_default();
        let timeouts =
            [router.time_out("timeout", report), litellm.time_out("request_timeout", report)];
        let settings = Self {
            routing: RoutingConfig {
                strategy,
                num_retries,
                retry_pause: router.seconds("retry_after", report).unwrap_or_default(),
                allowed_fails,
                cooldown: if disabled { Duration::ZERO } else { cooldown },
                fallbacks: with_default(fallbacks, general),
                context_window_fallbacks: with_default(context_window, Vec::new()),
                content_policy_fallbacks: with_default(content_policy, Vec::new()),
                max_fallbacks: router
                    .count("max_fallbacks", report)
                    .unwrap_or(default.max_fallbacks),
                aliases: aliases(&mut router, report),
                tag_filtering: router.flag("enable_tag_filtering", report).unwrap_or(false),
                tag_match_any: router.flag("tag_filtering_match_any", report).unwrap_or(true),
            },
            timeout: timeouts.into_iter().flatten().next(),
            stream_timeout: router.time_out("stream_timeout", report),
            max_parallel_requests: router.count("default_max_parallel_requests", report),
            drop_params: litellm.flag("drop_params", report).unwrap_or(false),
            default_params: router
                .read("default_litellm_params", report, |node, _| map(node))
                .unwrap_or_default(),
        };
        router.close(report);
        litellm.close(report);
        settings
    }
}

/// What callers must present: `master_key`, else `LITELLM_MASTER_KEY`, as LiteLLM does. A key that
/// says nothing is a mistake: it would open the gateway to everybody.
pub(super) fn master_key(mut general: Section<'_>, report: &mut Report) -> Option<Secret> {
    let said = general.read("master_key", report, |node, environment| {
        match section::text(node, environment)? {
            key if key.trim().is_empty() => Err("it is empty".to_owned()),
            key => Ok(key),
        }
    });
    general.close(report);
    let variable = || report.environment.var("LITELLM_MASTER_KEY").map(ToOwned::to_owned);
    said.or_else(variable).map(Secret::new)
}

fn strategy(router: &mut Section<'_>, report: &mut Report) -> Strategy {
    let nothing = Node { place: router.place, value: Value::Map(Map::default()) };
    let args = router.take("routing_strategy_args").unwrap_or(&nothing);
    let path = router.at("routing_strategy_args");
    let mut args = Section::of(args, Part::StrategyArgs, path, report);
    let latency = Strategy::LatencyBased {
        buffer: args.number("lowest_latency_buffer", report).unwrap_or(0.0),
        memory: args.seconds("ttl", report).unwrap_or(Duration::from_hours(1)),
        samples: args.count("max_latency_list_size", report).unwrap_or(10) as usize,
    };
    args.close(report);
    let strategy = router.read("routing_strategy", report, |node, environment| {
        match section::text(node, environment)?.as_str() {
            "simple-shuffle" => Ok(Strategy::SimpleShuffle),
            "least-busy" => Ok(Strategy::LeastBusy),
            "usage-based-routing" | "usage-based-routing-v2" => Ok(Strategy::UsageBased),
            "latency-based-routing" => Ok(latency),
            "cost-based-routing" => Ok(Strategy::CostBased),
            _ => Err(format!(
                "{:?} is none of simple-shuffle, least-busy, usage-based-routing, latency-based-routing, \
                 cost-based-routing",
                section::written(node)
            )),
        }
    });
    strategy.unwrap_or(Strategy::SimpleShuffle)
}

type Pairs = HashMap<String, Vec<String>>;

/// `[{group: [others]}]`, or the same without the list.
fn pairs(node: &Node, environment: &Environment) -> Result<Pairs, String> {
    let maps = match &node.value {
        Value::List(nodes) => nodes.iter().map(map).collect::<Result<Vec<_>, _>>()?,
        _ => vec![map(node)?],
    };
    let mut pairs = Pairs::new();
    for (key, node) in maps.into_iter().flat_map(|map| map.0) {
        let groups = section::texts(&node, environment);
        pairs.insert(key.name.clone(), groups.map_err(|what| format!("{}: {what}", key.name))?);
    }
    Ok(pairs)
}

fn with_default(mut pairs: Pairs, default: Vec<String>) -> Fallbacks {
    let default = pairs.remove("*").unwrap_or(default);
    Fallbacks::new(pairs, default)
}

/// `{name: group}`, or `{name: {model: group, hidden: true}}`.
fn aliases(router: &mut Section<'_>, report: &mut Report) -> HashMap<String, Alias> {
    let path = router.at("model_group_alias");
    let map = router.read("model_group_alias", report, |node, _| map(node)).unwrap_or_default();
    let mut aliases = HashMap::new();
    for (key, node) in &map.0 {
        let path = format!("{path}.{}", key.name);
        let told = match &node.value {
            Value::Map(_) => {
                let mut alias = Section::of(node, Part::Alias, path.clone(), report);
                let told = (alias.text("model", report), alias.flag("hidden", report));
                alias.close(report);
                told
            }
            _ => match section::text(node, &report.environment) {
                Ok(group) => (Some(group), None),
                Err(what) => {
                    report.mistake(node.place, format!("{path}: {what}"));
                    continue;
                }
            },
        };
        match told {
            (Some(model_group), hidden) => {
                let alias = Alias { model_group, hidden: hidden.unwrap_or(false) };
                aliases.insert(key.name.clone(), alias);
            }
            (None, _) => report.mistake(node.place, format!("{path}: it names no model")),
        }
    }
    aliases
}

pub(super) fn map(node: &Node) -> Result<Map, String> {
    match &node.value {
        Value::Map(map) => Ok(map.clone()),
        _ => Err(format!("keys with values belong here, not {}", node.kind())),
    }
}
