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

/// The tokens of a chat request's `messages`. What has a shape that isn't known here counts as the JSON that it is
/// written in, which errs to the safe side: providers take more than any gateway knows, and say themselves what
/// they do not take.
#[must_use]
pub fn message_tokens(messages: &RawValue, encoding: Encoding) -> u64 {
    let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(messages.get()) else {
        return encoding.count(messages.get());
    };
    list.iter().fold(PRIMING, |sum, message| sum.saturating_add(of_message(message, encoding)))
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Option<Cow<'a, str>>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    tool_calls: Option<&'a RawValue>,
    #[serde(borrow)]
    function_call: Option<&'a RawValue>,
}

fn of_message(message: &RawValue, encoding: Encoding) -> u64 {
    let Ok(message) = serde_json::from_str::<Message<'_>>(message.get()) else {
        return PER_MESSAGE + encoding.count(message.get());
    };
    let role = message.role.map_or(0, |role| encoding.count(&role));
    let name = message.name.map_or(0, |name| encoding.count(&name) + PER_NAME);
    let calls = [message.tool_calls, message.function_call].into_iter().flatten();
    let calls: u64 = calls.map(|call| encoding.count(call.get())).sum();
    let content = message.content.map_or(0, |content| of_content(content, encoding));
    PER_MESSAGE + role + name + calls + content
}

/// A message's content is a text, a list of parts, or nothing.
fn of_content(content: &RawValue, encoding: Encoding) -> u64 {
    match serde_json::from_str::<Vec<&RawValue>>(content.get()) {
        Ok(parts) => parts.iter().map(|part| of_part(part, encoding)).sum(),
        Err(_) if content.get() == "null" => 0,
        Err(_) => of_text(content, encoding),
    }
}

/// A text, or whatever else stands where one is usual.
fn of_text(text: &RawValue, encoding: Encoding) -> u64 {
    match serde_json::from_str::<Text<'_>>(text.get()) {
        Ok(text) => encoding.count(&text.0),
        Err(_) => encoding.count(text.get()),
    }
}

/// Borrows unless there is something to unescape.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    refusal: Option<&'a RawValue>,
    #[serde(borrow)]
    image_url: Option<&'a RawValue>,
    #[serde(borrow)]
    input_audio: Option<&'a RawValue>,
    #[serde(borrow)]
    file: Option<&'a RawValue>,
}

/// A part that has nothing of what is known is a bare string, or of a kind that is new.
fn of_part(part: &RawValue, encoding: Encoding) -> u64 {
    let Ok(known) = serde_json::from_str::<Part<'_>>(part.get()) else {
        return of_text(part, encoding);
    };
    let Part { text, refusal, image_url, input_audio, file } = known;
    if [text, refusal, image_url, input_audio, file].iter().all(Option::is_none) {
        return encoding.count(part.get());
    }
    let texts: u64 = [text, refusal].into_iter().flatten().map(|it| of_text(it, encoding)).sum();
    let attached = |raw: &RawValue| (raw.get().len() as u64).div_ceil(ATTACHED_BYTES_PER_TOKEN);
    let attached: u64 = [input_audio, file].into_iter().flatten().map(attached).sum();
    texts + attached + image_url.map_or(0, of_image)
}

#[derive(Deserialize)]
struct Image<'a> {
    #[serde(borrow)]
    detail: Option<Cow<'a, str>>,
}

/// An object with a URL and perhaps a detail; some clients send the URL alone.
fn of_image(image: &RawValue) -> u64 {
    let image: Option<Image<'_>> = serde_json::from_str(image.get()).ok();
    match image.and_then(|image| image.detail).as_deref() {
        Some("low") => IMAGE_LOW,
        _ => IMAGE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(json: &str, encoding: Encoding) -> u64 {
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
        assert_eq!(count(messages, Encoding::Cl100k), 129);
        assert_eq!(count(messages, Encoding::O200k), 124);
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
        assert_eq!(parts, text + IMAGE_LOW + IMAGE + 1);
    }

    #[test]
    fn no_content_costs_nothing() {
        let empty = count(r#"[{"role": "user"}]"#, Encoding::O200k);
        assert_eq!(empty, 7);
        assert_eq!(count(r#"[{"role": "user", "content": null}]"#, Encoding::O200k), empty);
    }

    #[test]
    fn a_part_may_be_a_bare_string_and_an_image_a_bare_url() {
        let user = |content: &str| {
            count(&format!(r#"[{{"role": "user", "content": {content}}}]"#), Encoding::O200k)
        };
        assert_eq!(user(r#"["tiktoken is great!"]"#), user(r#""tiktoken is great!""#));
        let image = user(r#"[{"type": "image_url", "image_url": "https://h/x.png"}]"#);
        assert_eq!(image, user("null") + IMAGE);
    }

    #[test]
    fn what_is_not_known_counts_as_it_is_written() {
        for (messages, written) in [
            ("5", "5"),
            (r#"["hi there"]"#, r#""hi there""#),
            (r#"[{"role": "user", "content": {"x": "some text"}}]"#, r#"{"x": "some text"}"#),
            (
                r#"[{"role": "user", "content": [{"type": "new", "x": "text"}]}]"#,
                r#"{"type": "new", "x": "text"}"#,
            ),
        ] {
            assert!(
                count(messages, Encoding::O200k) >= Encoding::O200k.count(written),
                "{messages}"
            );
        }
    }
}
