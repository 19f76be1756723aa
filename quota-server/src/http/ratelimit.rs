//! `RateLimit-Policy` and `RateLimit`: draft-ietf-httpapi-ratelimit-headers-10 (two lists of
//! structured fields, an entry for each limit that the deployment has).

use std::fmt::Write;

use http::{HeaderMap, HeaderName, HeaderValue};
use quota_api::{Usage, UsagePair};

use super::problem::whole_seconds;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// Every limit counts over a minute.
const WINDOW_S: u64 = 60;

/// Tells of the limits, what is left of them, and, if that is known, when there will be more.
pub(super) fn write(headers: &mut HeaderMap, usage: &Usage, more_in_ms: Option<u64>) {
    let mut policy = String::with_capacity(64);
    let mut left = String::with_capacity(64);
    for (name, pair) in [("tokens", &usage.tokens), ("requests", &usage.requests)] {
        entry(&mut policy, &mut left, name, pair, more_in_ms);
    }
    for (name, value) in [(POLICY, policy), (LEFT, left)] {
        if let Ok(value) = HeaderValue::from_maybe_shared(bytes::Bytes::from(value)) {
            headers.insert(name, value);
        }
    }
}

fn entry(
    policy: &mut String,
    left: &mut String,
    name: &str,
    pair: &UsagePair,
    more_in_ms: Option<u64>,
) {
    let (Some(limit), Some(remaining)) = (pair.limit, pair.remaining()) else {
        return;
    };
    let comma = if policy.is_empty() { "" } else { ", " };
    // Writing to a string cannot fail.
    let _ = write!(policy, "{comma}\"{name}\";q={limit};w={WINDOW_S}");
    let _ = write!(left, "{comma}\"{name}\";r={remaining}");
    if let Some(ms) = more_in_ms {
        let _ = write!(left, ";t={}", whole_seconds(ms));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(limit: Option<u64>, outstanding: u64, overrun: u64) -> UsagePair {
        UsagePair { limit, outstanding, overrun }
    }

    fn written(usage: Usage, more_in_ms: Option<u64>) -> (String, String) {
        let mut headers = HeaderMap::new();
        write(&mut headers, &usage, more_in_ms);
        let text = |name| headers[name].to_str().unwrap().to_owned();
        (text(POLICY), text(LEFT))
    }

    #[test]
    fn an_entry_for_each_limit() {
        let usage = Usage { tokens: pair(Some(500), 480, 25), requests: pair(Some(100), 40, 0) };
        let (policy, left) = written(usage, Some(29_001));
        assert_eq!(policy, r#""tokens";q=500;w=60, "requests";q=100;w=60"#);
        assert_eq!(left, r#""tokens";r=0;t=30, "requests";r=60;t=30"#);
    }

    #[test]
    fn none_for_a_unit_without_a_limit() {
        let usage = Usage { tokens: pair(None, 480, 0), requests: pair(Some(100), 40, 0) };
        let (policy, left) = written(usage, None);
        assert_eq!(policy, r#""requests";q=100;w=60"#);
        assert_eq!(left, r#""requests";r=60"#);
    }
}
