//! Request bodies of an exact number of tokens.

use bytes::Bytes;
use serde_json::json;

/// Words that are one token each, with the space before them, in both vocabularies.
const WORDS: [&str; 12] = [
    " the", " quota", " of", " a", " minute", " is", " shared", " by", " many", " and", " kept",
    " once",
];

/// An embeddings request of this many tokens.
#[must_use]
pub fn embedding(model: &str, tokens: usize) -> Bytes {
    Bytes::from(json!({"model": model, "input": text(tokens)}).to_string())
}

/// Embeddings requests of these sizes, to choose from.
#[must_use]
pub fn embedding_sized(model: &str, sizes: impl IntoIterator<Item = usize>) -> Vec<(u64, Bytes)> {
    sizes.into_iter().map(|tokens| (tokens as u64, embedding(model, tokens))).collect()
}

/// A chat request of one message with this many tokens of text. The form around the text costs
/// seven tokens more.
#[must_use]
pub fn chat(model: &str, text_tokens: usize, max_tokens: u64) -> Bytes {
    let messages = json!([{"role": "user", "content": text(text_tokens)}]);
    let body = json!({"model": model, "messages": messages, "max_tokens": max_tokens});
    Bytes::from(body.to_string())
}

/// Without a space at its start; `the` is one token as well.
fn text(tokens: usize) -> String {
    let words: String = WORDS.iter().cycle().take(tokens).copied().collect();
    words.trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_exactly_as_many_tokens_as_wanted() {
        for tokens in [1, 2, 15, 1_500] {
            let text = text(tokens);
            assert_eq!(bpe_openai::cl100k_base().count(text.as_str()), tokens);
            assert_eq!(bpe_openai::o200k_base().count(text.as_str()), tokens);
        }
    }
}
