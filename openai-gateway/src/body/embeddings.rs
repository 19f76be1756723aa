use std::borrow::Cow;

use serde_json::value::RawValue;

use super::fields::{BadRequest, Fields, text};
use crate::tokens::{Encoding, embedding_tokens};

/// The body of `POST /v1/embeddings`.
#[derive(Debug)]
pub struct EmbeddingsBody<'a> {
    fields: Fields<'a>,
    /// The model group asked for.
    pub model: Cow<'a, str>,
    input: &'a RawValue,
}

impl<'a> EmbeddingsBody<'a> {
    /// Reads it.
    ///
    /// # Errors
    /// It isn't one.
    pub fn read(body: &'a [u8]) -> Result<Self, BadRequest> {
        let fields = Fields::read(body)?;
        Ok(Self {
            model: fields.required("model")?,
            input: fields.raw("input").ok_or_else(|| BadRequest::about("input", "is required"))?,
            fields,
        })
    }

    /// Its tokens.
    ///
    /// # Errors
    /// The input is nothing that can be embedded.
    pub fn tokens(&self, encoding: Encoding) -> Result<u64, BadRequest> {
        embedding_tokens(self.input, encoding).map_err(|error| BadRequest::about("input", error))
    }

    /// The body for a provider that calls the model this.
    #[must_use]
    pub fn for_model(&self, model: &str) -> String {
        self.fields.with(&[("model", &text(model))])
    }
}
