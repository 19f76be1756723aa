use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::Request;
use http::{HeaderName, HeaderValue};
use tower_http::request_id::{MakeRequestId, RequestId};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_BYTES: usize = 128;

/// Ids for requests that bring none: one for the process, and a count.
#[derive(Debug, Clone)]
pub struct RequestIds {
    process: u64,
    count: Arc<AtomicU64>,
}

impl RequestIds {
    /// Ids that begin with the process's own.
    #[must_use]
    pub fn new(process: u64) -> Self {
        Self { process, count: Arc::default() }
    }
}

impl MakeRequestId for RequestIds {
    fn make_request_id<B>(&mut self, _: &http::Request<B>) -> Option<RequestId> {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let id = format!("req_{:016x}{count:08x}", self.process);
        HeaderValue::from_str(&id).ok().map(RequestId::new)
    }
}

/// A caller's id is kept if it can stand in a log line.
pub(super) async fn keep_sane(mut request: Request) -> Request {
    let sane =
        |id: &HeaderValue| id.len() <= MAX_BYTES && id.as_bytes().iter().all(u8::is_ascii_graphic);
    if request.headers().get(X_REQUEST_ID).is_some_and(|id| !sane(id)) {
        request.headers_mut().remove(X_REQUEST_ID);
    }
    request
}
