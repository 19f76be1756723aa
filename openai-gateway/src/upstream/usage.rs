use serde::{Deserialize, Deserializer};

/// What of a provider's answer settles a request.
#[derive(Debug, Deserialize)]
struct Answer {
    usage: Option<Usage>,
}

/// A provider's `usage`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct Usage {
    #[serde(deserialize_with = "whole")]
    prompt_tokens: Option<u64>,
    #[serde(deserialize_with = "whole")]
    completion_tokens: Option<u64>,
    #[serde(deserialize_with = "whole")]
    total_tokens: Option<u64>,
}

/// What an answer says was used, tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) total: u64,
    pub(super) output: u64,
}

impl Usage {
    /// Nought is no usage: no request is free, so the provider just didn't say.
    pub(super) fn used(self) -> Option<Used> {
        let output = self.completion_tokens.unwrap_or(0);
        let parts = || self.prompt_tokens?.checked_add(output);
        let total = self.total_tokens.or_else(parts).filter(|&tokens| tokens > 0)?;
        Some(Used { total, output })
    }
}

/// Some providers write whole numbers as `9.0`. What is no count is no figure.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let number = Option::<serde_json::Number>::deserialize(deserializer)?;
    Ok(number.and_then(|number| number.as_u64().or_else(|| rounded_up(number.as_f64()?))))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is checked to be a count below 2^53"
)]
fn rounded_up(number: f64) -> Option<u64> {
    let number = number.ceil();
    (0.0..9_007_199_254_740_992.0).contains(&number).then_some(number as u64)
}

/// The tokens that an answer says were used; `None` where it doesn't.
pub(super) fn tokens_used(answer: &[u8]) -> Option<Used> {
    let answer: Answer = serde_json::from_slice(answer).ok()?;
    answer.usage?.used()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_found() {
        for (answer, tokens) in [
            (
                r#"{"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}"#,
                Some((12, 7)),
            ),
            (r#"{"data":[[1.5]],"usage":{"prompt_tokens":5,"total_tokens":5}}"#, Some((5, 0))),
            (r#"{"usage":{"prompt_tokens":5,"completion_tokens":7}}"#, Some((12, 7))),
            (r#"{"usage":{"total_tokens":9}}"#, Some((9, 0))),
            (
                r#"{"usage":{"prompt_tokens":9.0,"completion_tokens":3.0,"total_tokens":12.0}}"#,
                Some((12, 3)),
            ),
            (r#"{"usage":{"total_tokens":11.2}}"#, Some((12, 0))),
            (r#"{"usage":{"total_tokens":0}}"#, None),
            (r#"{"usage":{"total_tokens":-1}}"#, None),
            (r#"{"usage":{"total_tokens":1e300}}"#, None),
            (r#"{"usage":null}"#, None),
            (r#"{"usage":{}}"#, None),
            ("{}", None),
            ("<html>", None),
        ] {
            let used = tokens_used(answer.as_bytes()).map(|used| (used.total, used.output));
            assert_eq!(used, tokens, "{answer}");
        }
    }
}
