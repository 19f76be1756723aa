//! The one file that names metrics. They go through the `metrics` facade to whatever recorder the
//! process has installed, exist from the start with 0, and are counted by the driver from samples:
//! draws pay nothing for them.

use std::sync::Once;
use std::time::Duration;

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};
use quota_api::Amount;

use crate::CallError;
use crate::refill::Sample;
use crate::servers::Origin;

const DRAWN_TOKENS: &str = "gateway_client_drawn_tokens_total";
const DRAWN_REQUESTS: &str = "gateway_client_drawn_requests_total";
const DENIED_TOKENS: &str = "gateway_client_denied_tokens_total";
const DENIED_REQUESTS: &str = "gateway_client_denied_requests_total";
const GIVEN_BACK_TOKENS: &str = "gateway_client_given_back_tokens_total";
const GIVEN_BACK_REQUESTS: &str = "gateway_client_given_back_requests_total";
const GRANTS: &str = "gateway_client_grants_total";
const LEASES: &str = "gateway_client_held_leases";
const WAITING: &str = "gateway_client_waiting_draws";
const BATCHES: &str = "gateway_client_batches_total";
const BATCH_SECONDS: &str = "gateway_client_batch_seconds";
const FAILOVERS: &str = "gateway_client_failovers_total";
const SERVER_IN_USE: &str = "gateway_client_server_in_use";
const SERVER_UP: &str = "gateway_client_server_up";

fn describe() {
    let count = |name: &'static str, text: &'static str| {
        describe_counter!(name, Unit::Count, text);
    };
    count(DRAWN_TOKENS, "Tokens drawn from leases.");
    count(DRAWN_REQUESTS, "Requests drawn from leases.");
    count(DENIED_TOKENS, "Tokens of draws that were denied.");
    count(DENIED_REQUESTS, "Draws that were denied.");
    count(GIVEN_BACK_TOKENS, "Tokens taken out of leases to give back.");
    count(GIVEN_BACK_REQUESTS, "Requests taken out of leases to give back.");
    count(GRANTS, "Leases granted.");
    count(BATCHES, "Messages to the quota server, by outcome.");
    count(FAILOVERS, "Messages that went on to another quota server at once.");
    describe_gauge!(SERVER_IN_USE, Unit::Count, "1 for the server that messages go to.");
    describe_gauge!(LEASES, Unit::Count, "Leases held, ended ones with running requests included.");
    describe_gauge!(WAITING, Unit::Count, "Draws that wait for a lease.");
    describe_gauge!(SERVER_UP, Unit::Count, "1 if the last message was answered.");
    describe_histogram!(BATCH_SECONDS, Unit::Seconds, "How long messages took.");
}

static DESCRIBED: Once = Once::new();

/// Of the client as a whole.
pub(crate) struct ClientMetrics {
    answered: Counter,
    failed: Counter,
    seconds: Histogram,
    up: Gauge,
    is_up: bool,
    failovers: Counter,
    /// Of the server that the last message went to.
    in_use: Option<(Origin, Gauge)>,
}

impl ClientMetrics {
    pub(crate) fn new() -> Self {
        DESCRIBED.call_once(describe);
        let metrics = Self {
            answered: counter!(BATCHES, "outcome" => "answered"),
            failed: counter!(BATCHES, "outcome" => "failed"),
            seconds: histogram!(BATCH_SECONDS),
            up: gauge!(SERVER_UP),
            is_up: true,
            failovers: counter!(FAILOVERS),
            in_use: None,
        };
        metrics.failovers.absolute(0);
        metrics.answered.absolute(0);
        metrics.failed.absolute(0);
        metrics.up.set(1);
        metrics
    }

    /// Whether the last message was answered.
    pub(crate) const fn is_up(&self) -> bool {
        self.is_up
    }

    pub(crate) fn reached(&mut self, is_up: bool) {
        self.is_up = is_up;
        self.up.set(f64::from(u8::from(is_up)));
    }

    pub(crate) fn failed_over(&self) {
        self.failovers.increment(1);
    }

    /// A message goes to this server.
    pub(crate) fn uses(&mut self, server: &Origin) {
        if self.in_use.as_ref().is_some_and(|(in_use, _)| in_use == server) {
            return;
        }
        let gauge = gauge!(SERVER_IN_USE, "server" => server.to_string());
        gauge.set(1);
        if let Some((_, before)) = self.in_use.replace((server.clone(), gauge)) {
            before.set(0);
        }
    }

    pub(crate) fn answered<T>(&self, answer: &Result<T, CallError>, took: Duration) {
        self.seconds.record(took);
        match answer {
            Ok(_) => self.answered.increment(1),
            Err(_) => self.failed.increment(1),
        }
    }
}

/// Of one deployment.
pub(crate) struct DeploymentMetrics {
    drawn: Pair,
    denied: Pair,
    given_back: Pair,
    grants: Counter,
    leases: Gauge,
    waiting: Gauge,
}

struct Pair {
    tokens: Counter,
    requests: Counter,
}

impl DeploymentMetrics {
    pub(crate) fn new(deployment: &str) -> Self {
        let counter = |name: &'static str| {
            let counter = counter!(name, "deployment" => deployment.to_owned());
            counter.increment(0);
            counter
        };
        let gauge = |name: &'static str| {
            let gauge = gauge!(name, "deployment" => deployment.to_owned());
            gauge.set(0);
            gauge
        };
        let pair = |tokens, requests| Pair { tokens: counter(tokens), requests: counter(requests) };
        Self {
            drawn: pair(DRAWN_TOKENS, DRAWN_REQUESTS),
            denied: pair(DENIED_TOKENS, DENIED_REQUESTS),
            given_back: pair(GIVEN_BACK_TOKENS, GIVEN_BACK_REQUESTS),
            grants: counter(GRANTS),
            leases: gauge(LEASES),
            waiting: gauge(WAITING),
        }
    }

    pub(crate) fn granted(&self) {
        self.grants.increment(1);
    }

    pub(crate) fn gave_back(&self, amount: Amount) {
        self.given_back.add(amount);
    }

    pub(crate) fn looked(&self, sample: &Sample, drawn: Amount) {
        self.drawn.add(drawn);
        self.denied.add(sample.denied);
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        self.leases.set(count(sample.leases.len()));
        self.waiting.set(count(sample.waiting.total));
    }
}

impl Pair {
    fn add(&self, amount: Amount) {
        self.tokens.increment(amount.tokens);
        self.requests.increment(amount.requests);
    }
}
