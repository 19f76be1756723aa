//! `x-ratelimit-*`, as OpenAI writes them, and `RateLimit-Policy` and `RateLimit`
//! (draft-ietf-httpapi-ratelimit-headers-10), as the quota server does: an entry for each limit of
//! the deployment. What they say is what leases and beats told: nobody is asked.

use std::fmt::Write;
use std::time::Duration;

use gateway_client::Deployment;
use gateway_client::api::Usage;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The names of one unit's headers.
struct HeaderNames {
    unit: &'static str,
    limit: HeaderName,
    remaining: HeaderName,
    reset: HeaderName,
}

const TOKENS: HeaderNames = HeaderNames {
    unit: "tokens",
    limit: HeaderName::from_static("x-ratelimit-limit-tokens"),
    remaining: HeaderName::from_static("x-ratelimit-remaining-tokens"),
    reset: HeaderName::from_static("x-ratelimit-reset-tokens"),
};
const REQUESTS: HeaderNames = HeaderNames {
    unit: "requests",
    limit: HeaderName::from_static("x-ratelimit-limit-requests"),
    remaining: HeaderName::from_static("x-ratelimit-remaining-requests"),
    reset: HeaderName::from_static("x-ratelimit-reset-requests"),
};
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// Every limit counts over a minute.
const WINDOW_S: u64 = 60;

/// A limit and what is left of it.
type LimitAndLeft = Option<(u64, u64)>;

/// Says how full the deployment's window is, in place of what the provider said: others spend the
/// same quota, and only the quota server knows of all.
pub(super) fn replace(headers: &mut HeaderMap, quota: &Deployment) {
    let view = quota.view();
    let Some(usage) = view.usage else {
        return;
    };
    let of_provider =
        |name: &str| name.starts_with("x-ratelimit-") || name.starts_with("anthropic-ratelimit-");
    let theirs: Vec<_> =
        headers.keys().filter(|name| of_provider(name.as_str())).cloned().collect();
    for name in theirs {
        headers.remove(name);
    }
    let tokens = usage.tokens.limit.zip(view.remaining_tokens());
    let requests = usage.requests.limit.zip(view.remaining_requests());
    tell(headers, [tokens, requests], view.window_ends_in);
}

/// Says how full a window is; `reset` is when it is worth asking again.
pub(super) fn insert(headers: &mut HeaderMap, usage: &Usage, reset: Duration) {
    let pairs = [&usage.tokens, &usage.requests].map(|pair| pair.limit.zip(pair.remaining()));
    tell(headers, pairs, Some(reset));
}

/// A unit without a limit has no headers. Where nobody knows when there will be more, nothing is
/// said of it.
fn tell(headers: &mut HeaderMap, units: [LimitAndLeft; 2], reset: Option<Duration>) {
    let (mut policy, mut left) = (String::with_capacity(64), String::with_capacity(64));
    for (names, said) in [TOKENS, REQUESTS].into_iter().zip(units) {
        let Some((limit, remaining)) = said else { continue };
        let comma = if policy.is_empty() { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(policy, "{comma}\"{}\";q={limit};w={WINDOW_S}", names.unit);
        let _ = write!(left, "{comma}\"{}\";r={remaining}", names.unit);
        headers.insert(names.limit, HeaderValue::from(limit));
        headers.insert(names.remaining, HeaderValue::from(remaining));
        let Some(reset) = reset else { continue };
        let _ = write!(left, ";t={}", reset.as_millis().div_ceil(1_000));
        if let Ok(reset) = HeaderValue::from_str(&go_duration(reset)) {
            headers.insert(names.reset, reset);
        }
    }
    if policy.is_empty() {
        return;
    }
    for (name, value) in [(POLICY, policy), (LEFT, left)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
}

/// OpenAI's way to write a duration: `120ms`, `1s`, `6m0s`, `1.5s`.
fn go_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    let (minutes, seconds, rest) = (millis / 60_000, millis / 1_000 % 60, millis % 1_000);
    let fraction = format!(".{rest:03}");
    let fraction = fraction.trim_end_matches(['0', '.']);
    match (minutes, seconds) {
        (0, 0) => format!("{rest}ms"),
        (0, _) => format!("{seconds}{fraction}s"),
        _ => format!("{minutes}m{seconds}{fraction}s"),
    }
}

#[cfg(test)]
mod tests {
    use gateway_client::api::UsagePair;

    use super::*;

    #[test]
    fn durations_are_written_as_openai_writes_them() {
        for (millis, text) in [
            (0, "0ms"),
            (120, "120ms"),
            (1_000, "1s"),
            (1_500, "1.5s"),
            (1_050, "1.05s"),
            (10_000, "10s"),
            (59_999, "59.999s"),
            (60_000, "1m0s"),
            (360_000, "6m0s"),
        ] {
            assert_eq!(go_duration(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn an_entry_for_each_limit() {
        let mut headers = HeaderMap::new();
        tell(&mut headers, [Some((500, 0)), Some((100, 60))], Some(Duration::from_millis(29_001)));
        assert_eq!(headers["ratelimit-policy"], r#""tokens";q=500;w=60, "requests";q=100;w=60"#);
        assert_eq!(headers["ratelimit"], r#""tokens";r=0;t=30, "requests";r=60;t=30"#);
        let mut headers = HeaderMap::new();
        tell(&mut headers, [Some((500, 0)), None], None);
        assert_eq!(headers["ratelimit"], r#""tokens";r=0"#);
        assert_eq!(headers.get("x-ratelimit-reset-tokens"), None, "nobody knows");
        let mut headers = HeaderMap::new();
        tell(&mut headers, [None, None], None);
        assert!(headers.is_empty());
    }

    #[test]
    fn a_unit_without_a_limit_has_no_headers() {
        let tokens = UsagePair { limit: Some(500), outstanding: 450, overrun: 20 };
        let usage = Usage { tokens, requests: UsagePair::default() };
        let mut headers = HeaderMap::new();
        insert(&mut headers, &usage, Duration::from_secs(1));
        assert_eq!(headers.len(), 5);
        assert_eq!(headers["ratelimit-policy"], r#""tokens";q=500;w=60"#);
        assert_eq!(headers["ratelimit"], r#""tokens";r=30;t=1"#);
        assert_eq!(headers["x-ratelimit-limit-tokens"], "500");
        assert_eq!(headers["x-ratelimit-remaining-tokens"], "30");
        assert_eq!(headers["x-ratelimit-reset-tokens"], "1s");
    }
}
