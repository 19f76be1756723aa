//! The file as LiteLLM's users write it: what of it means something here.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::entry::Entry;
use super::error::Mistake;
use super::quota::QuotaConfig;
use super::reference::Environment;
use super::routing::{Alias, Fallbacks, RoutingConfig, Strategy};
use super::secret::Secret;

#[derive(Debug, Deserialize)]
pub(super) struct File {
    #[serde(default)]
    pub(super) model_list: Vec<Spanned<Entry>>,
    #[serde(default)]
    pub(super) router_settings: RouterSettings,
    #[serde(default)]
    litellm_settings: LitellmSettings,
    #[serde(default)]
    general_settings: GeneralSettings,
    pub(super) quota_server: Option<QuotaConfig>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct RouterSettings {
    routing_strategy: Option<String>,
    #[serde(default)]
    routing_strategy_args: StrategyArgs,
    /// Seconds, for entries that don't say.
    pub(super) timeout: Option<f64>,
    /// Seconds, for entries that don't say.
    pub(super) stream_timeout: Option<f64>,
    pub(super) default_max_parallel_requests: Option<u32>,
    num_retries: Option<u32>,
    /// Seconds.
    retry_after: Option<f64>,
    allowed_fails: Option<u32>,
    /// Seconds.
    cooldown_time: Option<f64>,
    disable_cooldowns: Option<bool>,
    fallbacks: Option<Vec<Pairs>>,
    context_window_fallbacks: Option<Vec<Pairs>>,
    content_policy_fallbacks: Option<Vec<Pairs>>,
    default_fallbacks: Option<Vec<String>>,
    max_fallbacks: Option<u32>,
    #[serde(default)]
    model_group_alias: HashMap<String, AliasOf>,
    enable_tag_filtering: Option<bool>,
    tag_filtering_match_any: Option<bool>,
    enable_pre_call_checks: Option<bool>,
}

type Pairs = HashMap<String, Vec<String>>;

#[derive(Debug, Default, Deserialize)]
struct StrategyArgs {
    lowest_latency_buffer: Option<f64>,
    /// Seconds.
    ttl: Option<f64>,
    max_latency_list_size: Option<usize>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum AliasOf {
    Group(String),
    Told {
        model: String,
        #[serde(default)]
        hidden: bool,
    },
}

/// What LiteLLM takes from here where `router_settings` say nothing.
#[derive(Debug, Default, Deserialize)]
struct LitellmSettings {
    num_retries: Option<u32>,
    allowed_fails: Option<u32>,
    fallbacks: Option<Vec<Pairs>>,
    context_window_fallbacks: Option<Vec<Pairs>>,
    content_policy_fallbacks: Option<Vec<Pairs>>,
    default_fallbacks: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
struct GeneralSettings {
    master_key: Option<String>,
}

impl File {
    /// The file, and the paths of the keys in it that mean nothing here.
    pub(super) fn parse(text: &str) -> Result<(Self, Vec<String>), Mistake> {
        let mut ignored = Vec::new();
        let file = serde_saphyr::with_deserializer_from_str(text, |yaml| {
            serde_ignored::deserialize(yaml, |path| ignored.extend(written(&path.to_string())))
        })
        .map_err(|error| Mistake::yaml(&error))?;
        Ok((file, ignored))
    }

