//! `ETag`, `If-Match` and `If-None-Match` of deployments: the version in quotes (RFC 9110 section
//! 8.8.3 and 13.1).

use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue};
use quota_api::Code;

use super::Failure;
use crate::ledger::Expected;

/// The `ETag` of a version.
pub(super) fn of(version: u64) -> HeaderValue {
    HeaderValue::from_maybe_shared(bytes::Bytes::from(format!("\"{version}\"")))
        .expect("quotes and digits")
}

/// What a change expects.
///
/// # Errors
/// A condition that is none of `If-Match: *`, `If-Match: "version"` and `If-None-Match: *`.
pub(super) fn expected(headers: &HeaderMap) -> Result<Option<Expected>, Failure> {
    match (text(headers, &IF_MATCH)?, text(headers, &IF_NONE_MATCH)?) {
        (None, None) => Ok(None),
        (Some("*"), None) => Ok(Some(Expected::Some)),
        (None, Some("*")) => Ok(Some(Expected::None)),
        // A tag that is no version is of no deployment, so it can match none.
        (Some(tag), None) if is_one_tag(tag) => {
            Ok(Some(Expected::Version(version(tag).unwrap_or(0))))
        }
        _ => {
            Err(malformed("send one of `if-match: *`, `if-match: \"version\"`, `if-none-match: *`"))
        }
    }
}

/// The reader has this version already.
pub(super) fn is_known(headers: &HeaderMap, is: u64) -> bool {
    let Ok(Some(tags)) = text(headers, &IF_NONE_MATCH) else {
        return false;
    };
    let mut tags = tags.split(',').map(str::trim);
    tags.any(|tag| tag == "*" || version(tag.trim_start_matches("W/")) == Some(is))
}

/// The reader has this already, by a weak comparison (RFC 9110 section 8.8.3.2).
pub(super) fn is_listed(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let (Ok(Some(tags)), Ok(tag)) = (text(headers, &IF_NONE_MATCH), tag.to_str()) else {
        return false;
    };
    let mut tags = tags.split(',').map(str::trim);
    tags.any(|known| known == "*" || opaque(known) == opaque(tag))
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Failure> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let text = value.to_str().map_err(|_| malformed("a condition is not ASCII"))?;
            Ok(Some(text.trim()))
        }
        (Some(_), Some(_)) => Err(malformed("more than one condition")),
    }
}

fn opaque(tag: &str) -> &str {
    tag.trim_start_matches("W/")
}

fn is_one_tag(text: &str) -> bool {
    let inner =
        text.trim_start_matches("W/").strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.is_some_and(|inner| !inner.contains('"'))
}

/// Versions count from 1, so 0 is none's.
fn version(tag: &str) -> Option<u64> {
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

fn malformed(detail: &str) -> Failure {
    Failure::new(Code::MalformedParameter, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn conditions_of_a_change() {
        let matches = |value| expected(&headers(IF_MATCH, value)).ok();
        assert_eq!(expected(&HeaderMap::new()).ok(), Some(None));
        assert_eq!(matches("*"), Some(Some(Expected::Some)));
        assert_eq!(matches("\"7\""), Some(Some(Expected::Version(7))));
        assert_eq!(matches("\"other\""), Some(Some(Expected::Version(0))), "never matches");
        assert_eq!(matches("W/\"7\""), Some(Some(Expected::Version(0))), "weak tags never match");
        assert_eq!(matches("7"), None);
        assert_eq!(matches("\"7\", \"8\""), None);
        let none = |value| expected(&headers(IF_NONE_MATCH, value)).ok();
        assert_eq!(none("*"), Some(Some(Expected::None)));
        assert_eq!(none("\"7\""), None);
    }

    #[test]
    fn what_a_reader_knows() {
        for (value, known) in [
            ("\"7\"", true),
            ("W/\"7\"", true),
            ("\"6\", \"7\"", true),
            ("*", true),
            ("\"6\"", false),
        ] {
            assert_eq!(is_known(&headers(IF_NONE_MATCH, value), 7), known, "{value}");
        }
        assert!(!is_known(&HeaderMap::new(), 7));
    }
}
