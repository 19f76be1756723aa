use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use quota_units::{Amount, Unit};

use super::{
    DENIED, DENIED_REQUESTS, DENIED_TOKENS, DRAWN_REQUESTS, DRAWN_TOKENS, GIVEN_BACK_REQUESTS,
    GIVEN_BACK_TOKENS, GRANTS, HELD_REQUESTS, HELD_TOKENS, LEASES, OVERRUN_TOKENS, WAIT_SECONDS,
    WAITING,
};
use crate::Reason;
use crate::refill::{Orders, Sample};

/// Of one deployment.
pub(crate) struct DeploymentMetrics {
    drawn: MetricsByUnit<Counter>,
    denied: MetricsByUnit<Counter>,
    denied_by_reason: [Counter; Reason::ALL.len()],
    given_back: MetricsByUnit<Counter>,
    overrun_tokens: Counter,
    grants: Counter,
    leases: Gauge,
    held: MetricsByUnit<Gauge>,
    waiting: Gauge,
}

/// One for each unit, in their order.
struct MetricsByUnit<M>([M; Unit::COUNT]);

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
            drawn: MetricsByUnit([DRAWN_TOKENS, DRAWN_REQUESTS].map(counter)),
            denied: MetricsByUnit([DENIED_TOKENS, DENIED_REQUESTS].map(counter)),
            denied_by_reason: Reason::ALL.map(|reason| {
                let deployment = deployment.to_owned();
                let reason = reason.as_str();
                declared(counter!(DENIED, "deployment" => deployment, "reason" => reason))
            }),
            given_back: MetricsByUnit([GIVEN_BACK_TOKENS, GIVEN_BACK_REQUESTS].map(counter)),
            overrun_tokens: counter(OVERRUN_TOKENS),
            grants: counter(GRANTS),
            leases: gauge(LEASES),
            held: MetricsByUnit([HELD_TOKENS, HELD_REQUESTS].map(gauge)),
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
        self.overrun_tokens.increment(orders.overrun.tokens());
        self.leases.set(gauged(sample.leases.len() as u64));
        self.waiting.set(gauged(sample.waiting.total as u64));
        let free = sample.leases.iter().map(|lease| lease.free);
        let held = free.fold(Amount::ZERO, Amount::saturating_add);
        self.held.each(|gauge, unit| gauge.set(gauged(held[unit])));
    }
}

impl<M> MetricsByUnit<M> {
    fn each(&self, tell: impl Fn(&M, Unit)) {
        self.0.iter().zip(Unit::ALL).for_each(|(metric, unit)| tell(metric, unit));
    }
}

impl MetricsByUnit<Counter> {
    fn add(&self, amount: Amount) {
        self.each(|counter, unit| counter.increment(amount[unit]));
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
