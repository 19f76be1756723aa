//! How many tokens an input has, counted as OpenAI does.

use bpe_openai::{Tokenizer, cl100k_base, o200k_base};
use serde::Deserialize;

/// What a chat message costs beside its text, and what the start of the answer costs.
const TOKENS_PER_MESSAGE: u64 = 3;
const TOKENS_PER_NAME: u64 = 1;
const TOKENS_OF_REPLY_START: u64 = 3;

/// A chat message.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Message {
    role: String,
    #[serde(default)]
    content: Content,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
    Nothing(()),
}

impl Default for Content {
    fn default() -> Self {
        Self::Nothing(())
    }
}

#[derive(Debug, Clone, Deserialize)]
struct Part {
    #[serde(default)]
    text: String,
}

/// What is to be embedded.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Input {
    Text(String),
    Texts(Vec<String>),
    Tokens(Vec<u32>),
    TokenLists(Vec<Vec<u32>>),
}

impl Input {
    /// How many embeddings are asked for.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text(_) | Self::Tokens(_) => 1,
            Self::Texts(texts) => texts.len(),
            Self::TokenLists(lists) => lists.len(),
        }
    }
}

/// Tokens of an embeddings request.
pub(crate) fn of_input(model: &str, input: &Input) -> u64 {
    let tokenizer = tokenizer(model);
    match input {
        Input::Text(text) => of_text(tokenizer, text),
        Input::Texts(texts) => texts.iter().map(|text| of_text(tokenizer, text)).sum(),
        Input::Tokens(tokens) => tokens.len() as u64,
        Input::TokenLists(lists) => lists.iter().map(|list| list.len() as u64).sum(),
    }
}

/// Tokens of a chat request's messages.
pub(crate) fn of_messages(model: &str, messages: &[Message]) -> u64 {
    let tokenizer = tokenizer(model);
    let messages: u64 = messages.iter().map(|message| of_message(tokenizer, message)).sum();
    messages + TOKENS_OF_REPLY_START
}

fn of_message(tokenizer: &Tokenizer, message: &Message) -> u64 {
    let content = match &message.content {
        Content::Text(text) => of_text(tokenizer, text),
        Content::Parts(parts) => parts.iter().map(|part| of_text(tokenizer, &part.text)).sum(),
        Content::Nothing(()) => 0,
    };
    let name = message.name.as_ref().map_or(0, |name| TOKENS_PER_NAME + of_text(tokenizer, name));
    TOKENS_PER_MESSAGE + of_text(tokenizer, &message.role) + content + name
}

fn of_text(tokenizer: &Tokenizer, text: &str) -> u64 {
    tokenizer.count(text) as u64
}

/// The models of before gpt-4o, and all embeddings, have the older vocabulary.
fn tokenizer(model: &str) -> &'static Tokenizer {
    let older = ["text-embedding", "gpt-3.5", "gpt-4-", "davinci", "babbage"];
    if model == "gpt-4" || older.iter().any(|prefix| model.starts_with(prefix)) {
        cl100k_base()
    } else {
        o200k_base()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn every_form_of_an_embeddings_input_is_counted() {
        let table = [
            (json!("hello world"), 1, 2),
            (json!(["hello world", "hello"]), 2, 3),
            (json!([1, 2, 3]), 1, 3),
            (json!([[1, 2, 3], [4]]), 2, 4),
        ];
        for (input, len, tokens) in table {
            let input: Input = from_value(input).unwrap();
            assert_eq!((input.len(), of_input("text-embedding-3-small", &input)), (len, tokens));
        }
    }

    #[test]
    fn a_message_costs_more_than_its_text() {
        let one: Vec<Message> =
            from_value(json!([{"role": "user", "content": "hello world"}])).unwrap();
        assert_eq!(of_messages("gpt-4o", &one), 3 + 1 + 2 + 3);
        let parts = json!([{"role": "user", "content": [{"type": "text", "text": "hello"}]}, {"role": "assistant", "content": null}]);
        let parts: Vec<Message> = from_value(parts).unwrap();
        assert_eq!(of_messages("gpt-4o", &parts), (3 + 1 + 1) + (3 + 1) + 3);
    }
}
