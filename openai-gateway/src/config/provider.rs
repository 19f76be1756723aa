//! Where an entry's calls go. This gateway speaks OpenAI's protocol and no other, so a provider
//! that needs another is a mistake, said at the start and not by every call.

use reqwest::Url;

use super::entry::Params;
use super::reference::Environment;

const OPENAI: &str = "https://api.openai.com/v1";

/// Prefixes that mean "OpenAI's protocol at `api_base`"; with `openai` it may be absent.
const SPEAK_OPENAI: &[&str] = &[
    "openai",
    "custom_openai",
    "openai_like",
    "hosted_vllm",
    "litellm_proxy",
    "lm_studio",
    "llamafile",
    "deepinfra",
    "deepseek",
    "fireworks_ai",
    "groq",
    "mistral",
    "nvidia_nim",
    "openrouter",
    "together_ai",
    "xai",
];

/// Where an entry's calls go, and what the model is called there.
pub(super) struct Provider {
    pub(super) model: String,
    pub(super) base: Url,
    pub(super) api_key: Option<String>,
}

impl Provider {
    pub(super) fn check(params: &Params, environment: &Environment) -> Result<Self, String> {
        let (provider, model) = split(params)?;
        let base = base(params, provider, environment)?;
        Ok(Self { model: model.to_owned(), api_key: api_key(params, &base, environment)?, base })
    }
}

/// `provider/model`; a bare name is OpenAI's. `custom_llm_provider` says it apart.
fn split(params: &Params) -> Result<(&str, &str), String> {
    let (provider, model) = match &params.custom_llm_provider {
        Some(provider) => (provider.as_str(), params.model.as_str()),
        None => params.model.split_once('/').unwrap_or(("openai", &params.model)),
    };
    if model.is_empty() || model.contains('*') {
        return Err(format!("the model {:?} names no single model", params.model));
    }
    if SPEAK_OPENAI.contains(&provider) {
        return Ok((provider, model));
    }
    Err(format!(
        "the provider {provider:?} of the model {:?} is not one that speaks OpenAI's protocol \
         (openai/ with an api_base reaches any endpoint that does)",
        params.model
    ))
}

fn base(params: &Params, provider: &str, environment: &Environment) -> Result<Url, String> {
    let text = match &params.api_base {
        Some(base) => environment.resolve(base)?,
        None if provider == "openai" => OPENAI.to_owned(),
        None => return Err(format!("the provider {provider:?} needs an api_base")),
    };
    let url = Url::parse(&text).map_err(|error| format!("api_base {text:?}: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("api_base {text:?}: only http and https are spoken"));
    }
    Ok(url)
}

/// The variable `OPENAI_API_KEY` is for OpenAI alone: sent elsewhere, it would be given away.
fn api_key(
    params: &Params,
    base: &Url,
    environment: &Environment,
) -> Result<Option<String>, String> {
    match &params.api_key {
        Some(key) => environment.resolve(key).map(Some).map_err(|what| format!("api_key: {what}")),
        None if base.as_str().starts_with(OPENAI) => {
            Ok(environment.var("OPENAI_API_KEY").map(str::to_owned))
        }
        None => Ok(None),
    }
}
