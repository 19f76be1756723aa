//! All metrics of the gateway's own, named, described and declared here and nowhere else; those of
//! its leases are the client crate's. The handles are made once, at start, so that every series
//! exists from then on with 0 and the hot path looks nothing up.

mod deployment;
mod group;
mod http;
mod process;

use std::time::Duration;

use metrics::{Counter, Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

pub use deployment::{DeploymentMetrics, InFlight};
pub use group::GroupMetrics;
pub use http::HttpMetrics;

const HTTP_REQUESTS: &str = "openai_gateway_http_requests_total";
const CONNECTIONS_CUT: &str = "openai_gateway_http_connections_cut_total";
const CONNECTIONS_REFUSED: &str = "openai_gateway_http_connections_refused_total";
const BODIES_REFUSED: &str = "openai_gateway_http_bodies_refused_total";
const REQUESTS: &str = "openai_gateway_requests_total";
const DENIED: &str = "openai_gateway_denied_total";
const ADDED: &str = "openai_gateway_added_seconds";
const IN_FLIGHT: &str = "openai_gateway_upstream_requests_in_flight";
const STREAMS: &str = "openai_gateway_streams_in_flight";
const UPSTREAM: &str = "openai_gateway_upstream_duration_seconds";
const UNREACHED: &str = "openai_gateway_upstream_unreached_total";
const LIMITED: &str = "openai_gateway_upstream_limited_total";
const ESTIMATED: &str = "openai_gateway_tokens_estimated_total";
const USED: &str = "openai_gateway_tokens_used_total";
const UNSETTLED: &str = "openai_gateway_unsettled_total";
const COOLED: &str = "openai_gateway_cooled_total";
const RETRIED: &str = "openai_gateway_retried_total";
const WAITING: &str = "openai_gateway_waiting_requests";
const CERTIFICATE_END: &str = "openai_gateway_certificate_end_timestamp_seconds";
const BUILD_INFO: &str = "openai_gateway_build_info";

const COUNTERS: &[(&str, &str)] = &[
    (HTTP_REQUESTS, "Requests of callers answered, by route and class of status"),
    (CONNECTIONS_CUT, "Connections cut because the caller took in nothing of its answer"),
    (
        CONNECTIONS_REFUSED,
        "Connections closed at once because their address had --max-connections-per-ip",
    ),
    (BODIES_REFUSED, "Requests refused because other bodies took all the room there is"),
    (REQUESTS, "Requests that a deployment answered, by class of status"),
    (DENIED, "Requests that no deployment of the group could take, by reason"),
    (UNREACHED, "Requests that never reached the upstream: given back"),
    (LIMITED, "Requests that the upstream denied for its own limit, with 429"),
    (ESTIMATED, "Tokens reserved before the call, of settled requests"),
    (USED, "Tokens that the upstream said it used"),
    (COOLED, "Times that a deployment was left alone because its upstream failed"),
    (RETRIED, "Requests of the group that were tried again elsewhere after an upstream failed"),
    (UNSETTLED, "Requests of unknown usage: charged as reserved"),
];

const GAUGES: &[(&str, &str)] = &[
    (IN_FLIGHT, "Requests that wait for the upstream or its answer's end"),
    (STREAMS, "Streamed answers on their way to callers"),
    (WAITING, "Requests of the group that wait for room, as long as they may"),
    (
        CERTIFICATE_END,
        "When the certificate that the gateway shows, or the first of those beside it, ends; 0 without one",
    ),
    (BUILD_INFO, "1, with the version as a label"),
];

const HISTOGRAMS: &[(&str, &str)] = &[
    (
        ADDED,
        "What the gateway adds: from a request's body to its sending, waits for quota included",
    ),
    (UPSTREAM, "From sending a request to its answer's head"),
];

/// From a fast embedding to a slow answer of a reasoning model.
const UPSTREAM_SECONDS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// From a draw that a lease covers to one that waits for quota.
const SECONDS: &[f64] = &[
    0.000_025, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
    0.5, 1.0, 2.5,
];

const UPKEEP: Duration = Duration::from_secs(5);

/// Makes this process's metrics go to Prometheus.
///
/// # Errors
/// The process has a recorder already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
        .set_buckets_for_metric(Matcher::Full(UPSTREAM.to_owned()), UPSTREAM_SECONDS)?
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

/// All metrics as text, those of the process as they are now.
#[must_use]
pub fn render(handle: &PrometheusHandle) -> String {
    process::collect();
    handle.render()
}

fn describe() {
    for &(name, help) in COUNTERS {
        describe_counter!(name, Unit::Count, help);
    }
    for &(name, help) in GAUGES {
        describe_gauge!(name, Unit::Count, help);
    }
    for &(name, help) in HISTOGRAMS {
        describe_histogram!(name, Unit::Seconds, help);
    }
    process::describe();
    traces::describe();
}

/// A connection was cut, since nothing was taken in of what was written to it.
pub fn connection_cut() {
    metrics::counter!(CONNECTIONS_CUT).increment(1);
}

/// A connection was closed, since its address had as many as it may.
pub fn connection_refused() {
    metrics::counter!(CONNECTIONS_REFUSED).increment(1);
}

/// The gateway's certificate ends then, s since 1970; 0: it has none.
pub(crate) fn certificate_ends(at_s: i64) {
    metrics::gauge!(CERTIFICATE_END)
        .set(Duration::from_secs(at_s.max(0).unsigned_abs()).as_secs_f64());
}

/// There was no room for a body.
pub(crate) fn body_refused() {
    metrics::counter!(BODIES_REFUSED).increment(1);
}

/// A series exists once it is touched.
fn declared(counter: Counter) -> Counter {
    counter.absolute(0);
    counter
}
