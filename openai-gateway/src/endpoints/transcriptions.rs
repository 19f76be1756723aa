//! `POST /v1/audio/transcriptions` and `/v1/audio/translations`: forms with a file, which go on
//! byte for byte.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

use super::{Asked, Endpoint, Form as Kind, Received};
use crate::body::{BadRequest, Multipart};
use crate::config::BodyRules;
use crate::tokens::{Encoding, attached_tokens};

pub(super) const TRANSCRIPTIONS: Endpoint = Endpoint { path: "audio/transcriptions", ..FORM };
pub(super) const TRANSLATIONS: Endpoint = Endpoint { path: "audio/translations", ..FORM };

const FORM: Endpoint = Endpoint {
    is_azure_s: true,
    form: Kind::Multipart,
    read: |received| Ok(Box::new(Sound::read(received)?)),
    ..Endpoint::OPENAI
};

/// A sound to be written down.
#[derive(Debug)]
struct Sound<'a> {
    content_type: &'a HeaderValue,
    form: Multipart<'a>,
    model: Option<&'a str>,
    prompt: Option<&'a str>,
    stream: bool,
}

impl<'a> Sound<'a> {
    fn read(received: Received<'a>) -> Result<Self, BadRequest> {
        let content_type = received.headers.get(CONTENT_TYPE);
        let said = content_type.and_then(|kind| Some((kind, kind.to_str().ok()?)));
        let no_form = || BadRequest { message: "the body is no form".to_owned(), param: None };
        let (content_type, text) = said.ok_or_else(no_form)?;
        let form = Multipart::read(text, received.body)?;
        let stream = form.text("stream")?.is_some_and(|stream| stream.eq_ignore_ascii_case("true"));
        let (model, prompt) = (form.text("model")?, form.text("prompt")?);
        Ok(Self { content_type, form, model, prompt, stream })
    }
}

impl Asked for Sound<'_> {
    fn model(&self) -> Option<&str> {
        self.model
    }

    fn streams(&self) -> bool {
        self.stream
    }

    /// A guess, by the file's size: how long it sounds nobody knows before it is decoded.
    fn input_tokens(&self, encoding: Encoding) -> u64 {
        let prompt = self.prompt.map_or(0, |prompt| encoding.count(prompt));
        attached_tokens(self.form.file_bytes() as u64) + prompt
    }

    fn body(&self, model: &str, _rules: &BodyRules, _asks_usage: bool) -> Bytes {
        self.form.for_model(model)
    }

    fn headers(&self, headers: &mut HeaderMap) {
        headers.insert(CONTENT_TYPE, self.content_type.clone());
    }
}
