use std::sync::Arc;

use quota_units::Amount;
use tracing::Span;

use crate::Moment;
use crate::core::Core;
use crate::metrics::DeploymentMetrics;
use crate::pool::Leases;
use crate::refill::{DeploymentNo, Grant, Orders, Refill, Sample};

/// The driver's side of one deployment: it serves those who wait, and does to the leases what the
/// refill machine orders.
pub(crate) struct Desk {
    no: DeploymentNo,
    core: Arc<Core>,
    leases: Leases,
    metrics: DeploymentMetrics,
}

impl Desk {
    pub(crate) fn new(no: DeploymentNo, core: Arc<Core>) -> Self {
        Self {
            no,
            leases: Leases::of(core.pool.clone()),
            metrics: DeploymentMetrics::new(&core.id),
            core,
        }
    }

    pub(crate) const fn no(&self) -> DeploymentNo {
        self.no
    }

    /// The draws that wait, where they are traced.
    pub(crate) fn traced(&self, spans: &mut Vec<Span>) {
        self.core.queue.traced(spans);
    }

    /// Has a look, if somebody called for it or it is time.
    pub(crate) fn attend(&mut self, refill: &mut Refill, now: Moment) {
        if self.core.signals.has_denied() {
            refill.note_denials(self.no, now);
        }
        if self.core.take_ring() || refill.is_due(self.no, now) {
            self.look(refill, now);
        }
    }

    /// Puts a lease up, after those who wait had theirs.
    pub(crate) fn install(&mut self, grant: &Grant, now: Moment) {
        let queue = &self.core.queue;
        self.leases.install(grant, |draw| {
            queue.serve(|amount| draw(amount, now));
        });
        self.metrics.granted();
    }

    /// Makes known what the server told.
    pub(crate) fn publish(&self, refill: &mut Refill, now: Moment) {
        if let Some(told) = refill.take_told(self.no) {
            let told = Arc::new(told);
            self.core.told.store(told.clone());
            self.core.queue.deny(|amount| told.denial(amount, now), now);
        }
    }

    fn look(&mut self, refill: &mut Refill, now: Moment) {
        let core = &self.core;
        core.queue.serve(|amount| Some(core.pool.draw(amount, now)?.permit));
        let told = core.told.load();
        core.queue.deny(|amount| told.denial(amount, now), now);
        let sample = self.sample(now);
        let orders = refill.look(self.no, &sample, now);
        self.metrics.looked(&sample, &orders);
        self.metrics.denied(self.core.take_denied());
        self.carry_out(&orders, refill);
        self.publish(refill, now);
    }

    fn sample(&self, now: Moment) -> Sample {
        let core = &self.core;
        let told = core.told.load();
        Sample {
            leases: self.leases.sample(),
            waiting: core.queue.waiting(|amount| told.denial(amount, now).is_some()),
            missed: core.signals.take_missed(),
            denied: core.signals.take_denied(),
        }
    }

    fn carry_out(&mut self, orders: &Orders, refill: &mut Refill) {
        let mut given_back = Amount::default();
        for lease in &orders.sweep {
            let amount = self.leases.sweep(*lease);
            refill.took(self.no, *lease, amount);
            given_back = given_back.saturating_add(amount);
        }
        self.metrics.gave_back(given_back);
        for lease in &orders.retire {
            self.leases.retire(*lease);
        }
        self.leases.warn(orders.warn);
    }
}
