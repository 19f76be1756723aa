//! What answers say of usage, in the shapes that public servers send.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// What an answer says was used, tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// In all.
    pub total: u64,
    /// Of these, what was made.
    pub output: u64,
}

/// What was said of usage so far, tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
}

impl Counts {
    /// With what was said later. Of an input that is told twice the larger counts.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        Self {
            input: self.input.max(later.input),
            output: later.output.or(self.output),
            total: later.total.or(self.total),
        }
    }

    /// The sum, where all of it is known. Nought is no usage: no request is free, so the provider
    /// just didn't say.
    #[must_use]
    pub fn used(self) -> Option<Used> {
        let parts = || self.input?.checked_add(self.output?);
        let total = self.total.or_else(parts).filter(|&tokens| tokens > 0)?;
        Some(Used { total, output: self.output.unwrap_or(0) })
    }

    /// The same where what isn't said of output is none.
    fn whole(self) -> Self {
        Self { output: self.output.or(Some(0)), ..self }
    }
}

/// What an event of a stream says.
#[derive(Debug, PartialEq, Eq)]
pub enum EventSaid {
    /// What was used so far, beside a piece of the answer.
    SoFar(Counts),
    /// What was used in all, and nothing else: it came since the gateway asked for it.
    Usage(Counts),
    /// The stream is complete.
    Done(Counts),
    /// Anything else.
    Other,
}

/// A provider's `usage`, by OpenAI's two sets of names, of which Anthropic has one.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Usage {
    #[serde(deserialize_with = "whole")]
    prompt_tokens: Option<u64>,
    #[serde(deserialize_with = "whole")]
    completion_tokens: Option<u64>,
    #[serde(deserialize_with = "whole")]
    input_tokens: Option<u64>,
    #[serde(deserialize_with = "whole")]
    output_tokens: Option<u64>,
    #[serde(deserialize_with = "whole")]
    total_tokens: Option<u64>,
    /// Anthropic's, beside `input_tokens`.
    #[serde(deserialize_with = "whole")]
    cache_creation_input_tokens: Option<u64>,
    #[serde(deserialize_with = "whole")]
    cache_read_input_tokens: Option<u64>,
}

impl Usage {
    fn counts(self) -> Counts {
        let cached = [self.cache_creation_input_tokens, self.cache_read_input_tokens];
        let with_cached =
            |input: u64| cached.into_iter().flatten().fold(input, u64::saturating_add);
        Counts {
            input: self.prompt_tokens.or_else(|| self.input_tokens.map(with_cached)),
            output: self.completion_tokens.or(self.output_tokens),
            total: self.total_tokens,
        }
    }
}

/// What of a whole answer says something of usage.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Whole<'a> {
    usage: Option<Usage>,
    #[serde(borrow)]
    meta: Option<&'a RawValue>,
}

/// Cohere's.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Meta {
    tokens: Option<Usage>,
}

/// Of a whole answer; `None` where it doesn't say.
#[must_use]
pub fn of_answer(answer: &[u8]) -> Option<Used> {
    let whole: Whole<'_> = serde_json::from_slice(answer).ok()?;
    let of_meta = || serde_json::from_str::<Meta>(whole.meta?.get()).ok()?.tokens;
    whole.usage.or_else(of_meta)?.counts().whole().used()
}

/// What of an event of a chat's stream does.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Chunk {
    usage: Option<Usage>,
    choices: Vec<IgnoredAny>,
}

/// Of an event of a chat's stream, by its data. An event with nothing but the usage came since it
/// was asked for.
#[must_use]
pub fn of_chat_event(data: &[u8]) -> EventSaid {
    if data == b"[DONE]" {
        return EventSaid::Done(Counts::default());
    }
    let Some(Chunk { usage: Some(usage), choices }) = telling(data) else {
        return EventSaid::Other;
    };
    let counts = usage.counts().whole();
    match (counts.used(), choices.is_empty()) {
        (Some(_), true) => EventSaid::Usage(counts),
        (Some(_), false) => EventSaid::SoFar(counts),
        (None, _) => EventSaid::Other,
    }
}

/// What of an event of another stream does. Some have it in the answer that they tell of.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a str>,
    usage: Option<Usage>,
    response: Option<WholeAnswer>,
    message: Option<WholeAnswer>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WholeAnswer {
    usage: Option<Usage>,
}

/// Of an event of any other stream of OpenAI's, likewise. Responses ends with one that has all of
/// its answer.
#[must_use]
pub fn of_event(data: &[u8]) -> EventSaid {
    if data == b"[DONE]" {
        return EventSaid::Done(Counts::default());
    }
    let Some(event) = telling::<Event<'_>>(data) else { return EventSaid::Other };
    let usage = event.usage.or_else(|| event.response?.usage);
    let counts = usage.map(|usage| usage.counts().whole());
    let Some(counts) = counts.filter(|counts| counts.used().is_some()) else {
        return EventSaid::Other;
    };
    match event.kind {
        Some("response.completed" | "response.incomplete" | "response.failed") => {
            EventSaid::Done(counts)
        }
        _ => EventSaid::SoFar(counts),
    }
}

