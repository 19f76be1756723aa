//! Chat, by the recipe of OpenAI's cookbook ("How to count tokens with tiktoken"): each message
//! costs three tokens besides its texts, a name one more, and the answer is primed with three.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Encoding;

const PER_MESSAGE: u64 = 3;
const PER_NAME: u64 = 1;
const PRIMING: u64 = 3;
/// An image of 1024 x 1024 in full detail, and any in low detail (OpenAI's vision guide).
const IMAGE: u64 = 765;
const IMAGE_LOW: u64 = 85;
/// Bytes of an attached file's or sound's base64 that are taken for one token.
const ATTACHED_BYTES_PER_TOKEN: u64 = 1_024;

/// The tokens of a chat request's `messages`.
///
/// # Errors
/// They are something else than messages.
pub fn message_tokens(messages: &RawValue, encoding: Encoding) -> Result<u64, serde_json::Error> {
    let messages: Vec<Message<'_>> = serde_json::from_str(messages.get())?;
    messages
        .iter()
        .try_fold(PRIMING, |sum, message| Ok(sum.saturating_add(message.tokens(encoding)?)))
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    name: Option<String>,
    #[serde(borrow)]
    tool_calls: Option<&'a RawValue>,
    #[serde(borrow)]
    function_call: Option<&'a RawValue>,
}

impl Message<'_> {
    fn tokens(&self, encoding: Encoding) -> Result<u64, serde_json::Error> {
        let name = self.name.as_deref().map(|name| encoding.count(name) + PER_NAME);
        let calls = [self.tool_calls, self.function_call].into_iter().flatten();
        let calls: u64 = calls.map(|call| encoding.count(call.get())).sum();
        let content = self.content.map(|content| content_tokens(content, encoding));
        Ok(PER_MESSAGE
            + encoding.count(&self.role)
            + content.transpose()?.unwrap_or_default()
            + name.unwrap_or_default()
            + calls)
    }
}

/// A message's content is a text, a list of parts, or nothing.
fn content_tokens(content: &RawValue, encoding: Encoding) -> Result<u64, serde_json::Error> {
    if content.get().starts_with('"') {
        let text: Text<'_> = serde_json::from_str(content.get())?;
        return Ok(encoding.count(&text.0));
    }
    let parts: Option<Vec<Part<'_>>> = serde_json::from_str(content.get())?;
    let parts = parts.unwrap_or_default();
    Ok(parts.iter().map(|part| part.tokens(encoding)).sum())
}

/// Borrows unless there is something to unescape.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct Part<'a> {
    text: Option<String>,
    refusal: Option<String>,
    image_url: Option<Image>,
    #[serde(borrow)]
    input_audio: Option<&'a RawValue>,
    #[serde(borrow)]
    file: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Image {
    detail: Option<String>,
}

impl Part<'_> {
    fn tokens(&self, encoding: Encoding) -> u64 {
        let texts = [&self.text, &self.refusal].into_iter().flatten();
        let texts: u64 = texts.map(|text| encoding.count(text)).sum();
        let attached = [self.input_audio, self.file].into_iter().flatten();
        let attached: u64 =
            attached.map(|raw| (raw.get().len() as u64).div_ceil(ATTACHED_BYTES_PER_TOKEN)).sum();
        texts + attached + self.image_url.as_ref().map_or(0, Image::tokens)
    }
}

impl Image {
    fn tokens(&self) -> u64 {
        match self.detail.as_deref() {
            Some("low") => IMAGE_LOW,
            _ => IMAGE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(json: &str, encoding: Encoding) -> Result<u64, serde_json::Error> {
        let messages: &RawValue = serde_json::from_str(json).unwrap();
        message_tokens(messages, encoding)
    }

    /// The cookbook's example and the figures that OpenAI's API answered to it.
    #[test]
    fn the_cookbook_s_example_is_counted_as_openai_counts_it() {
        let messages = r#"[
            {"role": "system", "content": "You are a helpful, pattern-following assistant that translates corporate jargon into plain English."},
            {"role": "system", "name": "example_user", "content": "New synergies will help drive top-line growth."},
            {"role": "system", "name": "example_assistant", "content": "Things working well together will increase revenue."},
            {"role": "system", "name": "example_user", "content": "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."},
            {"role": "system", "name": "example_assistant", "content": "Let's talk later when we're less busy about how to do better."},
            {"role": "user", "content": "This late pivot means we don't have time to boil the ocean for the client deliverable."}
        ]"#;
        assert_eq!(count(messages, Encoding::Cl100k).unwrap(), 129);
        assert_eq!(count(messages, Encoding::O200k).unwrap(), 124);
    }

    #[test]
    fn parts_are_counted() {
        let text = count(r#"[{"role": "user", "content": "tiktoken is great!"}]"#, Encoding::O200k);
        let parts = count(
            r#"[{"role": "user", "content": [
                {"type": "text", "text": "tiktoken is great!"},
                {"type": "image_url", "image_url": {"url": "data:..", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "http://.."}},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}]}]"#,
            Encoding::O200k,
        );
        assert_eq!(parts.unwrap(), text.unwrap() + IMAGE_LOW + IMAGE + 1);
    }

    #[test]
    fn no_content_costs_nothing() {
        let empty = count(r#"[{"role": "user"}]"#, Encoding::O200k).unwrap();
        assert_eq!(empty, 7);
        assert_eq!(
            count(r#"[{"role": "user", "content": null}]"#, Encoding::O200k).unwrap(),
            empty
        );
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for messages in
            ["5", r#"["hi"]"#, r#"[{"content": "no role"}]"#, r#"[{"role": "user", "content": 5}]"#]
        {
            assert!(count(messages, Encoding::O200k).is_err(), "{messages}");
        }
    }
}
