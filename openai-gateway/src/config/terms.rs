//! What an entry says of its deployment besides where that is.

use std::time::Duration;

use gateway_client::api;
use http::HeaderMap;

use super::body::{BodyRules, OutputBound};
use super::deployment::{DeploymentConfig, Prices, QuotaLimits};
use super::entry::{Common, wrong};
use super::identity::{self, Identities};
use super::passed;
use super::pattern::Pattern;
use super::providers::Provider;
use super::reach::Reach;
use super::report::Report;
use super::section::{self, Section};
use super::yaml::Place;

/// LiteLLM's own default of its client.
const TIMEOUT: Duration = Duration::from_secs(600);

/// All of an entry but where it leads.
pub(super) struct EntryTerms {
    id: Option<String>,
    headers: HeaderMap,
    body: BodyRules,
    drop_params: bool,
    limits: Option<QuotaLimits>,
    weight: Option<f64>,
    order: u32,
    timeout: Duration,
    stream_timeout: Duration,
    num_retries: Option<u32>,
    cooldown: Option<Duration>,
    max_parallel_requests: Option<u32>,
    tags: Vec<String>,
    prices: Prices,
    max_tokens: Option<u64>,
}

impl EntryTerms {
    pub(super) fn take(
        params: &mut Section<'_>,
        info: &mut Section<'_>,
        [tpm, rpm]: [Option<u64>; 2],
        common: &Common,
        report: &mut Report,
    ) -> Self {
        // LiteLLM looks for limits in these three places, in this order.
        let tpm = [tpm, params.whole("tpm", report), info.whole("tpm", report)];
        let rpm = [rpm, params.whole("rpm", report), info.whole("rpm", report)];
        let days = [params.whole("tpd", report), params.whole("rpd", report)];
        if days.contains(&Some(0)) {
            let what = format!("{}: a day's limit is 1 at least", params.at("tpd"));
            report.mistake(params.place, what);
        }
        let limits = limits(tpm, rpm, days, params.place, &params.at("tpm"), report);
        let (own, own_stream) =
            (params.time_out("timeout", report), params.time_out("stream_timeout", report));
        let timeout = own.or(common.timeout).unwrap_or(TIMEOUT);
        let stream_timeout = own_stream.or(own).or(common.stream_timeout).unwrap_or(timeout);
        let max_tokens = params.whole("max_tokens", report);
        let max_completion_tokens = params.whole("max_completion_tokens", report);
        let retries = [params.count("num_retries", report), params.count("max_retries", report)];
        let max_parallel_requests = params.count("max_parallel_requests", report);
        Self {
            id: id(info, report),
            headers: passed::headers(params, report),
            limits,
            weight: params.number("weight", report),
            order: params.count("order", report).unwrap_or_default(),
            timeout,
            stream_timeout,
            num_retries: retries.into_iter().flatten().next(),
            cooldown: params.seconds("cooldown_time", report),
            max_parallel_requests: max_parallel_requests.or(common.max_parallel_requests),
            tags: params.texts("tags", report).unwrap_or_default(),
            prices: Prices {
                input: params.number("input_cost_per_token", report),
                output: params.number("output_cost_per_token", report),
            },
            max_tokens: max_completion_tokens.or(max_tokens),
            drop_params: params.flag("drop_params", report).unwrap_or(common.drop_params),
            body: passed::body(params, max_tokens, max_completion_tokens, report),
        }
    }

    /// The deployment at the end of this reach.
    pub(super) fn deployment(
        &self,
        model_group: String,
        reach: Reach,
        common: &Common,
        identities: &mut Identities,
        (place, path): (Place, &str),
        report: &mut Report,
    ) -> Option<DeploymentConfig> {
        let pattern = Pattern::of(&model_group);
        if pattern.is_none() && reach.model.contains('*') {
            let model = &reach.model;
            if model.ends_with("/*") || model == "*" {
                let what = format!(
                    "{path}.model: {model:?} names no model, and the model_name has no * for it"
                );
                return wrong(report, place, what);
            }
            let what = format!(
                "{path}.model: {model:?} is asked for as it stands: the model_name has no *"
            );
            report.warn(place, what);
        }
        let headers = |key| {
            let mut headers = HeaderMap::new();
            headers.extend(key);
            headers.extend(self.headers.clone());
            headers
        };
        let anthropic_headers =
            reach.provider.speaks_anthropic.then(|| headers(reach.bare_key.clone()));
        let headers = headers(reach.key.clone());
        let derived = identities.derive(&model_group, &reach);
        if self.id.is_none() && derived.is_by_place && reach.has_nameless_key() {
            let what = format!(
                "{path}.api_key: only its place tells this entry from one with another key: name a variable, \
                 or a model_info.id"
            );
            report.warn(place, what);
        }
        Some(DeploymentConfig {
            is_named: self.id.is_some(),
            id: self.id.clone().unwrap_or(derived.id),
            model_group,
            is_derived: false,
            pattern,
            body: self.rules(reach.provider),
            model: reach.model,
            endpoint: reach.endpoint,
            headers,
            anthropic_headers,
            limits: self.limits,
            weight: self.weight,
            order: self.order,
            timeout: self.timeout,
            stream_timeout: self.stream_timeout,
            num_retries: self.num_retries,
            cooldown: self.cooldown,
            max_parallel_requests: self.max_parallel_requests,
            tags: self.tags.clone(),
            prices: self.prices,
            default_output: self.max_tokens.unwrap_or(common.default_output),
        })
    }

    /// Whether they only make sense for a single deployment.
    pub(super) fn are_of_one_deployment(&self) -> bool {
        self.limits.is_some() || self.id.is_some() || !self.headers.is_empty()
    }

    /// The entry's rules for bodies, and its provider's.
    fn rules(&self, provider: &Provider) -> BodyRules {
        let mut body = self.body.clone();
        let lacks = |field: &str| provider.lacks.contains(&field);
        let is_openai = matches!(provider.prefix, "openai" | "azure");
        if self.drop_params {
            let lacked = provider.lacks.iter().filter(|field| **field != "max_completion_tokens");
            body.dropped.extend(lacked.map(ToString::to_string));
            body.drops_for_reasoning = is_openai;
        }
        body.asks_usage = !lacks("stream_options");
        body.output_bound = match () {
            () if lacks("max_completion_tokens") => OutputBound::MaxTokens,
            () if is_openai => OutputBound::ByModel,
            () => OutputBound::AsCalled,
        };
        body
    }
}

fn limits(
    tpm: [Option<u64>; 3],
    rpm: [Option<u64>; 3],
    [tpd, rpd]: [Option<u64>; 2],
    place: Place,
    path: &str,
    report: &mut Report,
) -> Option<QuotaLimits> {
    let first = |limits: [Option<u64>; 3]| limits.into_iter().flatten().next();
    let (tpm, rpm) = (first(tpm), first(rpm));
    if tpm.max(rpm).max(tpd).max(rpd) > Some(api::limits::MAX_LIMIT) {
        report.mistake(place, format!("{path}: a limit is above {}", api::limits::MAX_LIMIT));
    }
    let limits = QuotaLimits { tpm, rpm, tpd, rpd };
    (limits != QuotaLimits::default()).then_some(limits)
}

fn id(info: &mut Section<'_>, report: &mut Report) -> Option<String> {
    info.read("id", report, |node, environment| {
        let id = section::text(node, environment)?;
        match identity::is_id(&id) {
            true => Ok(id),
            false => Err(format!(
                "{:?} must be 1 to {} visible ASCII characters",
                section::written(node),
                api::limits::MAX_NAME_BYTES
            )),
        }
    })
}
