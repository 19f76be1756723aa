use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::list::each_of;
use super::{Encoding, content_tokens};

/// The tokens of an embedding's `input` or a completion's `prompt`: a text, token ids, or a list of
/// either. Counted while it is read: nothing is copied, however long the input is. What is none of
/// these counts as the JSON that it is written in, and the provider says what it makes of it.
#[must_use]
pub fn prompt_tokens(input: &RawValue, encoding: Encoding) -> u64 {
    known_shape(input, encoding).unwrap_or_else(|_| encoding.count(input.get()))
}

/// How many prompts stand in a `prompt`, each of which is answered: a list of texts, or of lists of
/// token ids, is as many.
#[must_use]
pub fn prompts(prompt: &RawValue) -> u64 {
    let mut prompts = 0;
    each_of(prompt, |item| prompts += u64::from(item.get().starts_with(['"', '['])));
    prompts.max(1)
}

/// The tokens of a list of documents, and of a query that is read with each.
#[must_use]
pub fn document_tokens(query: &RawValue, documents: &RawValue, encoding: Encoding) -> u64 {
    let query = content_tokens(query, encoding);
    let mut tokens = 0u64;
    each_of(documents, |document| {
        let document = content_tokens(document, encoding);
        tokens = tokens.saturating_add(query).saturating_add(document);
    });
    tokens
}

fn known_shape(input: &RawValue, encoding: Encoding) -> Result<u64, serde_json::Error> {
    Input(encoding, Depth::Whole).deserialize(&mut serde_json::Deserializer::from_str(input.get()))
}

/// How deep inside `input` a value stands.
#[derive(Clone, Copy, PartialEq)]
enum Depth {
    Whole,
    Item,
    TokenId,
}

struct Input(Encoding, Depth);

impl<'de> DeserializeSeed<'de> for Input {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Input {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.1 {
            Depth::Whole => "a string, a list of strings, or token ids",
            Depth::Item => "a string, a token id or a list of token ids",
            Depth::TokenId => "a token id",
        })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
        match self.1 {
            Depth::TokenId => Err(E::invalid_type(serde::de::Unexpected::Str(text), &self)),
            _ => Ok(self.0.count(text)),
        }
    }

    fn visit_u64<E: Error>(self, id: u64) -> Result<u64, E> {
        match self.1 {
            Depth::Whole => Err(E::invalid_type(serde::de::Unexpected::Unsigned(id), &self)),
            _ => Ok(1),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<u64, A::Error> {
        let inner = match self.1 {
            Depth::Whole => Depth::Item,
            Depth::Item => Depth::TokenId,
            Depth::TokenId => {
                return Err(A::Error::invalid_type(serde::de::Unexpected::Seq, &self));
            }
        };
        let mut tokens = 0u64;
        while let Some(more) = seq.next_element_seed(Input(self.0, inner))? {
            tokens = tokens.saturating_add(more);
        }
        Ok(tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(json: &str) -> Result<u64, serde_json::Error> {
        let input: &RawValue = serde_json::from_str(json).unwrap();
        known_shape(input, Encoding::Cl100k)
    }

    #[test]
    fn every_shape_is_counted() {
        for (input, tokens) in [
            (r#""tiktoken is great!""#, 6),
            (r#""tiktoken \u0069s great!""#, 6),
            (r#"["tiktoken is great!", "2 + 2 = 4"]"#, 13),
            ("[1, 2, 3]", 3),
            ("[[1, 2], [3], []]", 3),
            ("[]", 0),
        ] {
            assert_eq!(count(input).unwrap(), tokens, "{input}");
        }
    }

    #[test]
    fn each_prompt_of_a_list_is_answered() {
        for (prompt, many) in [
            (r#""a""#, 1),
            (r#"["a"]"#, 1),
            (r#"["a", "b", "c"]"#, 3),
            ("[1, 2, 3]", 1),
            ("[[1, 2], [3]]", 2),
            ("[]", 1),
            ("{}", 1),
        ] {
            assert_eq!(prompts(serde_json::from_str(prompt).unwrap()), many, "{prompt}");
        }
    }

    #[test]
    fn other_shapes_count_as_they_are_written() {
        let image: &RawValue = serde_json::from_str(r#"[{"image": "AAAA"}]"#).unwrap();
        let written = Encoding::Cl100k.count(image.get());
        assert!(written > 3 && prompt_tokens(image, Encoding::Cl100k) == written);

        for input in
            ["5", "null", "{}", "[-1]", "[1.5]", "[null]", "[[[1]]]", r#"[["a"]]"#, "[true]"]
        {
            assert!(count(input).is_err(), "{input}");
        }
    }
}
