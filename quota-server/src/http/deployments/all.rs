//! All deployments in one answer, for callers that know no pages. There may be 100 000 of them, 50
//! MB of JSON: it is written piece by piece, as fast as it is read, so that no task is busy with it
//! for long.

use std::io;
use std::sync::Arc;
use std::vec::IntoIter;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::CONTENT_TYPE;
use quota_api::DeploymentList;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::yield_now;

use crate::http::{Failure, wire};
use crate::ledger::{Ledger, Stored};

/// So many of these answers are under way at once: each refers to all deployments while it is.
/// Others wait for their turn, as long as a request may.
const AT_ONCE: usize = 4;

/// So many deployments are written in one go: less than a millisecond's work.
const PIECE: usize = 128;

/// Writes all deployments.
pub struct AllDeployments {
    room: Arc<Semaphore>,
}

impl Default for AllDeployments {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl AllDeployments {
    /// The answer, by id. It breaks off where one of them cannot be read.
    ///
    /// # Errors
    /// The ledger is away.
    pub(super) async fn of(&self, ledger: &dyn Ledger) -> Result<Response, Failure> {
        let place = Arc::clone(&self.room).acquire_owned().await;
        let place = place.map_err(|_closed| Failure::internal())?;
        let all = ledger.deployments().await?;
        if all.len() <= PIECE {
            let deployments = all.iter().map(wire::shown).collect::<Result<_, _>>()?;
            return Ok(axum::Json(DeploymentList { deployments, next: None }).into_response());
        }
        let rest = Rest { left: all.into_iter(), before: "", _place: place };
        let text = |text: &'static str| stream::iter([Ok(Bytes::from_static(text.as_bytes()))]);
        let pieces = stream::try_unfold(rest, Rest::piece);
        let body = text("{\"deployments\":[").chain(pieces).chain(text("]}"));
        Ok(([(CONTENT_TYPE, "application/json")], Body::from_stream(body)).into_response())
    }
}

/// What is still to be written.
struct Rest {
    left: IntoIter<Stored>,
    /// What stands between the last one and the next.
    before: &'static str,
    /// Until all is written, or its caller has gone.
    _place: OwnedSemaphorePermit,
}

impl Rest {
    async fn piece(mut self) -> io::Result<Option<(Bytes, Self)>> {
        yield_now().await;
        let mut piece = Vec::new();
        for stored in self.left.by_ref().take(PIECE) {
            let shown = wire::shown(&stored).map_err(|_told| io::Error::other("unreadable"))?;
            piece.extend_from_slice(self.before.as_bytes());
            serde_json::to_writer(&mut piece, &shown)?;
            self.before = ",";
        }
        Ok((!piece.is_empty()).then(|| (Bytes::from(piece), self)))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use quota_api::{Deployment, DeploymentSpec};

    use super::*;
    use crate::http::testing::World;

    async fn world(deployments: usize) -> World {
        let world = World::new().await;
        let spec = DeploymentSpec { tpm_limit: Some(1), ..DeploymentSpec::default() };
        for no in 0..deployments {
            let id = format!("d{no:04}").into();
            world.api.ledger.put(wire::put(id, spec.clone(), None).unwrap()).await.unwrap();
        }
        world
    }

    async fn all(world: &World) -> Response {
        world.api.all_deployments.of(&*world.api.ledger).await.unwrap()
    }

    #[tokio::test]
    async fn however_many_there_are_each_is_written_once() {
        for count in [0, 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 1] {
            let body = all(&world(count).await).await.into_body().collect().await.unwrap();
            let list: DeploymentList = serde_json::from_slice(&body.to_bytes()).unwrap();
            let ids = list.deployments.iter().map(|deployment| deployment.id.clone());
            assert!(ids.eq((0..count).map(|no| format!("d{no:04}"))), "{count}");
        }
    }

    #[tokio::test]
    async fn many_are_written_piece_by_piece_for_a_few_at_once() {
        let world = world(2 * PIECE).await;
        let mut unread = Vec::new();
        for _ in 0..AT_ONCE {
            unread.push(all(&world).await);
        }
        let mut body = unread.pop().unwrap().into_body();
        let mut frame = async || body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(frame().await, "{\"deployments\":[");
        let piece = [b"[", &*frame().await, b"]"].concat();
        assert_eq!(serde_json::from_slice::<Vec<Deployment>>(&piece).unwrap().len(), PIECE);
        let mut waiting = Box::pin(all(&world));
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        drop(body);
        assert_eq!(waiting.await.status(), 200, "who has gone away holds up nobody");
    }
}
