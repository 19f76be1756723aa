//! `x-ratelimit-*`, as OpenAI writes them.

use std::time::Duration;

use gateway_client::Deployment;
use gateway_client::api::Usage;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The names of one unit's headers.
struct Names {
    limit: HeaderName,
    remaining: HeaderName,
    reset: HeaderName,
}

const TOKENS: Names = Names {
    limit: HeaderName::from_static("x-ratelimit-limit-tokens"),
    remaining: HeaderName::from_static("x-ratelimit-remaining-tokens"),
    reset: HeaderName::from_static("x-ratelimit-reset-tokens"),
};
const REQUESTS: Names = Names {
    limit: HeaderName::from_static("x-ratelimit-limit-requests"),
    remaining: HeaderName::from_static("x-ratelimit-remaining-requests"),
    reset: HeaderName::from_static("x-ratelimit-reset-requests"),
};

/// Says how full the deployment's window is, in place of what the provider said: others spend the
/// same quota, and only the quota server knows of all.
pub(super) fn replace(headers: &mut HeaderMap, quota: &Deployment) {
    let view = quota.view();
    let Some(usage) = view.usage else {
        return;
    };
    for Names { limit, remaining, reset } in [TOKENS, REQUESTS] {
        for name in [limit, remaining, reset] {
            headers.remove(name);
        }
    }
    let reset = view.window_ends_in.unwrap_or_default();
    let (tokens, requests) = (view.remaining_tokens(), view.remaining_requests());
    insert_unit(headers, TOKENS, usage.tokens.limit.zip(tokens), reset);
    insert_unit(headers, REQUESTS, usage.requests.limit.zip(requests), reset);
}

/// Says how full a window is; `reset` is when it is worth asking again.
pub(super) fn insert(headers: &mut HeaderMap, usage: &Usage, reset: Duration) {
    for (names, pair) in [(TOKENS, &usage.tokens), (REQUESTS, &usage.requests)] {
        insert_unit(headers, names, pair.limit.zip(pair.remaining()), reset);
    }
}

/// A unit without a limit has no headers.
fn insert_unit(
    headers: &mut HeaderMap,
    names: Names,
    limit_and_remaining: Option<(u64, u64)>,
    reset: Duration,
) {
    let Some((limit, remaining)) = limit_and_remaining else {
        return;
    };
    headers.insert(names.limit, HeaderValue::from(limit));
    headers.insert(names.remaining, HeaderValue::from(remaining));
    if let Ok(reset) = HeaderValue::from_str(&go_duration(reset)) {
        headers.insert(names.reset, reset);
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
    fn a_unit_without_a_limit_has_no_headers() {
        let tokens = UsagePair { limit: Some(500), outstanding: 450, overrun: 20 };
        let usage = Usage { tokens, requests: UsagePair::default() };
        let mut headers = HeaderMap::new();
        insert(&mut headers, &usage, Duration::from_secs(1));
        assert_eq!(headers.len(), 3);
        assert_eq!(headers["x-ratelimit-limit-tokens"], "500");
        assert_eq!(headers["x-ratelimit-remaining-tokens"], "30");
        assert_eq!(headers["x-ratelimit-reset-tokens"], "1s");
    }
}
