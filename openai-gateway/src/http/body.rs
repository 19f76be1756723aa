use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::error::ApiError;

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bodies above this take long enough to count that other requests should not wait for it.
const LARGE_BYTES: usize = 64 << 10;

/// Reads a request's body, bounded in size and time.
pub(super) async fn read(body: Body, max_bytes: usize) -> Result<Bytes, ApiError> {
    let whole = Limited::new(body, max_bytes).collect();
    match tokio::time::timeout(PATIENCE, whole).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(ApiError::body_too_large(max_bytes))
        }
        Ok(Err(_)) => Err(ApiError::body_cut_short()),
        Err(_) => Err(ApiError::body_too_slow()),
    }
}

/// Works on a body; on a large one apart from the tasks that share this thread.
pub(super) fn work<T>(body: &[u8], work: impl FnOnce() -> T) -> T {
    if body.len() > LARGE_BYTES { tokio::task::block_in_place(work) } else { work() }
}
