use std::borrow::Cow;

use bytes::Bytes;
use serde_json::value::RawValue;

use super::fields::{BadRequest, Edit, Fields, json, text};
use crate::config::BodyRules;

/// The tags of a request, as they are written, bytes. Each is compared with those of every
/// deployment.
const MAX_TAGS_BYTES: usize = 16 << 10;

/// A body of JSON, and what all endpoints have in it.
#[derive(Debug)]
pub struct JsonBody<'a> {
    /// Its fields.
    pub fields: Fields<'a>,
    /// The model group asked for, where the body says it.
    pub model: Option<Cow<'a, str>>,
    /// For which deployments it is, where they go by tags (`metadata.tags`).
    pub tags: Vec<String>,
    /// The answer is to come in pieces.
    pub stream: bool,
}

impl<'a> JsonBody<'a> {
    /// Reads it.
    ///
    /// # Errors
    /// It is no object, or one of these fields has a wrong type.
    pub fn read(body: &'a [u8]) -> Result<Self, BadRequest> {
        let fields = Fields::read(body)?;
        Ok(Self {
            model: fields.parse("model")?,
            tags: tags(&fields)?,
            stream: fields.parse("stream")?.unwrap_or(false),
            fields,
        })
    }

    /// A field that must be there, as it was written.
    ///
    /// # Errors
    /// It isn't.
    pub fn required(&self, name: &'static str) -> Result<&'a RawValue, BadRequest> {
        self.fields.raw(name).ok_or_else(|| BadRequest::about(name, "is required"))
    }

    /// The body for a deployment that calls the model this: with those of its defaults that are
    /// wanted, its overrides, and whatever the endpoint edits besides. Tags are the gateway's
    /// affair.
    #[must_use]
    pub fn for_model<'e>(
        &'e self,
        model: &str,
        rules: &'e BodyRules,
        wants: impl Fn(&str) -> bool,
        edits: impl FnOnce(&mut Edit<'e>),
    ) -> Bytes {
        let metadata = (!self.tags.is_empty()).then(|| self.fields.raw("metadata")).flatten();
        let metadata = metadata.and_then(|raw| Fields::read(raw.get().as_bytes()).ok());
        let metadata = metadata.map(|fields| fields.without("tags"));
        let mut edit = self.fields.edited(rules, model, wants);
        edits(&mut edit);
        edit.put("model", text(model));
        if let Some(metadata) = metadata {
            edit.put("metadata", json(metadata));
        }
        edit.finish().into()
    }
}

/// LiteLLM's `metadata.tags`. Metadata of any other shape is the provider's affair.
fn tags(fields: &Fields<'_>) -> Result<Vec<String>, BadRequest> {
    let metadata = fields.raw("metadata").map(|raw| Fields::read(raw.get().as_bytes()));
    let Some(Ok(metadata)) = metadata else { return Ok(Vec::new()) };
    let Some(tags) = metadata.raw("tags").map(RawValue::get) else { return Ok(Vec::new()) };
    if tags.len() > MAX_TAGS_BYTES {
        return Err(BadRequest::about("metadata", "has more tags than are looked at"));
    }
    Ok(serde_json::from_str(tags).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(body: &str) -> serde_json::Value {
        let body = JsonBody::read(body.as_bytes()).unwrap();
        let sent = body.for_model("there", &BodyRules::default(), |_| true, |_| ());
        serde_json::from_slice(&sent).unwrap()
    }

    #[test]
    fn tags_stay_here() {
        let tagged = r#"{"model":"m","metadata":{"user":"u","tags":["eu","paid"]}}"#;
        assert_eq!(JsonBody::read(tagged.as_bytes()).unwrap().tags, ["eu", "paid"]);
        assert_eq!(sent(tagged)["metadata"], serde_json::json!({"user": "u"}));
        for strange in [r#"{"metadata":5}"#, r#"{"metadata":{"tags":"eu"}}"#] {
            assert!(JsonBody::read(strange.as_bytes()).unwrap().tags.is_empty());
            let as_written: serde_json::Value = serde_json::from_str(strange).unwrap();
            assert_eq!(sent(strange)["metadata"], as_written["metadata"]);
        }
    }

    #[test]
    fn tags_without_end_are_refused() {
        let tagged = |count| {
            let tags = vec![r#""""#; count].join(",");
            format!(r#"{{"metadata":{{"tags":[{tags}]}}}}"#)
        };
        assert_eq!(JsonBody::read(tagged(5_000).as_bytes()).unwrap().tags.len(), 5_000);
        let refused = JsonBody::read(tagged(6_000).as_bytes()).unwrap_err();
        assert_eq!(refused.param, Some("metadata"));
    }
}
