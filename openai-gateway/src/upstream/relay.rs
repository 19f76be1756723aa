//! A stream on its way from the provider to the caller: settled by the usage in it. When the caller
//! hangs up, the relay is dropped, and with it the provider's stream and the bill, unsettled.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::time::Instant;

use super::answer::Pieces;
use super::bill::Bill;
use super::sse::{Events, TooLong, data};
use super::{BoxError, fail};
use crate::endpoints::usage::{Counts, EventSaid, Used};
use crate::endpoints::{Dialect, Endpoint};
use crate::metrics::InFlight;
use crate::routing::{Fault, Stay};

/// The longest that a stream may take, however much it says.
pub(super) const WHOLE: Duration = Duration::from_secs(3_600);

/// Why a stream broke off.
#[derive(Debug, thiserror::Error)]
pub(super) enum BrokenOff {
    #[error("the upstream broke off its stream: {0}")]
    Upstream(#[source] BoxError),
    #[error("the upstream said nothing for {} s", .0.as_secs_f64())]
    Silent(Duration),
    #[error("the stream took longer than {} s", WHOLE.as_secs())]
    Endless,
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

impl BrokenOff {
    /// What the caller is told, as the last event.
    fn event(&self, dialect: Dialect) -> String {
        let (message, code) = match self {
            Self::Upstream(_) | Self::TooLong(_) => {
                ("The upstream broke off its stream.", "upstream_broken_off")
            }
            Self::Silent(_) | Self::Endless => {
                ("The upstream did not go on in time.", "upstream_timed_out")
            }
        };
        dialect.last_event(message, code)
    }

    const fn fault(&self) -> Option<Fault> {
        match self {
            Self::Upstream(_) => Some(Fault::Failed),
            Self::Silent(_) => Some(Fault::TimedOut),
            Self::Endless | Self::TooLong(_) => None,
        }
    }
}

pub(super) struct Relay {
    endpoint: &'static Endpoint,
    upstream: Pieces,
    events: Events,
    /// Until it is settled.
    bill: Option<Bill>,
    stay: Stay,
    /// What was said of usage so far.
    counts: Counts,
    /// The caller didn't ask for the usage: an event with nothing else is dropped.
    hides_usage: bool,
    /// When it must be over.
    until: Instant,
    ended: bool,
    _in_flight: [InFlight; 2],
}

impl Relay {
    pub(super) fn new(
        endpoint: &'static Endpoint,
        upstream: Pieces,
        (bill, stay): (Bill, Stay),
        hides_usage: bool,
        in_flight: [InFlight; 2],
    ) -> Self {
        Self {
            endpoint,
            upstream,
            events: Events::default(),
            bill: Some(bill),
            stay,
            counts: Counts::default(),
            hides_usage,
            until: Instant::now() + WHOLE,
            ended: false,
            _in_flight: in_flight,
        }
    }

    /// The caller's stream. Where the provider's breaks off, an event says so last, and it ends
    /// well: a connection that is cut tells a caller nothing.
    pub(super) fn stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
        futures_util::stream::unfold(self, |mut relay| async move {
            match relay.next().await {
                Ok(piece) => piece.map(|piece| (Ok(piece), relay)),
                Err(broken) => {
                    relay.break_off(&broken);
                    let last = broken.event(relay.endpoint.dialect);
                    Some((Ok(Bytes::from(last)), relay))
                }
            }
        })
    }

    fn break_off(&mut self, broken: &BrokenOff) {
        self.ended = true;
        let deployment = &self.stay.member().target.id;
        tracing::warn!(?deployment, error = %broken, "a stream broke off");
        broken.fault().into_iter().for_each(|fault| fail(&self.stay, fault));
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
        let silence = self.stay.member().target.stream_timeout;
        let left = self.until.saturating_duration_since(Instant::now());
        let chunk = tokio::time::timeout(silence.min(left), self.upstream.next());
        let late = if left < silence { BrokenOff::Endless } else { BrokenOff::Silent(silence) };
        match chunk.await.map_err(|_| late)? {
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
        let said = data(event).map_or(EventSaid::Other, self.endpoint.said);
        let (counts, is_last) = match said {
            EventSaid::Other => return true,
            EventSaid::SoFar(counts) => (counts, false),
            EventSaid::Usage(counts) | EventSaid::Done(counts) => (counts, true),
        };
        self.counts = self.counts.and(counts);
        if is_last {
            self.settle();
        }
        !self.hides_usage || !matches!(said, EventSaid::Usage(_))
    }

    /// Once, with the last usage that was said; where none was, the bill is charged in full.
    fn settle(&mut self) {
        if let Some(Used { total, .. }) = self.counts.used()
            && let Some(bill) = self.bill.take()
        {
            bill.settle(total);
        }
    }
}
