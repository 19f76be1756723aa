use std::hash::{DefaultHasher, Hash, Hasher};

use http::HeaderMap;
use http::header::AUTHORIZATION;

/// How gateways that share a key tell for whom a request is.
const FAIRNESS_ID: &str = "x-gateway-fairness-id";

/// Whose a request is, where callers take turns: one for each key that is shown and each of those
/// whom its owner tells apart. Two that have the same number by chance share their turns.
pub(super) fn of(headers: &HeaderMap) -> u64 {
    let mut hasher = DefaultHasher::new();
    for name in [AUTHORIZATION.as_str(), "api-key", "x-api-key", FAIRNESS_ID] {
        headers.get(name).map(|value| value.as_bytes()).hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_are_told_apart_by_key_and_by_whom_they_ask_for() {
        let callers = [
            &[][..],
            &[("authorization", "Bearer a")],
            &[("authorization", "Bearer b")],
            &[("x-api-key", "Bearer b")],
            &[("authorization", "Bearer b"), (FAIRNESS_ID, "x")],
        ];
        let callers = callers.map(|pairs| {
            let pair = |(name, value): &(&str, &str)| {
                (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap())
            };
            of(&pairs.iter().map(pair).collect())
        });
        let all: std::collections::HashSet<_> = callers.into_iter().collect();
        assert_eq!(all.len(), callers.len());
    }
}
