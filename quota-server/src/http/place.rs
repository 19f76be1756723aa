//! The places of requests that run at once, and answers that keep theirs until they are sent.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, HttpBody};
use axum::response::Response;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests of the paths that are open to everybody, at once: those of the API have places of their
/// own, so who asks for `/metrics` without a token keeps nobody from a lease.
const OPEN_REQUESTS: usize = 256;

/// An answer of at most so many bytes is as good as sent when it is made: sockets take it in whole.
const SENT_AT_ONCE: u64 = 16 * 1_024;

/// How many requests may run at once.
pub struct Places {
    /// Of the API.
    api: Arc<Semaphore>,
    most: usize,
    /// Of the open paths.
    open: Arc<Semaphore>,
}

/// A request's place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
}

impl Places {
    /// So many places for calls of the API.
    #[must_use]
    pub fn new(most: usize) -> Self {
        let open = Arc::new(Semaphore::new(OPEN_REQUESTS));
        Self { api: Arc::new(Semaphore::new(most)), most, open }
    }

    /// A place for a call of the API.
    pub(super) fn for_api(&self) -> Option<Place> {
        Place::of(&self.api)
    }

    /// A place for a request of an open path.
    pub(super) fn for_open(&self) -> Option<Place> {
        Place::of(&self.open)
    }

    /// How many calls of the API may be answered at once.
    pub(super) const fn most(&self) -> usize {
        self.most
    }

    /// How many calls of the API are being answered.
    pub(super) fn running(&self) -> usize {
        self.most.saturating_sub(self.api.available_permits())
    }
}

impl Place {
    fn of(all: &Arc<Semaphore>) -> Option<Self> {
        Arc::clone(all).try_acquire_owned().ok().map(|permit| Self { _permit: permit })
    }

    /// Is given up when the answer is sent, or dropped.
    pub(super) fn until_sent(self, response: Response) -> Response {
        if response.body().size_hint().upper().is_some_and(|most| most <= SENT_AT_ONCE) {
            return response;
        }
        let place = Arc::new(self);
        response.map(|body| Body::new(KeptBody { body, place }))
    }
}

/// A body whose bytes keep a place, wherever they wait to be written.
struct KeptBody {
    body: Body,
    place: Arc<Place>,
}

/// Bytes that keep a place.
struct KeptBytes {
    bytes: Bytes,
    _place: Arc<Place>,
}

impl AsRef<[u8]> for KeptBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl HttpBody for KeptBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let keep = |bytes| Bytes::from_owner(KeptBytes { bytes, _place: Arc::clone(&self.place) });
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(keep))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_large_answer_keeps_its_place_until_its_bytes_are_gone() {
        let places = Places::new(1);
        let place = places.for_api().unwrap();
        let response = place.until_sent(Response::new(Body::from(vec![7; 100_000])));
        assert_eq!(response.body().size_hint().exact(), Some(100_000));
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        assert!(places.for_api().is_none(), "the body is read, and its bytes are not written");
        assert_eq!((bytes.len(), places.running()), (100_000, 1));
        drop(bytes);
        assert_eq!(places.running(), 0);
    }

    #[test]
    fn a_small_one_does_not() {
        let places = Places::new(1);
        let place = places.for_api().unwrap();
        let _response = place.until_sent(Response::new(Body::from("small")));
        assert!(places.for_api().is_some());
    }
}
