//! An answer that is no text, on its way from the provider to the caller as it comes. It says
//! nothing of usage: what was reserved for it stands.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use tokio::time::{Instant, timeout};

use super::answer::Pieces;
use super::bill::Bill;
use super::relay::WHOLE;
use super::{BoxError, fail};
use crate::metrics::InFlight;
use crate::routing::{Fault, Stay};

pub(super) type RawPieces = BoxStream<'static, Result<Bytes, BoxError>>;

/// Why it broke off.
#[derive(Debug, thiserror::Error)]
enum TransferFault {
    #[error("the upstream said nothing for {} s", .0.as_secs_f64())]
    Silent(Duration),
    #[error("the answer took longer than {} s", WHOLE.as_secs())]
    Endless,
}

/// Hands the pieces on. Where they break off the caller's connection does: nothing that could be
/// told it fits into a file of sound.
pub(super) fn relay(
    upstream: Pieces,
    (bill, stay): (Bill, Stay),
    in_flight: [InFlight; 2],
) -> RawPieces {
    let silence = stay.member().target.stream_timeout;
    let until = Instant::now() + WHOLE;
    let state = (upstream, bill, stay, in_flight);
    let pieces = futures_util::stream::try_unfold(state, move |mut state| async move {
        let (upstream, _, stay, _) = &mut state;
        let left = until.saturating_duration_since(Instant::now());
        let (piece, fault) = match timeout(silence.min(left), upstream.next()).await {
            Ok(piece) => (piece.transpose(), Fault::Failed),
            Err(_late) if left < silence => (Err(TransferFault::Endless.into()), Fault::TimedOut),
            Err(_late) => (Err(TransferFault::Silent(silence).into()), Fault::TimedOut),
        };
        let piece = piece.inspect_err(|error| {
            let deployment = &stay.member().target.id;
            tracing::warn!(?deployment, %error, "an answer broke off");
            fail(stay, fault);
        })?;
        Ok::<_, BoxError>(piece.map(|piece| (piece, state)))
    });
    pieces.into_stream().boxed()
}
