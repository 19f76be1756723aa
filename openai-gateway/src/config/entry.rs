//! One entry of `model_list`, as it is written.

use serde::Deserialize;
use serde_saphyr::Spanned;

#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    pub(super) model_name: String,
    pub(super) litellm_params: Params,
    #[serde(default)]
    pub(super) model_info: Info,
    tpm: Option<u64>,
    rpm: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Params {
    pub(super) model: String,
    pub(super) custom_llm_provider: Option<String>,
    #[serde(alias = "base_url")]
    pub(super) api_base: Option<String>,
    pub(super) api_key: Option<String>,
    pub(super) weight: Option<f64>,
    #[serde(default)]
    pub(super) order: u32,
    /// Seconds.
    pub(super) timeout: Option<f64>,
    /// Seconds.
    pub(super) stream_timeout: Option<f64>,
    pub(super) num_retries: Option<u32>,
    /// Seconds.
    pub(super) cooldown_time: Option<f64>,
    pub(super) max_parallel_requests: Option<u32>,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    pub(super) input_cost_per_token: Option<f64>,
    pub(super) output_cost_per_token: Option<f64>,
    pub(super) max_tokens: Option<u64>,
    tpm: Option<u64>,
    rpm: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Info {
    pub(super) id: Option<String>,
    pub(super) max_input_tokens: Option<u64>,
    tpm: Option<u64>,
    rpm: Option<u64>,
}

/// LiteLLM looks for limits in these three places, in this order.
impl Entry {
    pub(super) fn tpm(&self) -> Option<u64> {
        self.tpm.or(self.litellm_params.tpm).or(self.model_info.tpm)
    }

    pub(super) fn rpm(&self) -> Option<u64> {
        self.rpm.or(self.litellm_params.rpm).or(self.model_info.rpm)
    }
}

/// Where an entry stands, for messages.
pub(super) fn place(entry: &Spanned<Entry>, index: usize) -> String {
    let line = entry.defined.line();
    let name = &entry.value.model_name;
    format!("line {line}, model_list[{index}] ({name})")
}