/// Of an event of Anthropic's streams, likewise. The first tells the input, and of the output only
/// what there is by then; those near the end tell the output so far.
#[must_use]
pub fn of_anthropic_event(data: &[u8]) -> EventSaid {
    if data.len() < 64 && data.windows(14).any(|window| window == b"\"message_stop\"") {
        return EventSaid::Done(Counts::default());
    }
    let Some(event) = telling::<Event<'_>>(data) else { return EventSaid::Other };
    let begun = event.message.and_then(|message| message.usage);
    match (event.kind, begun, event.usage) {
        (Some("message_start"), Some(usage), _) => {
            EventSaid::SoFar(Counts { output: None, ..usage.counts() })
        }
        (Some("message_delta"), _, Some(usage)) => EventSaid::SoFar(usage.counts()),
        _ => EventSaid::Other,
    }
}

/// Most events say nothing of usage: they aren't parsed.
fn telling<'a, T: Deserialize<'a>>(data: &'a [u8]) -> Option<T> {
    let names_it = data.windows(7).any(|window| window == b"\"usage\"");
    names_it.then(|| serde_json::from_slice(data).ok()).flatten()
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
            (r#"{"usage":{"input_tokens":5,"output_tokens":7,"total_tokens":12}}"#, Some((12, 7))),
            (
                r#"{"usage":{"input_tokens":5,"cache_creation_input_tokens":3,"cache_read_input_tokens":2,"output_tokens":7}}"#,
                Some((17, 7)),
            ),
            (
                r#"{"usage":{"prompt_tokens":5,"input_tokens":5,"cache_read_input_tokens":2,"completion_tokens":7}}"#,
                Some((12, 7)),
            ),
            (r#"{"meta":{"tokens":{"input_tokens":8}}}"#, Some((8, 0))),
            (
                r#"{"choices":null,"response":"a","meta":5,"usage":{"total_tokens":9}}"#,
                Some((9, 0)),
            ),
            (r#"{"meta":"x"}"#, None),
            (r#"{"usage":null}"#, None),
            (r#"{"usage":{}}"#, None),
            ("{}", None),
            ("<html>", None),
        ] {
            let used = of_answer(answer.as_bytes()).map(|used| (used.total, used.output));
            assert_eq!(used, tokens, "{answer}");
        }
    }

    const fn counts(input: Option<u64>, output: Option<u64>, total: Option<u64>) -> Counts {
        Counts { input, output, total }
    }

    const NINE: Counts = counts(None, Some(0), Some(9));

    #[test]
    fn usage_is_found_in_a_chat_s_events() {
        for (data, said) in [
            (r#"{"choices":[],"usage":{"total_tokens":9}}"#, EventSaid::Usage(NINE)),
            (r#"{"choices":[{"x":1}],"usage":{"total_tokens":9}}"#, EventSaid::SoFar(NINE)),
            (r#"{"choices":[{}],"usage":null}"#, EventSaid::Other),
            (r#"{"choices":[{"delta":{"content":"\"usage\""}}]}"#, EventSaid::Other),
            (r#"{"usage" broken"#, EventSaid::Other),
            ("[DONE]", EventSaid::Done(Counts::default())),
        ] {
            assert_eq!(of_chat_event(data.as_bytes()), said, "{data}");
        }
    }

    #[test]
    fn usage_is_found_in_other_events() {
        let completed = r#"{"type":"response.completed","response":{"usage":{"input_tokens":5,"output_tokens":7,"total_tokens":12}}}"#;
        let said = EventSaid::Done(counts(Some(5), Some(7), Some(12)));
        assert_eq!(of_event(completed.as_bytes()), said);
        for (data, said) in [
            (r#"{"type":"response.created","response":{"usage":null}}"#, EventSaid::Other),
            (
                r#"{"type":"transcript.text.done","usage":{"total_tokens":9}}"#,
                EventSaid::SoFar(NINE),
            ),
            (
                r#"{"type":"transcript.text.done","usage":{"type":"duration","seconds":9}}"#,
                EventSaid::Other,
            ),
        ] {
            assert_eq!(of_event(data.as_bytes()), said, "{data}");
        }
    }

    #[test]
    fn usage_is_found_in_anthropic_s_events() {
        let start = r#"{"type":"message_start","message":{"id":"m","usage":{"input_tokens":25,"cache_read_input_tokens":5,"output_tokens":1}}}"#;
        let delta = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":15}}"#;
        let EventSaid::SoFar(begun) = of_anthropic_event(start.as_bytes()) else {
            panic!("{start}")
        };
        assert_eq!(begun.used(), None);
        let EventSaid::SoFar(ended) = of_anthropic_event(delta.as_bytes()) else {
            panic!("{delta}")
        };
        assert_eq!(begun.and(ended).used(), Some(Used { total: 45, output: 15 }));
        let done = EventSaid::Done(Counts::default());
        assert_eq!(of_anthropic_event(br#"{"type":"message_stop"}"#), done);
        let text = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\"usage\" \"message_stop\""}}"#;
        assert_eq!(of_anthropic_event(text.as_bytes()), EventSaid::Other);
    }

    #[test]
    fn what_is_told_in_parts_is_put_together() {
        let begun = counts(Some(20), None, None);
        assert_eq!(begun.used(), None, "the output is not known");
        let ended = begun.and(counts(None, Some(3), None)).and(counts(Some(5), Some(7), None));
        assert_eq!(ended.used(), Some(Used { total: 27, output: 7 }));
        let last = NINE.and(counts(None, None, Some(12)));
        assert_eq!(last.used().map(|used| used.total), Some(12));
    }
}
