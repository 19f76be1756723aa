//! What an entry of `model_list` means: one deployment.

use std::borrow::Cow;
use std::time::Duration;

use http::HeaderMap;

use super::body::BodyRules;
use super::endpoint::ProviderEndpoint;
use super::pattern::Pattern;

/// One model at one endpoint with one key, or all that a pattern stands for.
#[derive(Debug, Clone)]
pub struct DeploymentConfig {
    /// Its id: `model_info.id`, else derived from group, model, endpoint and the name of the key's
    /// variable.
    pub id: String,
    /// The file names its id.
    pub is_named: bool,
    /// What callers call it.
    pub model_group: String,
    /// Its entry stands for every provider: it takes what nothing that the file names fits.
    pub is_derived: bool,
    /// The names that callers may call it by, where `model_group` has a `*` in it.
    pub pattern: Option<Pattern>,
    /// What its endpoint calls it; with a pattern it may have a `*` in it.
    pub model: String,
    /// Where its calls go.
    pub endpoint: ProviderEndpoint,
    /// Its key, and what else is sent with each request. All values are marked as sensitive.
    pub headers: HeaderMap,
    /// The same for Anthropic's protocol, where it speaks that as well.
    pub anthropic_headers: Option<HeaderMap>,
    /// What is changed in the bodies of its requests.
    pub body: BodyRules,
    /// Its limits; one without any has those that the quota server has of it, if its id is named.
    pub limits: Option<QuotaLimits>,
    /// Its `weight`, where it has one.
    pub weight: Option<f64>,
    /// Lower ones are tried first.
    pub order: u32,
    /// How long its endpoint may take to answer.
    pub timeout: Duration,
    /// How long it may take in a stream to begin, and then to say the next thing.
    pub stream_timeout: Duration,
    /// How many more tries a request gets after it failed here; else the routing's.
    pub num_retries: Option<u32>,
    /// How long it is left alone after a failure; else the routing's.
    pub cooldown: Option<Duration>,
    /// How many requests may be in flight to it at once.
    pub max_parallel_requests: Option<u32>,
    /// What a request's tags are compared with.
    pub tags: Vec<String>,
    /// What a token costs.
    pub prices: Prices,
    /// The output that a request is taken to allow that doesn't say, tokens: `max_tokens`, which is
    /// sent then, else the quota's `default_max_output_tokens`.
    pub default_output: u64,
}

/// What a token costs, in the file's currency.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Prices {
    /// A token of the input (`input_cost_per_token`).
    pub input: Option<f64>,
    /// A token of the output (`output_cost_per_token`).
    pub output: Option<f64>,
}

/// The limits of a deployment, one at least.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QuotaLimits {
    /// Tokens a minute.
    pub tpm: Option<u64>,
    /// Requests a minute.
    pub rpm: Option<u64>,
    /// Tokens a day, of the calendar in UTC.
    pub tpd: Option<u64>,
    /// Requests a day, likewise.
    pub rpd: Option<u64>,
}

impl DeploymentConfig {
    /// What the endpoint calls the model that a caller asked for by this name.
    #[must_use]
    pub fn model_for<'a>(&'a self, requested: &str) -> Cow<'a, str> {
        model_for(self.pattern.as_ref(), &self.model, requested)
    }
}

/// What an endpoint calls the model that a caller asked for by this name.
#[must_use]
pub fn model_for<'a>(pattern: Option<&Pattern>, model: &'a str, requested: &str) -> Cow<'a, str> {
    match pattern {
        Some(pattern) if model.contains('*') => pattern.fill(model, requested),
        _ => Cow::Borrowed(model),
    }
}
