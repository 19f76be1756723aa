//! A stream on its way from the provider to the caller: settled by the usage in it. When the caller
//! hangs up, the relay is dropped, and with it the provider's stream and the bill, unsettled.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::time::Instant;

use super::answer::Pieces;
use super::bill::Bill;
use super::sse::{Events, Said, TooLong, read};
use super::{BoxError, fail};
use crate::metrics::InFlight;
use crate::routing::{Fault, Stay};

/// The longest that a stream may take, however much it says.
const WHOLE: Duration = Duration::from_secs(3_600);

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

/// What OpenAI's clients raise an error of, wherever it stands in a stream. `{}`: the message and the code.
macro_rules! last_event {
    ($message:literal, $code:literal) => {
        concat!(
            "data: {\"error\":{\"message\":\"",
            $message,
            "\",\"type\":\"upstream_error\",\"param\":null,\"code\":\"",
            $code,
            "\"}}\n\n"
        )
    };
}

impl BrokenOff {
    /// What the caller is told, as the last event.
    const fn event(&self) -> &'static str {
        match self {
            Self::Upstream(_) | Self::TooLong(_) => {
                last_event!("The upstream broke off its stream.", "upstream_broken_off")
            }
            Self::Silent(_) | Self::Endless => {
                last_event!("The upstream did not go on in time.", "upstream_timed_out")
            }
        }
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
    upstream: Pieces,
    events: Events,
    /// Until it is settled.
    bill: Option<Bill>,
    stay: Stay,
    /// Tokens, by the last usage that was said.
    used: Option<u64>,
    /// The caller asked for the usage: its chunk isn't dropped.
    include_usage: bool,
    /// When it must be over.
    until: Instant,
    ended: bool,
    _in_flight: [InFlight; 2],
}

impl Relay {
    pub(super) fn new(
        upstream: Pieces,
        bill: Bill,
        stay: Stay,
        include_usage: bool,
        in_flight: [InFlight; 2],
    ) -> Self {
        Self {
            upstream,
            events: Events::default(),
            bill: Some(bill),
            stay,
            used: None,
            include_usage,
            until: Instant::now() + WHOLE,
            ended: false,
            _in_flight: in_flight,
        }
    }

    /// The caller's stream. Where the provider's breaks off, an event says so last, and it ends well: a connection
    /// that is cut tells a caller nothing.
    pub(super) fn stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
        futures_util::stream::unfold(self, |mut relay| async move {
            match relay.next().await {
                Ok(piece) => piece.map(|piece| (Ok(piece), relay)),
                Err(broken) => {
                    relay.break_off(&broken);
                    Some((Ok(Bytes::from_static(broken.event().as_bytes())), relay))
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