    pub(super) fn master_key(&self, environment: &Environment) -> Result<Option<Secret>, Mistake> {
        let key = self.general_settings.master_key.as_deref();
        key.map(|text| environment.resolve(text))
            .transpose()
            .map(|key| key.map(Secret::new))
            .map_err(|what| Mistake::at("general_settings.master_key", what))
    }
}

/// A key's path as a reader of the file would write it: `Spanned` stands in it as a struct of its
/// own, with a `value` and a mark that nobody wrote.
fn written(path: &str) -> Option<String> {
    let is_mark = path.contains("__serde_saphyr");
    (!is_mark).then(|| path.replace(".?.value", ""))
}

impl File {
    /// What the file says of routing.
    pub(super) fn routing(&self) -> Result<RoutingConfig, String> {
        let (router, litellm) = (&self.router_settings, &self.litellm_settings);
        let default = router.default_fallbacks.as_ref().or(litellm.default_fallbacks.as_ref());
        let default = default.map_or(&[][..], Vec::as_slice);
        let cooldown = match router.disable_cooldowns {
            Some(true) => Duration::ZERO,
            _ => seconds(router.cooldown_time)?.unwrap_or(RoutingConfig::COOLDOWN),
        };
        Ok(RoutingConfig {
            strategy: router.strategy()?,
            num_retries: router
                .num_retries
                .or(litellm.num_retries)
                .unwrap_or(RoutingConfig::NUM_RETRIES),
            retry_pause: seconds(router.retry_after)?.unwrap_or_default(),
            allowed_fails: router.allowed_fails.or(litellm.allowed_fails),
            cooldown,
            fallbacks: fallbacks(&router.fallbacks, &litellm.fallbacks, default),
            context_window_fallbacks: fallbacks(
                &router.context_window_fallbacks,
                &litellm.context_window_fallbacks,
                &[],
            ),
            content_policy_fallbacks: fallbacks(
                &router.content_policy_fallbacks,
                &litellm.content_policy_fallbacks,
                &[],
            ),
            max_fallbacks: router.max_fallbacks.unwrap_or(RoutingConfig::MAX_FALLBACKS),
            aliases: router.aliases(),
            tag_filtering: router.enable_tag_filtering.unwrap_or(false),
            tag_match_any: router.tag_filtering_match_any.unwrap_or(true),
            pre_call_checks: router.enable_pre_call_checks.unwrap_or(false),
        })
    }
}

impl RouterSettings {
    fn strategy(&self) -> Result<Strategy, String> {
        let args = &self.routing_strategy_args;
        match self.routing_strategy.as_deref().unwrap_or("simple-shuffle") {
            "simple-shuffle" => Ok(Strategy::SimpleShuffle),
            "least-busy" => Ok(Strategy::LeastBusy),
            "usage-based-routing" | "usage-based-routing-v2" => Ok(Strategy::UsageBased),
            "latency-based-routing" => Ok(Strategy::LatencyBased {
                buffer: args.lowest_latency_buffer.unwrap_or(0.0),
                memory: seconds(args.ttl)?.unwrap_or(Duration::from_hours(1)),
                samples: args.max_latency_list_size.unwrap_or(10),
            }),
            "cost-based-routing" => Ok(Strategy::CostBased),
            other => Err(format!("there is no routing_strategy {other:?}")),
        }
    }

    fn aliases(&self) -> HashMap<String, Alias> {
        let alias = |of: &AliasOf| match of.clone() {
            AliasOf::Group(model_group) => Alias { model_group, hidden: false },
            AliasOf::Told { model, hidden } => Alias { model_group: model, hidden },
        };
        self.model_group_alias.iter().map(|(name, of)| (name.clone(), alias(of))).collect()
    }
}

fn fallbacks(
    router: &Option<Vec<Pairs>>,
    litellm: &Option<Vec<Pairs>>,
    default: &[String],
) -> Fallbacks {
    let pairs = router.as_ref().or(litellm.as_ref()).into_iter().flatten().flatten();
    let mut by_group: Pairs = pairs.map(|(name, to)| (name.clone(), to.clone())).collect();
    let default = by_group.remove("*").unwrap_or_else(|| default.to_vec());
    Fallbacks::new(by_group, default)
}

fn seconds(seconds: Option<f64>) -> Result<Option<Duration>, String> {
    let duration = seconds.map(Duration::try_from_secs_f64).transpose();
    duration.map_err(|_| "a time must be 0 or more seconds".to_owned())
}
