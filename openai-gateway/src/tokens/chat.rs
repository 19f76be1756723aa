//! Chat, by the recipe of OpenAI's cookbook ("How to count tokens with tiktoken"): each message
//! costs three tokens besides its texts, a name one more, and the answer is primed with three.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Encoding;
use super::list::each_of;

const PER_MESSAGE: u64 = 3;
const PER_NAME: u64 = 1;
const PRIMING: u64 = 3;
/// An image of 1024 x 1024 in full detail, and any in low detail (OpenAI's vision guide).
const IMAGE: u64 = 765;
const IMAGE_LOW: u64 = 85;
/// The largest that Anthropic makes of an image.
const IMAGE_SOURCE: u64 = 1_600;
/// Bytes of an attached file's or sound's base64 that are taken for one token.
const ATTACHED_BYTES_PER_TOKEN: u64 = 1_024;
/// Parts may have parts in them, as results of tools do. What stands deeper than this counts as it
/// is written: to read it once for each of its levels would be a caller's way to keep a gateway
/// busy.
const MAX_DEPTH: usize = 3;

/// The tokens of a chat request's `messages`. What has a shape that isn't known here counts as the
/// JSON that it is written in, which errs to the safe side: providers take more than any gateway
/// knows, and say themselves what they do not take.
#[must_use]
pub fn message_tokens(messages: &RawValue, encoding: Encoding) -> u64 {
    let mut sum = PRIMING;
    let is_list =
        each_of(messages, |message| sum = sum.saturating_add(of_message(message, encoding)));
    if is_list { sum } else { encoding.count(messages.get()) }
}

/// The tokens of a Responses request's `input`: a text, or a list of items, of which messages are
/// one kind.
#[must_use]
pub fn item_tokens(input: &RawValue, encoding: Encoding) -> u64 {
    let mut sum = PRIMING;
    let is_list = each_of(input, |item| sum = sum.saturating_add(of_item(item, encoding)));
    if is_list { sum } else { PRIMING + PER_MESSAGE + of_text(input, encoding) }
}

/// The tokens of what a message, or what stands for one, has in it: a text, or a list of parts.
#[must_use]
pub fn content_tokens(content: &RawValue, encoding: Encoding) -> u64 {
    of_content(content, encoding, MAX_DEPTH)
}

/// How many tokens are taken for so many bytes of a file or a sound.
#[must_use]
pub const fn attached_tokens(bytes: u64) -> u64 {
    bytes.div_ceil(ATTACHED_BYTES_PER_TOKEN)
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    output: Option<&'a RawValue>,
}

/// A message, the result of a call, or what counts as it is written: calls, reasoning, whatever is
/// new.
fn of_item(item: &RawValue, encoding: Encoding) -> u64 {
    let as_written = || PER_MESSAGE + encoding.count(item.get());
    let Ok(Item { kind, content, output }) = serde_json::from_str(item.get()) else {
        return as_written();
    };
    let kind = kind.as_deref();
    let is_message = kind.is_none_or(|kind| kind == "message");
    let is_result = kind.is_none_or(|kind| kind.ends_with("_output"));
    match (content, output) {
        (Some(_), _) if is_message => of_message(item, encoding),
        (_, Some(output)) if is_result => PER_MESSAGE + content_tokens(output, encoding),
        _ => as_written(),
    }
}

#[derive(Deserialize)]
struct ChatMessage<'a> {
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
    let Ok(message) = serde_json::from_str::<ChatMessage<'_>>(message.get()) else {
        return PER_MESSAGE + encoding.count(message.get());
    };
    let role = message.role.map_or(0, |role| encoding.count(&role));
    let name = message.name.map_or(0, |name| encoding.count(&name) + PER_NAME);
    let calls = [message.tool_calls, message.function_call].into_iter().flatten();
    let calls: u64 = calls.map(|call| encoding.count(call.get())).sum();
    let content = message.content.map_or(0, |content| content_tokens(content, encoding));
    PER_MESSAGE + role + name + calls + content
}

