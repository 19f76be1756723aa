use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use quota_api::Amount;

use super::{
    DENIED, DENIED_REQUESTS, DENIED_TOKENS, DRAWN_REQUESTS, DRAWN_TOKENS, GIVEN_BACK_REQUESTS,
    GIVEN_BACK_TOKENS, GRANTS, HELD_REQUESTS, HELD_TOKENS, LEASES, OVERRUN_TOKENS, WAIT_SECONDS,
    WAITING,
};
use crate::Reason;
use crate::refill::{Orders, Sample};

/// Of one deployment.
pub(crate) struct DeploymentMetrics {
    drawn: Pair<Counter>,
    denied: Pair<Counter>,
    denied_by_reason: [Counter; Reason::ALL.len()],
    given_back: Pair<Counter>,
    overrun_tokens: Counter,
    grants: Counter,
    leases: Gauge,
    held: Pair<Gauge>,
    waiting: Gauge,
}

struct Pair<M> {
    tokens: M,
    requests: M,
}

/// How long draws of a deployment wait. Those who wait record it, not the driver.
pub(crate) fn waits(deployment: &str) -> Histogram {
    histogram!(WAIT_SECONDS, "deployment" => deployment.to_owned())
}

impl DeploymentMetrics {
    pub(crate) fn new(deployment: &str) -> Self {
        let counter =
            |name: &'static str| declared(counter!(name, "deployment" => deployment.to_owned()));
        let gauge = |name: &'static str| {
            let gauge = gauge!(name, "deployment" => deployment.to_owned());
            gauge.set(0);
            gauge
        };
        Self {
            drawn: Pair { tokens: counter(DRAWN_TOKENS), requests: counter(DRAWN_REQUESTS) },
            denied: Pair { tokens: counter(DENIED_TOKENS), requests: counter(DENIED_REQUESTS) },
            denied_by_reason: Reason::ALL.map(|reason| {
                let deployment = deployment.to_owned();
                let reason = reason.as_str();
                declared(counter!(DENIED, "deployment" => deployment, "reason" => reason))
            }),
            given_back: Pair {
                tokens: counter(GIVEN_BACK_TOKENS),
                requests: counter(GIVEN_BACK_REQUESTS),
            },
            overrun_tokens: counter(OVERRUN_TOKENS),
            grants: counter(GRANTS),
            leases: gauge(LEASES),
            held: Pair { tokens: gauge(HELD_TOKENS), requests: gauge(HELD_REQUESTS) },
            waiting: gauge(WAITING),
        }
    }

    pub(crate) fn granted(&self) {
        self.grants.increment(1);
    }

    pub(crate) fn gave_back(&self, amount: Amount) {
        self.given_back.add(amount);
    }

    /// Draws were denied for these reasons, in the order of [`Reason::ALL`].
    pub(crate) fn denied(&self, by_reason: [u64; Reason::ALL.len()]) {
        for (counter, draws) in self.denied_by_reason.iter().zip(by_reason) {
            counter.increment(draws);
        }
    }

    pub(crate) fn looked(&self, sample: &Sample, orders: &Orders) {
        self.drawn.add(orders.drawn);
        self.denied.add(sample.denied);
        self.overrun_tokens.increment(orders.overrun.tokens);
        self.leases.set(gauged(sample.leases.len() as u64));
        self.waiting.set(gauged(sample.waiting.total as u64));
        let free = |unit: fn(Amount) -> u64| {
            sample.leases.iter().fold(0, |sum: u64, lease| sum.saturating_add(unit(lease.free)))
        };
        self.held.tokens.set(gauged(free(|amount| amount.tokens)));
        self.held.requests.set(gauged(free(|amount| amount.requests)));
    }
}

impl Pair<Counter> {
    fn add(&self, amount: Amount) {
        self.tokens.increment(amount.tokens);
        self.requests.increment(amount.requests);
    }
}

/// A series exists once it is touched.
fn declared(counter: Counter) -> Counter {
    counter.increment(0);
    counter
}

/// A gauge is a double: whole up to 2^53, which no limit exceeds.
#[expect(clippy::cast_precision_loss, reason = "nothing counted here reaches 2^53")]
fn gauged(value: u64) -> f64 {
    value as f64
}
