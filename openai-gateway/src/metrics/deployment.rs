use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::{
    COOLED, ESTIMATED, IN_FLIGHT, LIMITED, REQUESTS, STREAMS, UNREACHED, UNSETTLED, UPSTREAM, USED,
    declared,
};

/// The metrics of one deployment.
#[derive(Clone)]
pub struct DeploymentMetrics {
    /// By status class, from 2xx to 5xx.
    answered: [Counter; 4],
    in_flight: Gauge,
    streams: Gauge,
    upstream: Histogram,
    limited: Counter,
    unreached: Counter,
    estimated: Counter,
    used: Counter,
    unsettled: Counter,
    cooled: Counter,
}

impl DeploymentMetrics {
    /// Declares them.
    #[must_use]
    pub fn new(model_group: &str, deployment: &str) -> Self {
        let labels =
            [("model_group", model_group.to_owned()), ("deployment", deployment.to_owned())];
        Self {
            answered: ["2xx", "3xx", "4xx", "5xx"].map(|status| {
                let [group, deployment] = labels.clone();
                let status = ("status", status.to_owned());
                declared(counter!(REQUESTS, &[group, deployment, status]))
            }),
            in_flight: gauge!(IN_FLIGHT, &labels),
            streams: gauge!(STREAMS, &labels),
            upstream: histogram!(UPSTREAM, &labels),
            limited: declared(counter!(LIMITED, &labels)),
            unreached: declared(counter!(UNREACHED, &labels)),
            estimated: declared(counter!(ESTIMATED, &labels)),
            used: declared(counter!(USED, &labels)),
            unsettled: declared(counter!(UNSETTLED, &labels)),
            cooled: declared(counter!(COOLED, &labels)),
        }
    }

    /// The upstream answered with this status, after this long.
    pub fn answered(&self, status: http::StatusCode, after: Duration) {
        let class = usize::from(status.as_u16() / 100).clamp(2, 5) - 2;
        self.answered[class].increment(1);
        self.upstream.record(after.as_secs_f64());
        if status == http::StatusCode::TOO_MANY_REQUESTS {
            self.limited.increment(1);
        }
    }

    /// The upstream wasn't reached.
    pub fn unreached(&self) {
        self.unreached.increment(1);
    }

    /// A request was settled.
    pub fn settled(&self, estimated_tokens: u64, used_tokens: u64) {
        self.estimated.increment(estimated_tokens);
        self.used.increment(used_tokens);
    }

    /// A request ended, and nobody knows what it used.
    pub fn unsettled(&self) {
        self.unsettled.increment(1);
    }

    /// It is left alone for a while.
    pub fn cooled(&self) {
        self.cooled.increment(1);
    }

    /// Counts a request as in flight, until the answer is dropped.
    #[must_use]
    pub fn fly(&self) -> InFlight {
        InFlight::of(&self.in_flight)
    }

    /// Counts a streamed answer, until the answer is dropped.
    #[must_use]
    pub fn stream(&self) -> InFlight {
        InFlight::of(&self.streams)
    }
}

/// Something in flight.
pub struct InFlight(Gauge);

impl InFlight {
    fn of(gauge: &Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
