//! All metrics of the gateway's own, named, described and declared here and nowhere else. The handles
//! are made once, at start, so that every series exists from then on with 0 and the hot path looks
//! nothing up.

use std::time::Duration;

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

use crate::routing::Refusal;

const REQUESTS: &str = "openai_gateway_requests_total";
const DENIED: &str = "openai_gateway_denied_total";
const IN_FLIGHT: &str = "openai_gateway_upstream_requests_in_flight";
const UPSTREAM: &str = "openai_gateway_upstream_duration_seconds";
const UNREACHED: &str = "openai_gateway_upstream_unreached_total";
const ESTIMATED: &str = "openai_gateway_tokens_estimated_total";
const USED: &str = "openai_gateway_tokens_used_total";
const UNSETTLED: &str = "openai_gateway_unsettled_total";

/// From a fast embedding to a slow answer of a reasoning model.
const BUCKETS_SECONDS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

const UPKEEP: Duration = Duration::from_secs(5);

/// Makes this process's metrics go to Prometheus.
///
/// # Errors
/// The process has a recorder already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), BUCKETS_SECONDS)?
        .install_recorder()?;
    describe();
    Ok(handle)
}

/// Empties the histograms' buffers now and then, until the stop: they grow while nobody scrapes.
pub async fn upkeep(handle: PrometheusHandle, stop: CancellationToken) {
    let mut beat = tokio::time::interval(UPKEEP);
    while stop.run_until_cancelled(beat.tick()).await.is_some() {
        handle.run_upkeep();
    }
}

fn describe() {
    describe_counter!(REQUESTS, "Requests that a deployment answered, by status class");
    describe_counter!(DENIED, "Requests that no deployment of the group could take, by reason");
    describe_gauge!(IN_FLIGHT, "Requests that wait for the upstream or its answer's end");
    describe_histogram!(UPSTREAM, Unit::Seconds, "From sending a request to its answer's head");
    describe_counter!(UNREACHED, "Requests that never reached the upstream: given back");
    describe_counter!(ESTIMATED, "Tokens reserved before the call, of settled requests");
    describe_counter!(USED, "Tokens that the upstream said it used");
    describe_counter!(UNSETTLED, "Requests of unknown usage: charged as reserved");
}

/// The metrics of one deployment.
#[derive(Clone)]
pub struct DeploymentMetrics {
    /// By status class, from 2xx to 5xx.
    answered: [Counter; 4],
    in_flight: Gauge,
    upstream: Histogram,
    unreached: Counter,
    estimated: Counter,
    used: Counter,
    unsettled: Counter,
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
            upstream: histogram!(UPSTREAM, &labels),
            unreached: declared(counter!(UNREACHED, &labels)),
            estimated: declared(counter!(ESTIMATED, &labels)),
            used: declared(counter!(USED, &labels)),
            unsettled: declared(counter!(UNSETTLED, &labels)),
        }
    }

    /// The upstream answered with this status, after this long.
    pub fn answered(&self, status: http::StatusCode, after: Duration) {
        let class = usize::from(status.as_u16() / 100).clamp(2, 5) - 2;
        self.answered[class].increment(1);
        self.upstream.record(after.as_secs_f64());
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

    /// Counts a request as in flight, until the answer is dropped.
    #[must_use]
    pub fn fly(&self) -> InFlight {
        self.in_flight.increment(1.0);
        InFlight(self.in_flight.clone())
    }
}

/// A request in flight.
pub struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// The metrics of one model group.
#[derive(Clone)]
pub struct GroupMetrics {
    denied: [Counter; Refusal::ALL.len()],
}

impl GroupMetrics {
    /// Declares them.
    #[must_use]
    pub fn new(model_group: &str) -> Self {
        let denied = Refusal::ALL.map(|refusal| {
            let group = model_group.to_owned();
            declared(counter!(DENIED, "model_group" => group, "reason" => refusal.as_str()))
        });
        Self { denied }
    }

    /// A request was denied.
    pub fn denied(&self, refusal: Refusal) {
        self.denied[refusal as usize].increment(1);
    }
}

/// A series exists once it is touched.
fn declared(counter: Counter) -> Counter {
    counter.absolute(0);
    counter
}
