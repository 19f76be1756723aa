use std::borrow::Cow;

use serde_json::value::RawValue;

use super::fields::{BadRequest, Fields, text};
use crate::config::BodyRules;
use crate::tokens::{Encoding, embedding_tokens};

/// Defaults of a deployment that mean something here.
const FIELDS: [&str; 3] = ["dimensions", "encoding_format", "user"];

/// The body of `POST /v1/embeddings`.
#[derive(Debug)]
pub struct EmbeddingsBody<'a> {
    fields: Fields<'a>,
    /// The model group asked for, where the body says it.
    pub model: Option<Cow<'a, str>>,
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
            model: fields.parse("model")?,
            input: fields.raw("input").ok_or_else(|| BadRequest::about("input", "is required"))?,
            fields,
        })
    }

    /// Its tokens.
    #[must_use]
    pub fn tokens(&self, encoding: Encoding) -> u64 {
        embedding_tokens(self.input, encoding)
    }

    /// The body for a deployment that calls the model this. Of its defaults only a few are for embeddings.
    #[must_use]
    pub fn for_model(&self, model: &str, rules: &BodyRules) -> String {
        let name = text(model);
        let mut edit = self.fields.edited(rules, model, |field| FIELDS.contains(&field));
        edit.set("model", &name);
        edit.finish()
    }
}
