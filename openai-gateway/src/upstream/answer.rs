use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt};
use http::header::{CONTENT_TYPE, HeaderMap};
use http::{HeaderName, StatusCode};

use super::CallError;
use super::bill::{Bill, made_nothing};
use super::relay::Relay;
use super::usage::tokens_used;
use crate::metrics::InFlight;
use crate::routing::Target;

/// The largest answer that is kept until it is whole: a batch of 2 048 long embeddings fits.
const MAX_ANSWER_BYTES: usize = 256 << 20;

/// A provider's answer, as the caller gets it.
pub struct Answer {
    /// The provider's status.
    pub status: StatusCode,
    /// What of its headers is fit for the caller.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Body,
}

pub(super) fn is_stream(response: &reqwest::Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    response.status().is_success() && kind.trim_start().starts_with("text/event-stream")
}

/// The answer as it comes.
pub(super) fn stream(
    response: reqwest::Response,
    bill: Bill,
    target: &Target,
    include_usage: bool,
    in_flight: InFlight,
) -> Answer {
    let (status, headers) = head(&response);
    let deployment = target.id.clone();
    let pieces = response.bytes_stream();
    let pieces = pieces.map_err(|error| error.without_url().into()).boxed();
    let in_flight = [in_flight, target.metrics.stream()];
    let relay = Relay::new(pieces, bill, include_usage, target.timeout, in_flight);
    let stream = relay.stream().inspect_err(move |error| {
        tracing::warn!(?deployment, %error, "a stream broke off");
    });
    Answer { status, headers, body: Body::from_stream(stream) }
}

/// The answer once it is whole.
pub(super) async fn whole(response: reqwest::Response, bill: Bill) -> Result<Answer, CallError> {
    let (status, headers) = head(&response);
    let bill = if made_nothing(status) {
        bill.refuse();
        None
    } else {
        Some(bill)
    };
    let body = collect(response).await?;
    if let (Some(bill), Some(tokens), true) = (bill, tokens_used(&body), status.is_success()) {
        bill.settle(tokens);
    }
    Ok(Answer { status, headers, body: Body::from(body) })
}

async fn collect(mut response: reqwest::Response) -> Result<Bytes, CallError> {
    let mut body = BytesMut::new();
    let broken_off = |error: reqwest::Error| CallError::BrokenOff(error.without_url());
    while let Some(chunk) = response.chunk().await.map_err(broken_off)? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER_BYTES {
            return Err(CallError::TooLarge);
        }
    }
    Ok(body.freeze())
}

fn head(response: &reqwest::Response) -> (StatusCode, HeaderMap) {
    let fit = response.headers().iter().filter(|(name, _)| is_fit(name));
    let headers = fit.map(|(name, value)| (name.clone(), value.clone())).collect();
    (response.status(), headers)
}

/// What says something about the answer; nothing about the connection, cookies or the account.
fn is_fit(name: &HeaderName) -> bool {
    let name = name.as_str();
    matches!(
        name,
        "content-type"
            | "retry-after"
            | "retry-after-ms"
            | "openai-processing-ms"
            | "openai-version"
    ) || name.starts_with("x-ratelimit-")
}
