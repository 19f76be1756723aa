use serde::Deserialize;

/// What of a provider's answer settles a request.
#[derive(Debug, Deserialize)]
struct Answer {
    usage: Option<Usage>,
}

/// A provider's `usage`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct Usage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    total_tokens: Option<u64>,
}

impl Usage {
    /// All tokens. Nought is no usage: no request is free, so the provider just didn't say.
    pub(super) fn tokens(self) -> Option<u64> {
        let output = self.completion_tokens.unwrap_or(0);
        let parts = || self.prompt_tokens?.checked_add(output);
        self.total_tokens.or_else(parts).filter(|&tokens| tokens > 0)
    }
}

/// The tokens that an answer says were used; `None` where it doesn't.
pub(super) fn tokens_used(answer: &[u8]) -> Option<u64> {
    let answer: Answer = serde_json::from_slice(answer).ok()?;
    answer.usage?.tokens()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_found() {
        for (answer, tokens) in [
            (r#"{"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}"#, Some(12)),
            (r#"{"data":[[1.5]],"usage":{"prompt_tokens":5,"total_tokens":5}}"#, Some(5)),
            (r#"{"usage":{"prompt_tokens":5,"completion_tokens":7}}"#, Some(12)),
            (r#"{"usage":{"total_tokens":9}}"#, Some(9)),
            (r#"{"usage":{"total_tokens":0}}"#, None),
            (r#"{"usage":{"total_tokens":-1}}"#, None),
            (r#"{"usage":null}"#, None),
            (r#"{"usage":{}}"#, None),
            ("{}", None),
            ("<html>", None),
        ] {
            assert_eq!(tokens_used(answer.as_bytes()), tokens, "{answer}");
        }
    }
}
