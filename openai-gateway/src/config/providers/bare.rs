//! Which provider a model is of that is named without one. Only names that no two companies have
//! are here: a key must never go to another company than the one that it was made for.

use super::super::pattern::Pattern;

/// Names and the prefix of their provider: the families whose members LiteLLM knows. `gpt-oss` is
/// not among them, since everybody serves it, nor is `*` after `gpt-`.
pub(in super::super) const BARE: &[(&str, &[&str])] = &[
    (
        "openai",
        &[
            "gpt-3.5*",
            "gpt-4",
            "gpt-4-*",
            "gpt-4o*",
            "gpt-4.*",
            "gpt-5",
            "gpt-5-*",
            "gpt-5.*",
            "gpt-audio*",
            "gpt-image*",
            "gpt-realtime*",
            "chatgpt-*",
            "codex-mini*",
            "o1",
            "o1-*",
            "o3",
            "o3-*",
            "o4-*",
            "dall-e-*",
            "sora-*",
            "tts-1*",
            "whisper-1",
            "omni-moderation*",
            "text-moderation*",
            "text-embedding-3-*",
            "text-embedding-ada-*",
            "ft:gpt-*",
            "davinci-002",
            "babbage-002",
        ],
    ),
    ("anthropic", &["claude-*"]),
    ("cohere_chat", &["command", "command-*"]),
    ("cohere", &["embed-english-*", "embed-multilingual-*", "embed-v4*"]),
    ("vertex_ai", &["gemini-*", "text-embedding-005", "text-multilingual-embedding-002"]),
    (
        "bedrock",
        &[
            "anthropic.claude-*",
            "amazon.nova-*",
            "amazon.titan-*",
            "us.anthropic.claude-*",
            "eu.anthropic.claude-*",
        ],
    ),
];

/// The prefix of the provider that LiteLLM takes a bare name for, if there is one.
pub(in super::super) fn of_bare_name(model: &str) -> Option<&'static str> {
    let fits = |name: &&str| match Pattern::of(name) {
        Some(pattern) => pattern.capture(model).is_some(),
        None => *name == model,
    };
    BARE.iter().find(|(_, names)| names.iter().any(fits)).map(|(prefix, _)| *prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `litellm.get_llm_provider` of 1.83.14 answers.
    #[test]
    fn bare_names_go_where_litellm_sends_them() {
        for (model, provider) in [
            ("gpt-4o", Some("openai")),
            ("gpt-3.5-turbo-1106", Some("openai")),
            ("gpt-5-mini", Some("openai")),
            ("o3", Some("openai")),
            ("text-embedding-3-small", Some("openai")),
            ("ft:gpt-4o:acme::abc", Some("openai")),
            ("claude-opus-4-6", Some("anthropic")),
            ("command-r", Some("cohere_chat")),
            ("gemini-2.5-pro", Some("vertex_ai")),
            ("anthropic.claude-3-5-sonnet-20241022-v2:0", Some("bedrock")),
            ("gpt-oss-120b", None),
            ("gpt-neo", None),
            ("deepseek-chat", None),
            ("grok-4", None),
            ("mistral-large-latest", None),
            ("llama3", None),
            ("jamba-large", None),
        ] {
            assert_eq!(of_bare_name(model), provider, "{model}");
        }
    }
}
