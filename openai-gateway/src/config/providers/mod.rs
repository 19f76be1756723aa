//! The providers that can be reached by OpenAI's protocol, as a table of data.
//!
//! The names, addresses and variables are those of LiteLLM 1.83, except where LiteLLM speaks
//! another protocol with a provider that speaks OpenAI's too (Anthropic, Gemini, Cohere, Ollama,
//! Bedrock, Vertex AI, Cloudflare) or goes to a trial of it (DeepSeek's `/beta`): there the address
//! is the one that the provider's own documentation gives for OpenAI's clients. A variable that
//! holds other keys too, as `GITHUB_TOKEN` does in every CI, is no provider's here: an entry may
//! name it.
//!
//! To add one: its row in `table.rs`, and if its models are known by bare names, those in
//! `bare.rs`.

mod bare;
mod table;
mod unserved;

pub(super) use bare::{BARE, of_bare_name};
pub(super) use unserved::why_unserved;

/// The variable that holds a token of Entra ID's. It goes to Azure as a bearer's, unlike a key.
pub(super) const AD_TOKEN: &str = "AZURE_AD_TOKEN";

/// A provider, and what is peculiar to it.
#[derive(Debug, Clone, Copy)]
pub struct Provider {
    /// How `model` begins for it in LiteLLM's files, up to the `/`.
    pub prefix: &'static str,
    /// What it calls itself.
    pub name: &'static str,
    /// Where it is, where the file doesn't say.
    pub home: Home,
    /// What an `api_base` without a path lacks, with its `/` before it.
    pub path: &'static str,
    /// Variables that say where it is, the first that is set counts.
    pub base_variables: &'static [&'static str],
    /// Variables that hold its key, likewise.
    pub key_variables: &'static [&'static str],
    /// How a request shows its key.
    pub key: KeyHeader,
    /// The form of its URLs.
    pub urls: Urls,
    /// What stands before the model's name in a request that has no `/` in it.
    pub model_prefix: &'static str,
    /// Words before the model's name that mean something to LiteLLM alone.
    pub model_routes: &'static [&'static str],
    /// Calls that it has at another path of its host than below its base: which, and where.
    pub elsewhere: &'static [(&'static str, &'static str)],
    /// It speaks Anthropic's protocol as well, at the same base, with its key in `x-api-key`.
    pub speaks_anthropic: bool,
    /// Fields of chat requests that it doesn't take: see [`BodyRules`](super::BodyRules).
    pub lacks: &'static [&'static str],
}

/// Where a provider is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// At an address of its own, which wants a key.
    At(&'static str),
    /// At one that has `{region}`, `{project}`, `{location}` or `{account}` in it.
    Made(&'static str),
    /// On this machine, without a key.
    Here(&'static str),
    /// At a host below one of these, which each customer has for itself, with a key: the file must
    /// say.
    Below(&'static [&'static str]),
    /// Wherever its users run it or have it: the file must say.
    Elsewhere,
}

/// How a request shows its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyHeader {
    /// `authorization: Bearer`
    Bearer,
    /// `api-key`
    ApiKey,
    /// `api-key` at Azure's hosts, `authorization: Bearer` elsewhere.
    ByHost,
}

/// The form of a provider's URLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urls {
    /// The base and the call.
    Plain,
    /// Azure OpenAI's: the deployment in the path and an `api-version`, or `/openai/v1`.
    AzureOpenAi,
    /// Azure AI Foundry's: `/models` and an `api-version` at its hosts, plain elsewhere.
    AzureFoundry,
}

/// All of them, by their prefix.
#[must_use]
pub const fn all() -> &'static [Provider] {
    table::PROVIDERS
}

/// Prefixes of LiteLLM's whose providers this gateway can't speak with, and why.
#[must_use]
pub const fn unserved() -> &'static [(&'static str, &'static str)] {
    unserved::UNSERVED
}

/// The rows of the company whose host this is.
pub(super) fn owners(host: &str) -> impl Iterator<Item = &'static Provider> {
    all().iter().filter(move |provider| provider.owns(host))
}

/// Whether a variable is known to hold some company's key.
pub(super) fn is_key_variable(name: &str) -> bool {
    all().iter().any(|provider| provider.key_variables.contains(&name))
}

/// The provider of this prefix.
pub(super) fn find(prefix: &str) -> Option<&'static Provider> {
    all().iter().find(|provider| provider.prefix == prefix)
}

