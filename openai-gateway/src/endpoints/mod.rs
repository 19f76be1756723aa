//! What is served: the calls of OpenAI's and Anthropic's APIs that go on to providers.
//!
//! An endpoint says where it is, how its body is read, what is reserved for it, and how its answers
//! tell what they used ([`Endpoint`], [`Asked`]). Drawing, sending, trying again and settling are
//! the same for all. To add one:
//!
//! 1. a file here with a type that implements [`Asked`], its [`Endpoint`], and their tests;
//! 2. its place in [`ALL`]: its routes, its addresses at providers and its metrics follow from it;
//! 3. its row in `docs/gateway.md`, and a test that plays it in `http/tests/endpoints.rs`.

mod chat;
mod completions;
mod dialect;
mod embeddings;
mod images;
mod messages;
mod moderations;
mod rerank;
mod responses;
mod speech;
mod transcriptions;
pub mod usage;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

use crate::body::{BadRequest, JsonBody};
use crate::config::{BodyRules, Call, Reservation};
use crate::tokens::Encoding;
pub use dialect::{Dialect, anthropic_error, anthropic_kind};
use usage::{EventSaid, Used};

/// All of them.
pub const ALL: &[Endpoint] = &[
    chat::CHAT,
    completions::COMPLETIONS,
    embeddings::EMBEDDINGS,
    responses::RESPONSES,
    messages::MESSAGES,
    messages::COUNT_TOKENS,
    moderations::MODERATIONS,
    rerank::RERANK,
    images::GENERATIONS,
    speech::SPEECH,
    transcriptions::TRANSCRIPTIONS,
    transcriptions::TRANSLATIONS,
];

/// A call that goes on to providers.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint {
    /// Where it is, after `/v1` and after a provider's base.
    pub path: &'static str,
    /// Azure's clients name the model in its path: `/openai/deployments/{model}/..`.
    pub is_azure_s: bool,
    /// Every deployment serves it: one that answers 404 is at fault. Else it may just not have it.
    pub is_everywhere: bool,
    /// Whose protocol it is of: only deployments that speak it take its requests.
    pub dialect: Dialect,
    /// How its bodies are written.
    pub form: Form,
    /// Reads a request of it.
    pub read: for<'a> fn(Received<'a>) -> Result<Box<dyn Asked + 'a>, BadRequest>,
    /// What a whole answer says it used.
    pub used: fn(&[u8]) -> Option<Used>,
    /// What the data of a stream's event say.
    pub said: fn(&[u8]) -> EventSaid,
    /// Its answer is handed on as it comes, and says nothing of usage, unless it is a stream of
    /// events.
    pub is_raw: bool,
}

/// How bodies are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `application/json`
    Json,
    /// `multipart/form-data`
    Multipart,
}

/// A request as it came.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// The caller's headers.
    pub headers: &'a HeaderMap,
    /// The body, whole and not coded.
    pub body: &'a [u8],
}

/// A request, read.
pub trait Asked: Send + Sync {
    /// The JSON that it came as, if it did.
    fn json(&self) -> Option<&JsonBody<'_>> {
        None
    }

    /// The model group asked for, where the body says it.
    fn model(&self) -> Option<&str> {
        self.json()?.model.as_deref()
    }

    /// For which deployments it is, where they go by tags.
    fn tags(&self) -> &[String] {
        self.json().map_or(&[], |body| &body.tags)
    }

    /// The answer is to come as a stream of events.
    fn streams(&self) -> bool {
        false
    }

    /// Its stream may be told to end with its usage, which its caller didn't ask for and doesn't
    /// get.
    fn hides_usage(&self) -> bool {
        false
    }

    /// What to reserve for its input, tokens.
    fn input_tokens(&self, encoding: Encoding) -> u64;

    /// What to reserve for all the output that it allows, tokens; `default_output` where it doesn't
    /// bound it and is told no bound.
    fn output_tokens(&self, _reservation: Reservation, _default_output: u64) -> u64 {
        0
    }

    /// The body for a deployment that calls the model this. `asks_usage`: a stream is told to end
    /// with its usage.
    fn body(&self, model: &str, rules: &BodyRules, asks_usage: bool) -> Bytes;

    /// The headers that go with the body.
    fn headers(&self, headers: &mut HeaderMap) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
}

impl Endpoint {
    /// Where it is at providers.
    #[must_use]
    pub const fn call(&self) -> Call {
        Call { path: self.path, names_model: self.is_azure_s }
    }

    /// What most have in common. To be completed with a path and a reader.
    const OPENAI: Self = Self {
        path: "",
        is_azure_s: false,
        is_everywhere: false,
        dialect: Dialect::OpenAi,
        form: Form::Json,
        read: |_| Err(BadRequest { message: String::new(), param: None }),
        used: usage::of_answer,
        said: usage::of_event,
        is_raw: false,
    };
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_is_at_a_path_of_its_own() {
        let paths: HashSet<_> = ALL.iter().map(|endpoint| endpoint.path).collect();
        assert_eq!(paths.len(), ALL.len());
        assert!(paths.iter().all(|path| !path.is_empty() && !path.starts_with('/')));
    }
}
