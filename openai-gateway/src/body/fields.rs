use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::config::BodyRules;

/// What is wrong with a request.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct BadRequest {
    /// In words, for the caller.
    pub message: String,
    /// The field that it is about.
    pub param: Option<&'static str>,
}

impl BadRequest {
    /// Something is wrong with this field.
    pub fn about(param: &'static str, what: impl fmt::Display) -> Self {
        Self { message: format!("`{param}`: {what}"), param: Some(param) }
    }
}

/// What a field may have to be.
pub trait Shape<'a>: Deserialize<'a> {
    /// What callers call it.
    const NAME: &'static str;
}

impl Shape<'_> for u64 {
    const NAME: &'static str = "a whole number, 0 or more";
}

impl Shape<'_> for bool {
    const NAME: &'static str = "true or false";
}

impl<'a> Shape<'a> for Cow<'a, str> {
    const NAME: &'static str = "a string";
}

impl<'a> Shape<'a> for Fields<'a> {
    const NAME: &'static str = "an object, with each field once";
}

/// The fields of a JSON object, each as it was written.
#[derive(Debug, Default)]
pub struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// Reads the body as one object. A field that comes twice is refused: the gateway and the
    /// provider might each believe another one.
    ///
    /// # Errors
    /// It is no such object.
    pub fn read(body: &'a [u8]) -> Result<Self, BadRequest> {
        serde_json::from_slice(body).map_err(|error| BadRequest {
            message: format!("the body is not a JSON object: {error}"),
            param: None,
        })
    }

    /// The field as it was written, unless it is absent or null.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&'a RawValue> {
        let (_, value) = self.0.iter().find(|(field, _)| field == name)?;
        (value.get() != "null").then_some(*value)
    }

    /// The field, unless it is absent or null.
    ///
    /// # Errors
    /// It isn't a `T`.
    pub fn parse<T: Shape<'a>>(&self, name: &'static str) -> Result<Option<T>, BadRequest> {
        self.raw(name)
            .map(|value| serde_json::from_str(value.get()))
            .transpose()
            .map_err(|_| BadRequest::about(name, format_args!("must be {}", T::NAME)))
    }

    /// The field, which must be there.
    ///
    /// # Errors
    /// It isn't there, or isn't a `T`.
    pub fn required<T: Shape<'a>>(&self, name: &'static str) -> Result<T, BadRequest> {
        self.parse(name)?.ok_or_else(|| BadRequest::about(name, "is required"))
    }

    /// The object without this field.
    #[must_use]
    pub fn without(&self, name: &str) -> String {
        Self(self.0.iter().filter(|(field, _)| field != name).cloned().collect()).with(&[])
    }

    /// The object with these fields set, in their place if they have one, else at the end.
    #[must_use]
    pub fn with(&self, set: &[(&str, &RawValue)]) -> String {
        let mut edit = Edit::of(self);
        set.iter().for_each(|(name, value)| edit.set(name, value));
        edit.finish()
    }

    /// The object as a deployment of this model wants it, but for its model's name.
    /// Of the deployment's defaults only those count that the predicate wants.
    #[must_use]
    pub fn edited<'e>(
        &'e self,
        rules: &'e BodyRules,
        model: &str,
        wants: impl Fn(&str) -> bool,
    ) -> Edit<'e> {
        let mut edit = Edit::of(self);
        edit.0.retain(|(name, _)| !rules.drops(name, model));
        for (name, value) in rules.defaults.iter().filter(|(name, _)| wants(name)) {
            let is_bound = BodyRules::OUTPUT_BOUNDS.contains(&name.as_str());
            let absent = match is_bound {
                true => BodyRules::OUTPUT_BOUNDS.iter().all(|bound| self.raw(bound).is_none()),
                false => self.raw(name).is_none(),
            };
            if absent {
                edit.set(name, value);
            }
        }
        rules.overrides.iter().for_each(|(name, value)| edit.set(name, value));
        edit
    }
}

/// An object on its way to a provider.
pub struct Edit<'a>(Vec<(&'a str, Cow<'a, RawValue>)>);

impl<'a> Edit<'a> {
    fn of(fields: &'a Fields<'_>) -> Self {
        Self(fields.0.iter().map(|(name, value)| (&**name, Cow::Borrowed(*value))).collect())
    }

