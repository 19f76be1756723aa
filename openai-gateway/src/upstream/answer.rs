use std::sync::Arc;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, once};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap};
use http::{HeaderName, HeaderValue, StatusCode};

use super::coding::Decoder;
use super::{BoxError, CallError};
use crate::routing::Member;

/// The largest answer that is kept until it is whole: a batch of 2 048 long embeddings fits.
const MAX_ANSWER_BYTES: usize = 256 << 20;
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// A provider's answer, as the caller gets it.
pub struct Answer {
    /// Whose it is.
    pub member: Arc<Member>,
    /// The provider's status.
    pub status: StatusCode,
    /// What of its headers is fit for the caller.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Body,
}

pub(super) type Pieces = BoxStream<'static, Result<Bytes, BoxError>>;

/// What came from a provider.
pub(super) enum Reply {
    /// An answer, whole.
    Whole { status: StatusCode, headers: HeaderMap, body: Bytes },
    /// A stream that has begun.
    Stream { status: StatusCode, headers: HeaderMap, pieces: Pieces },
    /// An answer that is no text, which has begun.
    Raw { status: StatusCode, headers: HeaderMap, pieces: Pieces },
}

impl Reply {
    /// Reads an answer to its end, or a stream to its first byte.
    pub(super) async fn read(response: reqwest::Response, is_raw: bool) -> Result<Self, CallError> {
        let status = response.status();
        let mut fit = fit(response.headers());
        let is_stream = status.is_success() && is_stream(response.headers());
        let pieces = decoded(response, &mut fit);
        if is_stream {
            let (headers, pieces) = (for_stream(fit), begun(pieces).await?);
            return Ok(Self::Stream { status, headers, pieces });
        }
        if is_raw && status.is_success() {
            return Ok(Self::Raw { status, headers: fit, pieces: begun(pieces).await? });
        }
        Ok(Self::Whole { status, headers: fit, body: collect(pieces).await? })
    }
}

fn is_stream(headers: &HeaderMap) -> bool {
    const KIND: &[u8] = b"text/event-stream";
    let kind = headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes().trim_ascii_start());
    let kind = kind.and_then(|kind| kind.get(..KIND.len()));
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case(KIND))
}

/// A stream counts as begun with its first byte: until then it may be tried elsewhere.
async fn begun(mut pieces: Pieces) -> Result<Pieces, CallError> {
    loop {
        match pieces.next().await {
            Some(Ok(piece)) if piece.is_empty() => {}
            Some(Ok(piece)) => {
                return Ok(once(async { Ok(piece) }).chain(pieces).boxed());
            }
            Some(Err(error)) => return Err(CallError::BrokenOff(error)),
            None => return Err(CallError::BrokenOff("a stream without a byte".into())),
        }
    }
}

fn decoded(response: reqwest::Response, headers: &mut HeaderMap) -> Pieces {
    let mut decoder = Decoder::of(headers);
    let pieces = response.bytes_stream();
    let decoded = pieces.map(move |piece| {
        let piece = piece.map_err(|error| BoxError::from(error.without_url()))?;
        decoder.decode(piece).map_err(BoxError::from)
    });
    decoded.boxed()
}

async fn collect(mut pieces: Pieces) -> Result<Bytes, CallError> {
    let mut body = BytesMut::new();
    while let Some(piece) = pieces.next().await {
        body.extend_from_slice(&piece.map_err(CallError::BrokenOff)?);
        if body.len() > MAX_ANSWER_BYTES {
            return Err(CallError::TooLarge);
        }
    }
    Ok(body.freeze())
}

fn fit(headers: &HeaderMap) -> HeaderMap {
    let fit = headers.iter().filter(|(name, _)| is_fit(name));
    fit.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// What says something about the answer; nothing about the connection, cookies or the account.
fn is_fit(name: &HeaderName) -> bool {
    let name = name.as_str();
    matches!(
        name,
        "content-type"
            | "content-encoding"
            | "cache-control"
            | "x-accel-buffering"
            | "retry-after"
            | "retry-after-ms"
            | "openai-processing-ms"
            | "openai-version"
            | "request-id"
            | "x-should-retry"
    ) || name.starts_with("x-ratelimit-")
        || name.starts_with("anthropic-ratelimit-")
}

/// Whatever stands between here and the caller is told not to hold a stream back.
fn for_stream(mut headers: HeaderMap) -> HeaderMap {
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    headers.entry(BUFFERING).or_insert(HeaderValue::from_static("no"));
    headers
}
