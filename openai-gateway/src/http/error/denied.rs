//! Denials: what no deployment of a group takes.

use std::time::Duration;

use gateway_client::api::Unit;
use http::StatusCode;

use super::{ApiError, UNAVAILABLE, UNAVAILABLE_PAUSE};
use crate::http::limits;
use crate::routing::{Denial, Refusal};

impl ApiError {
    /// No deployment of the group takes the request. The lot, from 0 to 1, says when of those that
    /// are denied together this one comes back.
    pub(in super::super) fn denied(model_group: &str, denial: &Denial, lot: f64) -> Self {
        let mut error = Self::refused(model_group, denial, lot);
        if let Some(usage) = &denial.usage {
            limits::insert(&mut error.headers, usage, denial.retry_after);
        }
        error
    }

    fn refused(model_group: &str, denial: &Denial, lot: f64) -> Self {
        let (code, message) = match denial.refusal {
            Refusal::Exhausted => return Self::exhausted(model_group, denial, lot),
            Refusal::NeverFits => return Self::never_fits(model_group, denial),
            Refusal::NoDeployment => return Self::no_deployment(model_group),
            Refusal::Busy => ("deployments_busy", "As many requests are under way as may be."),
            Refusal::Cooling => (
                "upstream_unavailable",
                "The model's upstreams failed and are left alone for a while.",
            ),
            Refusal::ServerAway => ("quota_unavailable", "The quota server is away."),
            Refusal::Quarantined => ("quota_quarantined", "The quota of this minute is in doubt."),
            Refusal::Unregistered => (
                "deployment_unregistered",
                "The quota server does not know the model's deployments: the gateway's log names them. \
                 They are registered with --register, or made at the quota server.",
            ),
            Refusal::Refused => ("quota_refused", "The quota server refuses this gateway."),
            Refusal::Stopping => ("shutting_down", "The gateway is stopping."),
        };
        Self::new(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE, Some(code), message)
            .retry_after(spread(denial.retry_after.max(UNAVAILABLE_PAUSE), lot))
    }

    fn never_fits(model_group: &str, denial: &Denial) -> Self {
        let needs = denial.size.tokens();
        let message = match denial.limit_tokens {
            Some(limit) => format!(
                "The request may use {needs} tokens, and the rate limit of {model_group} is {limit} tokens per min: it can never fit."
            ),
            None => format!(
                "The request may use {needs} tokens, more than the rate limit of {model_group} itself: it can never fit."
            ),
        };
        Self::invalid(StatusCode::BAD_REQUEST, "request_too_large", message)
    }

    fn no_deployment(model_group: &str) -> Self {
        let message = format!(
            "No deployment of {model_group} is for such requests: of this API, and with these tags."
        );
        Self::invalid(StatusCode::BAD_REQUEST, "no_deployment", message)
    }

    fn exhausted(model_group: &str, denial: &Denial, lot: f64) -> Self {
        let kind = match denial.unit {
            Some(Unit::Requests) => "requests",
            Some(Unit::Tokens) | None => "tokens",
        };
        let seconds = denial.retry_after.as_secs_f64();
        let message = format!(
            "Rate limit reached for {model_group} on {kind} per min. Please try again in {seconds:.3}s."
        );
        let code = Some("rate_limit_exceeded");
        Self::new(StatusCode::TOO_MANY_REQUESTS, kind, code, message)
            .retry_after(spread(denial.retry_after, lot))
    }
}

/// A time and, by the lot, up to a tenth more, but 2 s at most and 50 ms at least: never sooner
/// than it is, and those that are told of one moment don't all come back in it.
fn spread(after: Duration, lot: f64) -> Duration {
    let width = (after / 10).clamp(Duration::from_millis(50), Duration::from_secs(2));
    after + width.mul_f64(lot.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use gateway_client::Amount;
    use gateway_client::api::{Usage, UsagePair};
    use serde_json::Value;

    use super::super::tests::parts;
    use super::*;

    fn denial(refusal: Refusal, retry_after_ms: u64) -> Denial {
        let full = |limit| UsagePair { limit: Some(limit), outstanding: limit, overrun: 0 };
        Denial {
            refusal,
            retry_after: Duration::from_millis(retry_after_ms),
            unit: Some(Unit::Requests),
            usage: Some(Usage { tokens: full(500), requests: full(3) }),
            size: Amount::new(501, 1),
            limit_tokens: Some(500),
        }
    }

    #[tokio::test]
    async fn a_denial_is_openai_s_429() {
        let error = ApiError::denied("gpt-4o", &denial(Refusal::Exhausted, 1_234), 0.0);
        let (status, headers, body) = parts(error).await;
        assert_eq!(status, 429);
        assert_eq!(headers["retry-after"], "2");
        assert_eq!(headers["retry-after-ms"], "1234");
        assert_eq!(headers["x-ratelimit-limit-requests"], "3");
        assert_eq!(headers["x-ratelimit-remaining-tokens"], "0");
        assert_eq!(headers["x-ratelimit-reset-requests"], "1.234s");
        assert_eq!(headers["ratelimit"], r#""tokens";r=0;t=2, "requests";r=0;t=2"#);
        assert_eq!(body["error"]["type"], "requests");
        assert_eq!(body["error"]["code"], "rate_limit_exceeded");
        assert_eq!(body["error"]["param"], Value::Null);
    }

    #[test]
    fn those_that_are_denied_together_come_back_one_by_one_and_none_too_soon() {
        let ms = |after, lot| spread(Duration::from_millis(after), lot).as_millis();
        assert_eq!((ms(0, 0.0), ms(0, 1.0), ms(100, 0.5)), (0, 50, 125));
        assert_eq!((ms(10_000, 0.0), ms(10_000, 0.5), ms(10_000, 1.0)), (10_000, 10_500, 11_000));
        assert_eq!(ms(60_000, 1.0), 62_000);
    }

    #[tokio::test]
    async fn a_request_above_the_limit_is_not_to_be_repeated() {
        let error = ApiError::denied("gpt-4o", &denial(Refusal::NeverFits, 0), 0.0);
        let (status, headers, body) = parts(error).await;
        assert_eq!(status, 400);
        assert!(!headers.contains_key("retry-after"));
        assert_eq!(body["error"]["type"], "invalid_request_error");
        assert_eq!(body["error"]["code"], "request_too_large");
        let message = body["error"]["message"].as_str().unwrap();
        assert!(
            message.contains("501 tokens") && message.contains("500 tokens per min"),
            "{message}"
        );
    }

    #[tokio::test]
    async fn without_the_quota_server_it_is_503_with_retry_after() {
        let error = ApiError::denied("gpt-4o", &denial(Refusal::ServerAway, 0), 0.0);
        let (status, headers, body) = parts(error).await;
        assert_eq!(status, 503);
        assert_eq!(headers["retry-after"], "1");
        assert_eq!(headers["retry-after-ms"], "1000");
        assert_eq!(body["error"]["code"], "quota_unavailable");
    }
}