    /// Sets a field in its place, or at the end.
    pub fn set(&mut self, name: &'a str, value: &'a RawValue) {
        self.place(name, Cow::Borrowed(value));
    }

    /// The same with a value that was made for it.
    pub fn put(&mut self, name: &'a str, value: Box<RawValue>) {
        self.place(name, Cow::Owned(value));
    }

    fn place(&mut self, name: &'a str, value: Cow<'a, RawValue>) {
        match self.0.iter_mut().find(|(field, _)| *field == name) {
            Some(field) => field.1 = value,
            None => self.0.push((name, value)),
        }
    }

    /// Gives a field that is there and not null another name; whatever has that name goes.
    pub fn rename(&mut self, from: &str, to: &'a str) {
        let found = self.0.iter().position(|(name, value)| *name == from && value.get() != "null");
        if let Some(index) = found {
            self.0[index].0 = to;
            let mut position = 0..;
            self.0.retain(|(name, _)| position.next() == Some(index) || *name != to);
        }
    }

    /// The object as JSON.
    #[must_use]
    pub fn finish(self) -> String {
        let size: usize =
            self.0.iter().map(|(name, value)| name.len() + value.get().len() + 8).sum();
        let mut out = String::with_capacity(size + 8);
        self.0.iter().for_each(|(name, value)| append(&mut out, name, value));
        out.push_str(if out.is_empty() { "{}" } else { "}" });
        out
    }
}

fn append(out: &mut String, name: &str, value: &RawValue) {
    out.push(if out.is_empty() { '{' } else { ',' });
    out.push_str(text(name).get());
    out.push(':');
    out.push_str(value.get());
}

/// A text as JSON.
#[must_use]
pub fn text(text: &str) -> Box<RawValue> {
    serde_json::value::to_raw_value(text).expect("a str can always be written as JSON")
}

/// What was written here as JSON.
///
/// # Panics
/// It isn't.
#[must_use]
pub fn json(text: impl Into<String>) -> Box<RawValue> {
    RawValue::from_string(text.into()).expect("it is written here as JSON")
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Object)
    }
}

struct Object;

impl<'de> Visitor<'de> for Object {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::with_capacity(16);
        while let Some((Name(name), value)) = map.next_entry()? {
            if fields.iter().any(|(field, _)| *field == name) {
                return Err(A::Error::custom(format_args!("the field {name:?} comes twice")));
            }
            if fields.len() == MAX_FIELDS {
                return Err(A::Error::custom("too many fields"));
            }
            fields.push((name, value));
        }
        Ok(Fields(fields))
    }
}

/// Far above what any API has; it bounds the work of looking for fields that come twice.
const MAX_FIELDS: usize = 256;

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_stays_as_written() {
        let body = br#"{ "model":"a", "seed":12345678901234567890123, "x": {"b" : 1e2, "a":[ ]}}"#;
        let out = Fields::read(body).unwrap().with(&[("model", &text("b\"")), ("new", &text("v"))]);
        assert_eq!(
            out,
            r#"{"model":"b\"","seed":12345678901234567890123,"x":{"b" : 1e2, "a":[ ]},"new":"v"}"#
        );
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in
            ["", "[]", "5", "{", r#"{"a":1}x"#, r#"{"a":1,"\u0061":2}"#, "{\"a\":\"\u{1}\"}"]
        {
            assert!(Fields::read(body.as_bytes()).is_err(), "{body}");
        }
        assert!(Fields::read(b"{\"a\":\"\xff\"}").is_err());
    }

    #[test]
    fn null_is_absent() {
        let fields = Fields::read(br#"{"n":null,"m":1}"#).unwrap();
        assert_eq!(fields.parse::<u64>("n").unwrap(), None);
        assert_eq!(fields.parse::<u64>("m").unwrap(), Some(1));
        assert_eq!(fields.required::<u64>("n").unwrap_err().param, Some("n"));
    }

    #[test]
    fn a_wrong_type_names_the_field() {
        let fields = Fields::read(br#"{"max_tokens":"many"}"#).unwrap();
        let bad = fields.parse::<u64>("max_tokens").unwrap_err();
        assert_eq!(bad.param, Some("max_tokens"));
    }
}
