//! What a deployment changes in the bodies of requests.

use serde_json::value::RawValue;

/// How a request's body becomes the provider's, besides the model's name.
#[derive(Debug, Clone, Default)]
pub struct BodyRules {
    /// Fields that are set where the caller doesn't: what `litellm_params` have that LiteLLM has no
    /// other use for.
    pub defaults: Vec<(String, Box<RawValue>)>,
    /// Fields that are set whatever the caller says (`extra_body`).
    pub overrides: Vec<(String, Box<RawValue>)>,
    /// Fields that are left out.
    pub dropped: Vec<String>,
    /// What a reasoning model doesn't take is left out as well.
    pub drops_for_reasoning: bool,
    /// How the bound of the output is called.
    pub output_bound: OutputBound,
    /// A stream is told to end with its usage. Where not, it is charged in full, unless its
    /// provider tells the usage unasked.
    pub asks_usage: bool,
}

/// How a provider calls the bound of a request's output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OutputBound {
    /// As the caller does.
    #[default]
    AsCalled,
    /// `max_tokens`
    MaxTokens,
    /// `max_completion_tokens` for OpenAI's reasoning models, which refuse the other; else as the
    /// caller does.
    ByModel,
}

impl BodyRules {
    /// What bounds the output of a chat, by both of its names.
    pub const OUTPUT_BOUNDS: [&str; 2] = ["max_tokens", "max_completion_tokens"];

    /// What a request is told to make at most that doesn't say itself.
    #[must_use]
    pub fn default_bound(&self) -> Option<&RawValue> {
        let is_bound = |name: &str| Self::OUTPUT_BOUNDS.contains(&name);
        let bound = self.defaults.iter().find(|(name, _)| is_bound(name));
        bound.map(|(_, bound)| &**bound)
    }

    /// Fields that OpenAI's reasoning models refuse.
    pub const REASONING_LACKS: &[&str] = &[
        "temperature",
        "top_p",
        "presence_penalty",
        "frequency_penalty",
        "logprobs",
        "top_logprobs",
        "logit_bias",
    ];

    /// Whether a field is left out for this model.
    #[must_use]
    pub fn drops(&self, field: &str, model: &str) -> bool {
        self.dropped.iter().any(|dropped| dropped == field)
            || (self.drops_for_reasoning
                && Self::REASONING_LACKS.contains(&field)
                && is_reasoning(model))
    }

    /// The field that the bound of the output is moved to for this model, from the other.
    #[must_use]
    pub fn renamed_bound(&self, model: &str) -> Option<(&'static str, &'static str)> {
        match self.output_bound {
            OutputBound::MaxTokens => Some(("max_completion_tokens", "max_tokens")),
            OutputBound::ByModel if is_reasoning(model) => {
                Some(("max_tokens", "max_completion_tokens"))
            }
            OutputBound::AsCalled | OutputBound::ByModel => None,
        }
    }
}

/// OpenAI's `o1` and later, and `gpt-5` and later but those for chat.
fn is_reasoning(model: &str) -> bool {
    let o_series = ["o1", "o3", "o4"];
    let is_o =
        |name: &str| model == name || model.strip_prefix(name).is_some_and(|m| m.starts_with('-'));
    o_series.into_iter().any(is_o) || (model.starts_with("gpt-5") && !model.contains("chat"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_models_are_known_by_their_names() {
        for (model, reasoning) in [
            ("o1", true),
            ("o3-mini", true),
            ("gpt-5-nano", true),
            ("gpt-5.2", true),
            ("gpt-5-chat-latest", false),
            ("gpt-4o", false),
            ("o10", false),
        ] {
            assert_eq!(is_reasoning(model), reasoning, "{model}");
        }
    }
}