impl Provider {
    /// Whether a host is the provider's own: its home's, or one below that.
    pub(super) fn owns(&self, host: &str) -> bool {
        let host_of = |home: &'static str| home.split('/').nth(2).unwrap_or_default();
        match self.home {
            Home::Elsewhere | Home::Here(_) => false,
            Home::Below(hosts) => hosts.iter().any(|above| host.ends_with(above)),
            Home::At(home) => {
                let below = host.strip_suffix(host_of(home));
                below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
            }
            Home::Made(home) => match host_of(home).split_once('{') {
                None => host == host_of(home),
                Some((before, after)) => {
                    let after = after.split_once('}').map_or("", |(_, after)| after);
                    let inside = host.strip_prefix(before).and_then(|h| h.strip_suffix(after));
                    let is_label = |c: char| c.is_ascii_alphanumeric() || c == '-';
                    inside.is_some_and(|inside| inside.chars().all(is_label))
                        || (before.is_empty() && host == after.trim_start_matches('-'))
                }
            },
        }
    }

    /// Whether it has an address of its own. Only there its variable's key goes.
    pub(super) const fn has_home(&self) -> bool {
        matches!(self.home, Home::At(_) | Home::Made(_))
    }

    /// Whether nothing can be asked of it at its own hosts without a key.
    pub(super) const fn wants_key(&self) -> bool {
        self.has_home() || matches!(self.home, Home::Below(_))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// `litellm.provider_list` of 1.83.14.
    const LITELLM: &str = "openai chatgpt openai_like jina_ai xai zai custom_openai text-completion-openai cohere cohere_chat \
        clarifai anthropic anthropic_text bytez replicate runwayml aws_polly huggingface together_ai openrouter datarobot vertex_ai \
        vertex_ai_beta gemini ai21 baseten black_forest_labs azure azure_text azure_ai sagemaker sagemaker_chat sagemaker_nova bedrock \
        vllm nlp_cloud petals oobabooga ollama ollama_chat deepinfra perplexity mistral milvus groq a2a gigachat nvidia_nim cerebras \
        ai21_chat volcengine codestral text-completion-codestral dashscope moonshot publicai v0 morph lambda_ai deepseek sambanova \
        maritalk voyage cloudflare xinference fireworks_ai friendliai featherless_ai watsonx watsonx_text triton predibase databricks \
        empower github ragflow compactifai docker_model_runner custom litellm_proxy hosted_vllm llamafile lm_studio galadriel nebius \
        infinity deepgram elevenlabs novita aiohttp_openai langfuse humanloop topaz sap assemblyai charity_engine github_copilot \
        snowflake gradient_ai meta_llama nscale pg_vector s3_vectors helicone hyperbolic recraft fal_ai stability heroku aiml cometapi \
        oci vercel_ai_gateway dotprompt manus wandb ovhcloud scaleway lemonade amazon_nova a2a_agent langgraph minimax synthetic apertis \
        nano-gpt poe chutes xiaomi_mimo litellm_agent cursor bedrock_mantle veniceai abliteration llamagate gmi sarvam";

    #[test]
    fn every_provider_of_litellm_is_served_or_told_why_not() {
        let mut known = HashSet::new();
        for prefix in all().iter().map(|p| p.prefix).chain(unserved().iter().map(|(p, _)| *p)) {
            assert!(known.insert(prefix), "{prefix} twice");
        }
        for prefix in LITELLM.split_whitespace() {
            assert!(known.contains(prefix), "{prefix}");
        }
    }

    #[test]
    fn homes_are_addresses_and_lacks_are_fields() {
        for provider in all() {
            if let Home::At(home) | Home::Made(home) | Home::Here(home) = provider.home {
                assert!(home.starts_with("http"), "{}", provider.prefix);
                assert!(!home.ends_with('/'), "{}", provider.prefix);
                assert!(home.ends_with(provider.path), "{}", provider.prefix);
            }
            assert!(!matches!(provider.home, Home::At(home) if home.starts_with("http:")));
            if provider.wants_key() {
                assert!(!provider.key_variables.is_empty(), "{}", provider.prefix);
            }
        }
    }

    #[test]
    fn a_provider_owns_its_hosts_and_no_others() {
        for (prefix, host, owns) in [
            ("openai", "api.openai.com", true),
            ("openai", "eu.api.openai.com", true),
            ("openai", "api.openai.com.evil.example", false),
            ("openai", "evilapi.openai.com", false),
            ("openai", "127.0.0.1", false),
            ("bedrock", "bedrock-runtime.eu-west-1.amazonaws.com", true),
            ("bedrock", "bedrock-runtime.evil.example", false),
            ("bedrock", "ec2-1-2-3-4.compute.amazonaws.com", false),
            ("bedrock", "bedrock-runtime.x.compute.amazonaws.com", false),
            ("vertex_ai", "us-east1-aiplatform.googleapis.com", true),
            ("vertex_ai", "aiplatform.googleapis.com", true),
            ("hosted_vllm", "127.0.0.1", false),
            ("azure", "eu.openai.azure.com", true),
            ("azure", "openai.azure.com.evil.example", false),
            ("azure", "evilopenai.azure.com", false),
        ] {
            assert_eq!(find(prefix).unwrap().owns(host), owns, "{prefix} {host}");
        }
    }
}