/// A message's content is a text, a list of parts, one part, or nothing.
fn of_content(content: &RawValue, encoding: Encoding, depth: usize) -> u64 {
    let mut sum = 0u64;
    let is_list = each_of(content, |part| sum = sum.saturating_add(of_part(part, encoding, depth)));
    match content.get() {
        _ if is_list => sum,
        "null" => 0,
        object if object.starts_with('{') => of_part(content, encoding, depth),
        _ => of_text(content, encoding),
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
struct ContentPart<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
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
    /// Of a file, in Responses.
    #[serde(borrow)]
    file_data: Option<&'a RawValue>,
    /// Of an image or a document, with Anthropic.
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    /// Of a tool's result, with Anthropic.
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

/// A part that has nothing of what is known is a bare string, or of a kind that is new.
fn of_part(part: &RawValue, encoding: Encoding, depth: usize) -> u64 {
    let Ok(known) = serde_json::from_str::<ContentPart<'_>>(part.get()) else {
        return of_text(part, encoding);
    };
    let is_image = known.kind.as_deref() == Some("image");
    let ContentPart {
        text, refusal, image_url, input_audio, file, file_data, source, content, ..
    } = known;
    let all = [text, refusal, image_url, input_audio, file, file_data, source, content];
    if all.iter().all(Option::is_none) || (content.is_some() && depth == 0) {
        return encoding.count(part.get());
    }
    let texts: u64 = [text, refusal].into_iter().flatten().map(|it| of_text(it, encoding)).sum();
    let document = source.filter(|_| !is_image);
    let document = document.map_or(0, |source| of_document(source, encoding, depth));
    let attached = [input_audio, file, file_data].into_iter().flatten();
    let attached: u64 = attached.map(|raw| attached_tokens(raw.get().len() as u64)).sum();
    let images = image_url.map_or(0, of_image);
    let sources = source.filter(|_| is_image).map_or(0, |_| IMAGE_SOURCE);
    let inner = content.map_or(0, |content| of_content(content, encoding, depth.saturating_sub(1)));
    texts + attached + images + sources + document + inner
}

#[derive(Deserialize)]
struct Source<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

/// A document, with Anthropic: a text, parts, or a file.
fn of_document(source: &RawValue, encoding: Encoding, depth: usize) -> u64 {
    let as_written = || encoding.count(source.get());
    let Ok(known) = serde_json::from_str::<Source<'_>>(source.get()) else { return as_written() };
    match (&*known.kind, known.data, known.content) {
        ("text", Some(text), _) => of_text(text, encoding),
        ("content", _, Some(parts)) if depth > 0 => of_content(parts, encoding, depth - 1),
        ("base64" | "url" | "file", ..) => attached_tokens(source.get().len() as u64),
        _ => as_written(),
    }
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
    fn items_are_counted() {
        let items = |json: &str| item_tokens(serde_json::from_str(json).unwrap(), Encoding::O200k);
        let message = r#"[{"role": "user", "content": "tiktoken is great!"}]"#;
        assert_eq!(items(message), count(message, Encoding::O200k));
        assert_eq!(items(r#""tiktoken is great!""#), PRIMING + PER_MESSAGE + 6);
        let call = r#"{"type": "function_call", "name": "f", "arguments": "{}"}"#;
        let as_written = PRIMING + PER_MESSAGE + Encoding::O200k.count(call);
        assert_eq!(items(&format!("[{call}]")), as_written);
        let result = r#"[{"type": "function_call_output", "output": "tiktoken is great!"}]"#;
        assert_eq!(items(result), PRIMING + PER_MESSAGE + 6);
        for item in [
            r#"{"type": "reasoning", "content": [], "encrypted_content": "tiktoken is great!"}"#,
            r#"{"type": "mcp_call", "arguments": "tiktoken is great!", "output": ""}"#,
        ] {
            let as_written = PRIMING + PER_MESSAGE + Encoding::O200k.count(item);
            assert_eq!(items(&format!("[{item}]")), as_written);
        }
        let data = "A".repeat(4 << 20);
        let shot = format!(r#"[{{"output": {{"type": "x", "image_url": "data:..{data}"}}}}]"#);
        assert_eq!(items(&shot), PRIMING + PER_MESSAGE + IMAGE);
    }

    #[test]
    fn anthropic_s_parts_are_counted() {
        let data = "A".repeat(4 << 20);
        let source = format!(r#"{{"type": "base64", "data": "{data}"}}"#);
        let parts = |parts: &str| {
            let parts = format!("[{parts}]");
            content_tokens(serde_json::from_str(&parts).unwrap(), Encoding::O200k)
        };
        let image = format!(r#"{{"type": "image", "source": {source}}}"#);
        assert_eq!(parts(&image), IMAGE_SOURCE);
        let document = format!(r#"{{"type": "document", "source": {source}}}"#);
        assert!((4_096..4_200).contains(&parts(&document)));
        let text = "tiktoken is great! ".repeat(1_000);
        let as_text = Encoding::O200k.count(&text);
        for source in [
            format!(r#"{{"type": "text", "media_type": "text/plain", "data": "{text}"}}"#),
            format!(r#"{{"type": "content", "content": "{text}"}}"#),
            format!(r#"{{"type": "content", "content": [{{"type": "text", "text": "{text}"}}]}}"#),
        ] {
            assert_eq!(parts(&format!(r#"{{"type": "document", "source": {source}}}"#)), as_text);
        }
        let new = format!(r#"{{"type": "document", "source": {{"type": "new", "x": "{text}"}}}}"#);
        assert!(parts(&new) >= as_text);
        let result = format!(r#"{{"type": "tool_result", "content": [{image}, {image}]}}"#);
        assert_eq!(parts(&result), 2 * IMAGE_SOURCE);
    }

    #[test]
    fn what_stands_too_deep_counts_as_it_is_written() {
        let nested = |depth: usize| {
            let (open, close) = (r#"[{"content": "#.repeat(depth), "}]".repeat(depth));
            let nested = format!(r#"{open}"tiktoken is great!"{close}"#);
            content_tokens(serde_json::from_str(&nested).unwrap(), Encoding::O200k)
        };
        assert_eq!((nested(1), nested(MAX_DEPTH)), (6, 6));
        assert!(nested(MAX_DEPTH + 1) > 6);
        assert!(nested(100_000) > 100_000, "as it is written, and at once");
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
