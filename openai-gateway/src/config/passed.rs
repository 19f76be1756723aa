//! What an entry passes on to its provider with each request: headers, and fields of the body.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::body::BodyRules;
use super::report::Report;
use super::section::{self, Section};

/// Names that the connection itself has a use for.
const HELD_BACK: &[&str] = &[
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(super) fn headers(params: &mut Section<'_>, report: &mut Report) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let organization = params.read("organization", report, |node, environment| {
        sensitive(&section::text(node, environment)?)
    });
    if let Some(organization) = organization {
        headers.insert("openai-organization", organization);
    }
    for name in ["headers", "extra_headers"] {
        let more = params.read(name, report, |node, environment| {
            let Json::Object(fields) = section::json(node, environment)? else {
                return Err(format!("names with values belong here, not {}", node.kind()));
            };
            fields.iter().map(|(name, value)| header(name, value)).collect::<Result<Vec<_>, _>>()
        });
        // Each once: what comes later stands, as with LiteLLM.
        for (name, value) in more.into_iter().flatten() {
            headers.insert(name, value);
        }
    }
    headers
}

fn header(name: &str, value: &Json) -> Result<(HeaderName, HeaderValue), String> {
    let parsed = HeaderName::try_from(name).map_err(|_| format!("{name:?} is no header's name"))?;
    if HELD_BACK.contains(&parsed.as_str()) {
        return Err(format!("{name} is the connection's own"));
    }
    let text = match value {
        Json::String(text) => text.clone(),
        Json::Number(_) | Json::Bool(_) => value.to_string(),
        _ => return Err(format!("{name} has no single value")),
    };
    Ok((parsed, sensitive(&text)?))
}

fn sensitive(text: &str) -> Result<HeaderValue, String> {
    let value = HeaderValue::from_str(text);
    let mut value = value.map_err(|_| "a header can't carry this value".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

/// Fields that say what is asked, or how much may be used: a request is counted before they would
/// be set. As `litellm_params` the table of keys has them all.
const COUNTED: &[&str] = &[
    "model",
    "messages",
    "input",
    "tools",
    "functions",
    "response_format",
    "n",
    "stream",
    "stream_options",
    MAX_TOKENS,
    MAX_COMPLETION_TOKENS,
];
const MAX_TOKENS: &str = "max_tokens";
const MAX_COMPLETION_TOKENS: &str = "max_completion_tokens";

pub(super) fn body(
    params: &mut Section<'_>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    report: &mut Report,
) -> BodyRules {
    let overrides = params.read("extra_body", report, |node, environment| {
        let Json::Object(fields) = section::json(node, environment)? else {
            return Err(format!("fields with values belong here, not {}", node.kind()));
        };
        match fields.keys().find(|field| COUNTED.contains(&field.as_str())) {
            Some(field) => Err(format!("{field} decides what is reserved: it can't be overridden")),
            None => Ok(fields.iter().map(|(name, value)| (name.clone(), raw(value))).collect()),
        }
    });
    let mut defaults: Vec<(String, Box<RawValue>)> = Vec::new();
    for (key, node) in params.take_unknown() {
        match section::json(node, &report.environment) {
            Ok(Json::Null) => {}
            Ok(value) => defaults.push((key.name.clone(), raw(&value))),
            Err(what) => report.mistake(node.place, format!("{}: {what}", params.at(&key.name))),
        }
    }
    let bounds = [(MAX_TOKENS, max_tokens), (MAX_COMPLETION_TOKENS, max_completion_tokens)];
    let bound = bounds.into_iter().rev().find_map(|(name, bound)| Some((name, bound?)));
    defaults.extend(bound.map(|(name, bound)| (name.to_owned(), raw(&Json::from(bound)))));
    BodyRules {
        defaults,
        overrides: overrides.unwrap_or_default(),
        dropped: dropped(params, report),
        ..BodyRules::default()
    }
}

/// A request's bound is what is reserved for it, so it isn't left out.
fn dropped(params: &mut Section<'_>, report: &mut Report) -> Vec<String> {
    let fields = params.read("additional_drop_params", report, |node, environment| {
        let fields = section::texts(node, environment)?;
        let is_bound =
            |field: &&String| [MAX_TOKENS, MAX_COMPLETION_TOKENS].contains(&field.as_str());
        match fields.iter().find(is_bound) {
            Some(field) => Err(format!("{field} decides what is reserved: it can't be left out")),
            None => Ok(fields),
        }
    });
    fields.unwrap_or_default()
}

fn raw(value: &Json) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("JSON can always be written")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::{Part, treatment};

    #[test]
    fn what_is_counted_is_not_passed_on_unseen() {
        for field in COUNTED {
            assert!(treatment(Part::Params, field).is_some(), "{field}");
        }
    }
}
