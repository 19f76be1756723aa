//! A stream on its way from the provider to the caller: settled by the usage in it. When the caller
//! hangs up, the relay is dropped, and with it the provider's stream and the bill, unsettled.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt};

use super::bill::Bill;
use super::sse::{Events, Said, TooLong, read};
use crate::metrics::InFlight;

/// Why a stream broke off.
#[derive(Debug, thiserror::Error)]
pub(super) enum BrokenOff {
    #[error("the upstream broke off its stream: {0}")]
    Upstream(#[source] BoxError),
    #[error("the upstream said nothing for {} s", .0.as_secs_f64())]
    Silent(Duration),
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

pub(super) type Pieces = BoxStream<'static, Result<Bytes, BoxError>>;

pub(super) struct Relay {
    upstream: Pieces,
    events: Events,
    /// Until it is settled.
    bill: Option<Bill>,
    /// Tokens, by the last usage that was said.
    used: Option<u64>,
    /// The caller asked for the usage: its chunk isn't dropped.
    include_usage: bool,
    /// The longest silence that is borne.
    silence: Duration,
    ended: bool,
    _in_flight: [InFlight; 2],
}

impl Relay {
    pub(super) fn new(
        upstream: Pieces,
        bill: Bill,
        include_usage: bool,
        silence: Duration,
        in_flight: [InFlight; 2],
    ) -> Self {
        Self {
            upstream,
            events: Events::default(),
            bill: Some(bill),
            used: None,
            include_usage,
            silence,
            ended: false,
            _in_flight: in_flight,
        }
    }

    /// The caller's stream.
    pub(super) fn stream(self) -> impl Stream<Item = Result<Bytes, BrokenOff>> + Send {
        futures_util::stream::try_unfold(self, |mut relay| async move {
            let piece = relay.next().await?;
            Ok(piece.map(|piece| (piece, relay)))
        })
    }

    /// The next piece for the caller.
    async fn next(&mut self) -> Result<Option<Bytes>, BrokenOff> {
        while !self.ended {
            while let Some(event) = self.events.next() {
                if self.passes(&event) {
                    return Ok(Some(event));
                }
            }
            if let Some(rest) = self.more().await? {
                return Ok(Some(rest));
            }
        }
        Ok(None)
    }

    /// Takes in the next chunk; at the end, hands out what is left.
    async fn more(&mut self) -> Result<Option<Bytes>, BrokenOff> {
        let chunk = tokio::time::timeout(self.silence, self.upstream.next());
        match chunk.await.map_err(|_| BrokenOff::Silent(self.silence))? {
            Some(chunk) => {
                self.events.push(&chunk.map_err(BrokenOff::Upstream)?)?;
                Ok(None)
            }
            None => Ok(self.end()),
        }
    }

    fn end(&mut self) -> Option<Bytes> {
        self.ended = true;
        let rest = self.events.rest();
        let passes = !rest.is_empty() && self.passes(&rest);
        self.settle();
        passes.then_some(rest)
    }

    /// Whether the caller is to see the event.
    fn passes(&mut self, event: &[u8]) -> bool {
        match read(event) {
            Said::Usage(tokens) => {
                self.used = Some(tokens);
                self.settle();
                return self.include_usage;
            }
            Said::UsageSoFar(tokens) => self.used = Some(tokens),
            Said::Done => self.settle(),
            Said::Other => {}
        }
        true
    }

    /// Once, with the last usage that was said; where none was, the bill is charged in full.
    fn settle(&mut self) {
        if let (Some(tokens), Some(bill)) = (self.used, self.bill.take()) {
            bill.settle(tokens);
        }
    }
}
