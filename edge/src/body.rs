//! Bodies of requests, read into memory: how large each may be, and what all of them may take at
//! once.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How large all bodies may be at once, bytes: a body counts as it arrives, and as long as its
/// place is held. While it is joined of its frames it takes up to three times as much memory.
#[derive(Debug, Clone)]
pub struct BodyRoom(Arc<Semaphore>);

/// The place of one body. It is given back when this is dropped.
#[derive(Debug)]
pub struct BodyPlace(OwnedSemaphorePermit);

/// Why a body is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is larger than one may be.
    #[error("the body is too large")]
    TooLarge,
    /// There is no room for it now.
    #[error("the bodies of other requests take all the room there is")]
    NoRoom,
    /// It ended early.
    #[error("the body broke off")]
    BrokeOff,
}

impl BodyRoom {
    /// So many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }

    /// How many bytes are free.
    #[must_use]
    pub fn free(&self) -> usize {
        self.0.available_permits()
    }

    fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, BodyError> {
        let count = u32::try_from(bytes).unwrap_or(u32::MAX);
        Arc::clone(&self.0).try_acquire_many_owned(count).map_err(|_full| BodyError::NoRoom)
    }

    /// Reads a body of at most so many bytes, frame by frame: what has not arrived takes no room,
    /// whatever its head says.
    ///
    /// # Errors
    /// It is too large, there is no room, or it broke off.
    pub async fn read(&self, body: Body, most: usize) -> Result<(Bytes, BodyPlace), BodyError> {
        let mut body = Limited::new(body, most);
        let mut taken = self.take(0)?;
        let mut bytes = Bytes::new();
        let mut joined = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| match error.is::<LengthLimitError>() {
                true => BodyError::TooLarge,
                false => BodyError::BrokeOff,
            });
            let Ok(data) = frame?.into_data() else { continue };
            taken.merge(self.take(data.len())?);
            if bytes.is_empty() {
                bytes = data;
                continue;
            }
            // Frames are not kept: of one byte each they would be thirty times the body.
            if joined.is_empty() {
                joined.extend_from_slice(&bytes);
            }
            joined.extend_from_slice(&data);
        }
        let bytes = if joined.is_empty() { bytes } else { joined.into() };
        Ok((bytes, BodyPlace(taken)))
    }
}

impl BodyPlace {
    /// Takes room for as many bytes more: what a body becomes, beside it.
    ///
    /// # Errors
    /// There is none now.
    pub fn grow(&mut self, bytes: usize) -> Result<(), BodyError> {
        let room = BodyRoom(Arc::clone(self.0.semaphore()));
        self.0.merge(room.take(bytes)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    use super::*;

    fn frames(sizes: &'static [usize]) -> Body {
        let frame = |size: &usize| Ok::<_, Infallible>(Frame::data(Bytes::from(vec![7; *size])));
        Body::new(StreamBody::new(stream::iter(sizes.iter().map(frame))))
    }

    #[tokio::test]
    async fn a_body_takes_room_until_its_place_is_dropped() {
        let room = BodyRoom::new(100);
        let (bytes, mut place) = room.read(frames(&[30, 1, 1, 28]), 60).await.unwrap();
        assert_eq!((bytes.len(), room.free()), (60, 40));
        assert_eq!(room.read(frames(&[20, 21]), 60).await.unwrap_err(), BodyError::NoRoom);
        assert_eq!(room.free(), 40, "what had arrived of it is gone");
        assert_eq!(room.read(frames(&[20, 20, 21]), 60).await.unwrap_err(), BodyError::TooLarge);
        place.grow(40).unwrap();
        assert_eq!(place.grow(1), Err(BodyError::NoRoom));
        drop(place);
        assert_eq!(room.free(), 100);
    }
}
