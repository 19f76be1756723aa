use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use gateway_client::Moment;

use crate::Samples;
use crate::health::Fault;

/// What a time-out counts as, in seconds: as LiteLLM has it, more than any answer takes.
const TIMED_OUT_S: f64 = 1_000.0;

/// What this process saw of a deployment: atomics only, so that nobody waits and nothing is lost.
#[derive(Debug, Default)]
pub struct Statistics {
    in_flight: AtomicU64,
    /// When it failed last, nanoseconds of the clock.
    failed_at: AtomicU64,
    /// Seconds from sending a request to its whole answer, for each token of output.
    pub whole: Samples,
    /// Seconds from sending a request to the first byte of its streamed answer. Kept apart: it is
    /// another quantity than the one above.
    pub first: Samples,
}

impl Statistics {
    /// Requests that were chosen for it and have not ended.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Relaxed)
    }

    /// Counts one more in flight, if there are fewer than `most`.
    pub(crate) fn took_off(&self, most: Option<u32>) -> bool {
        let most = most.map_or(u64::MAX, u64::from);
        let more = |flying| (flying < most).then_some(flying + 1);
        self.in_flight.try_update(Relaxed, Relaxed, more).is_ok()
    }

    pub(crate) fn landed(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }

    /// A whole answer took so long. An answer without output, as embeddings are, counts as one
    /// token.
    #[expect(clippy::cast_precision_loss, reason = "no answer has 2^53 tokens")]
    pub(crate) fn answered(&self, took: Duration, output_tokens: u64, now: Moment) {
        self.whole.record(took.as_secs_f64() / output_tokens.max(1) as f64, now);
    }

    /// The first byte of a stream took so long.
    pub(crate) fn began(&self, took: Duration, now: Moment) {
        self.first.record(took.as_secs_f64(), now);
    }

    /// A time-out counts as a very slow answer. Of the other faults nothing follows about an
    /// answer.
    pub(crate) fn failed(&self, fault: Fault, now: Moment) {
        self.failed_at.fetch_max(now.nanos(), Relaxed);
        if fault == Fault::TimedOut {
            self.whole.record(TIMED_OUT_S, now);
            self.first.record(TIMED_OUT_S, now);
        }
    }

    /// Whether it failed since.
    pub(crate) fn has_failed_since(&self, since: Moment) -> bool {
        self.failed_at.load(Relaxed) > since.nanos()
    }
}
