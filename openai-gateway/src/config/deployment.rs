//! What an entry of `model_list` means: one deployment.

use std::time::Duration;

use gateway_client::api;
use reqwest::Url;
use sha2::{Digest, Sha256};

use super::entry::Entry;
use super::file::RouterSettings;
use super::provider::Provider;
use super::reference::Environment;
use super::secret::Secret;

/// LiteLLM's own default.
const TIMEOUT: Duration = Duration::from_secs(600);
const MAX_TIMEOUT_S: f64 = 86_400.0;

/// One model at one endpoint with one key.
#[derive(Debug, Clone)]
pub struct DeploymentConfig {
    /// Its id: `model_info.id`, else derived from group, model, endpoint and key.
    pub id: String,
    /// What callers call it.
    pub model_group: String,
    /// What its endpoint calls it.
    pub model: String,
    /// The endpoint, up to and with `/v1`.
    pub base: Url,
    /// The endpoint's key.
    pub api_key: Option<Secret>,
    /// Its limits; without any it needs no lease.
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
    /// The longest input that its model takes (`model_info.max_input_tokens`), tokens.
    pub max_input_tokens: Option<u64>,
    /// The output that a request is taken to allow, and is sent with, that doesn't say (`max_tokens`).
    pub max_tokens: Option<u64>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaLimits {
    /// Tokens a minute.
    pub tpm: Option<u64>,
    /// Requests a minute.
    pub rpm: Option<u64>,
}

impl DeploymentConfig {
    pub(super) fn check(
        entry: &Entry,
        settings: &RouterSettings,
        environment: &Environment,
    ) -> Result<Self, String> {
        let params = &entry.litellm_params;
        let provider = Provider::check(params, environment)?;
        Ok(Self {
            id: id(entry, &provider)?,
            model_group: group(&entry.model_name)?,
            model: provider.model,
            base: provider.base,
            api_key: provider.api_key.map(Secret::new),
            limits: limits(entry)?,
            weight: weight(params.weight)?,
            order: params.order,
            timeout: timeout(params.timeout.or(settings.timeout))?,
            stream_timeout: timeout(
                params
                    .stream_timeout
                    .or(params.timeout)
                    .or(settings.stream_timeout)
                    .or(settings.timeout),
            )?,
            num_retries: params.num_retries,
            cooldown: params.cooldown_time.map(|seconds| timeout(Some(seconds))).transpose()?,
            max_parallel_requests: params
                .max_parallel_requests
                .or(settings.default_max_parallel_requests),
            tags: params.tags.clone(),
            prices: Prices {
                input: params.input_cost_per_token,
                output: params.output_cost_per_token,
            },
            max_input_tokens: entry.model_info.max_input_tokens,
            max_tokens: params.max_tokens,
        })
    }

    /// An id for an entry that names none: readable, the same in every replica that reads this
    /// entry, and another for an entry with another group, model, endpoint or key. All goes into
    /// a hash, so that the id gives nothing of the key away. Limits, weights and the place in the
    /// file don't count: changing them makes no new deployment.
    fn derived_id(entry: &Entry, provider: &Provider) -> String {
        let key = provider.api_key.as_deref().unwrap_or_default();
        let base = provider.base.as_str();
        let identity = [&entry.model_name, &provider.model, base, key].join("\0");
        let host = provider.base.host_str().unwrap_or_default();
        let name = slug(&format!("{}-{host}", entry.model_name));
        let hash = Sha256::digest(identity.as_bytes());
        let hash: String = hash[..6].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{name}-{hash}")
    }
}

fn id(entry: &Entry, provider: &Provider) -> Result<String, String> {
    let id = match &entry.model_info.id {
        Some(id) => id.clone(),
        None => DeploymentConfig::derived_id(entry, provider),
    };
    if id.is_empty() || id.len() > api::limits::MAX_NAME_BYTES || !id.bytes().all(is_visible) {
        return Err(format!(
            "model_info.id {id:?} must be 1 to {} visible ASCII characters",
            api::limits::MAX_NAME_BYTES
        ));
    }
    Ok(id)
}

fn is_visible(byte: u8) -> bool {
    (0x21..=0x7e).contains(&byte)
}

/// Lower-case letters, digits and single dashes, short enough to leave room for a hash.
fn slug(text: &str) -> String {
    let dashed = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let text: String = text.chars().map(dashed).take(96).collect();
    let words: Vec<_> = text.split('-').filter(|word| !word.is_empty()).collect();
    words.join("-")
}

fn group(name: &str) -> Result<String, String> {
    if name.is_empty() || name.len() > api::limits::MAX_NAME_BYTES {
        return Err("model_name must have 1 to 128 bytes".to_owned());
    }
    if name.contains('*') {
        return Err("wildcards in model_name are not done by this gateway".to_owned());
    }
    Ok(name.to_owned())
}

fn limits(entry: &Entry) -> Result<Option<QuotaLimits>, String> {
    let (tpm, rpm) = (entry.tpm(), entry.rpm());
    if tpm.max(rpm) > Some(api::limits::MAX_LIMIT) {
        return Err(format!("a limit is above {}", api::limits::MAX_LIMIT));
    }
    Ok((tpm.is_some() || rpm.is_some()).then_some(QuotaLimits { tpm, rpm }))
}

fn weight(weight: Option<f64>) -> Result<Option<f64>, String> {
    match weight {
        Some(weight) if !weight.is_finite() || weight < 0.0 => {
            Err(format!("weight {weight} must be 0 or more"))
        }
        weight => Ok(weight),
    }
}

fn timeout(seconds: Option<f64>) -> Result<Duration, String> {
    match seconds {
        None => Ok(TIMEOUT),
        Some(seconds) if seconds > 0.0 && seconds <= MAX_TIMEOUT_S => {
            Ok(Duration::from_secs_f64(seconds))
        }
        Some(seconds) => {
            Err(format!("timeout {seconds} must be above 0 and at most {MAX_TIMEOUT_S} seconds"))
        }
    }
}
