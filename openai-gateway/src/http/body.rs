use std::io::Read;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::error::ApiError;
use crate::app::App;

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bodies above this take long enough to count that other requests should not wait for it.
const LARGE_BYTES: usize = 64 << 10;

/// Reads a request's body, bounded in size and time: JSON, perhaps in gzip. Nothing else is taken: what a page of
/// another site may send without asking first is never `application/json`.
pub(super) async fn read(head: &Parts, body: Body, app: &App) -> Result<Bytes, ApiError> {
    let max_bytes = app.max_body_bytes;
    if !is_json(&head.headers) {
        return Err(ApiError::not_json());
    }
    let is_gzip = is_gzip(&head.headers)?;
    let whole = Limited::new(body, max_bytes).collect();
    let coded = match tokio::time::timeout(PATIENCE, whole).await {
        Ok(Ok(whole)) => whole.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            return Err(ApiError::body_too_large(max_bytes));
        }
        Ok(Err(_)) => return Err(ApiError::body_cut_short()),
        Err(_) => return Err(ApiError::body_too_slow()),
    };
    if is_gzip { work(&coded, || decoded(&coded, max_bytes)) } else { Ok(coded) }
}

/// Works on a body; on a large one apart from the tasks that share this thread.
pub(super) fn work<T>(body: &[u8], work: impl FnOnce() -> T) -> T {
    if body.len() > LARGE_BYTES { tokio::task::block_in_place(work) } else { work() }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

/// # Errors
/// It is coded in another way.
fn is_gzip(headers: &HeaderMap) -> Result<bool, ApiError> {
    let Some(coding) = headers.get(CONTENT_ENCODING) else { return Ok(false) };
    let coding = coding.as_bytes().trim_ascii();
    if coding.eq_ignore_ascii_case(b"identity") {
        return Ok(false);
    }
    if coding.eq_ignore_ascii_case(b"gzip") { Ok(true) } else { Err(ApiError::unknown_coding()) }
}

/// A body may become as large as one that isn't coded, and no larger.
fn decoded(coded: &[u8], max_bytes: usize) -> Result<Bytes, ApiError> {
    let mut body = Vec::new();
    let bound = (max_bytes as u64).saturating_add(1);
    let read = MultiGzDecoder::new(coded).take(bound).read_to_end(&mut body);
    match read {
        Ok(read) if read > max_bytes => Err(ApiError::body_too_large(max_bytes)),
        Ok(_) => Ok(body.into()),
        Err(_) => Err(ApiError::not_gzip()),
    }
}
