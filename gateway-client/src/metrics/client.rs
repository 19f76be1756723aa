use std::sync::Once;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::{BATCH_SECONDS, BATCHES, FAILOVERS, SERVER_IN_USE, SERVER_UP, describe};
use crate::CallError;
use crate::servers::Origin;

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
