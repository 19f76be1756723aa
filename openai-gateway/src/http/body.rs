use std::io::Read;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use edge::body::{BodyError, BodyPlace};
use flate2::read::MultiGzDecoder;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;

use super::error::ApiError;
use crate::app::App;
use crate::endpoints::Form;
use crate::metrics;

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bodies above this take long enough to count that other requests should not wait for it.
const LARGE_BYTES: usize = 64 << 10;
/// By so much a body is decoded before it is looked whether there is room for it.
const STEP_BYTES: u64 = 64 << 10;

/// Reads a request's body, bounded in size and time: of the form that it must have, perhaps in
/// gzip. What a page of another site may send without asking first is never `application/json`, but
/// it may be a form: that page is refused before. Its place is to be held as long as it is.
pub(super) async fn read(
    head: &Parts,
    body: Body,
    form: Form,
    app: &App,
) -> Result<(Bytes, BodyPlace), ApiError> {
    let (room, max_bytes) = (&app.body_room, app.max_body_bytes);
    match form {
        Form::Json if !is_of_kind(&head.headers, "application/json") => {
            return Err(ApiError::not_json());
        }
        Form::Multipart if !is_of_kind(&head.headers, "multipart/form-data") => {
            return Err(ApiError::not_multipart());
        }
        Form::Json | Form::Multipart => {}
    }
    let is_gzip = is_gzip(&head.headers)?;
    let read = tokio::time::timeout(PATIENCE, room.read(body, max_bytes)).await;
    let read = read.map_err(|_late| ApiError::body_too_slow())?;
    let (coded, mut place) = read.map_err(|why| refused(why, max_bytes))?;
    let body = match is_gzip {
        true => work(&coded, || decoded(&coded, max_bytes, &mut place))?,
        false => coded,
    };
    Ok((body, place))
}

fn refused(why: BodyError, max_bytes: usize) -> ApiError {
    match why {
        BodyError::TooLarge => ApiError::body_too_large(max_bytes),
        BodyError::BrokeOff => ApiError::body_cut_short(),
        BodyError::NoRoom => {
            metrics::body_refused();
            ApiError::no_room()
        }
    }
}

/// Works on a body; on a large one apart from the tasks that share this thread.
pub(super) fn work<T>(body: &[u8], work: impl FnOnce() -> T) -> T {
    if body.len() > LARGE_BYTES { tokio::task::block_in_place(work) } else { work() }
}

fn is_of_kind(headers: &HeaderMap, wanted: &str) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case(wanted)
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

/// A body may become as large as one that isn't coded, and no larger, and takes room as it grows.
fn decoded(coded: &[u8], max_bytes: usize, place: &mut BodyPlace) -> Result<Bytes, ApiError> {
    let mut coded = MultiGzDecoder::new(coded);
    let mut body = Vec::new();
    loop {
        let read = coded.by_ref().take(STEP_BYTES).read_to_end(&mut body);
        let read = read.map_err(|_| ApiError::not_gzip())?;
        if read == 0 {
            return Ok(body.into());
        }
        if body.len() > max_bytes {
            return Err(ApiError::body_too_large(max_bytes));
        }
        place.grow(read).map_err(|why| refused(why, max_bytes))?;
    }
}
