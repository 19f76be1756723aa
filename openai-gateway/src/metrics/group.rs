use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::{ADDED, DENIED, RETRIED, WAITING, declared};
use crate::routing::Refusal;

/// The metrics of one model group.
#[derive(Clone)]
pub struct GroupMetrics {
    denied: [Counter; Refusal::ALL.len()],
    added: Histogram,
    retried: Counter,
    waiting: Gauge,
}

impl GroupMetrics {
    /// Declares them.
    #[must_use]
    pub fn new(model_group: &str) -> Self {
        let denied = Refusal::ALL.map(|refusal| {
            let group = model_group.to_owned();
            declared(counter!(DENIED, "model_group" => group, "reason" => refusal.as_str()))
        });
        Self {
            denied,
            added: histogram!(ADDED, "model_group" => model_group.to_owned()),
            waiting: gauge!(WAITING, "model_group" => model_group.to_owned()),
            retried: declared(counter!(RETRIED, "model_group" => model_group.to_owned())),
        }
    }

    /// A request was denied.
    pub fn denied(&self, refusal: Refusal) {
        self.denied[refusal as usize].increment(1);
    }

    /// So many requests wait for room.
    #[expect(clippy::cast_precision_loss, reason = "so many can't wait")]
    pub fn waiting(&self, requests: usize) {
        self.waiting.set(requests as f64);
    }

    /// A request is tried again.
    pub fn retried(&self) {
        self.retried.increment(1);
    }

    /// A request was held for this long before it was sent.
    pub fn added(&self, took: Duration) {
        self.added.record(took.as_secs_f64());
    }
}
