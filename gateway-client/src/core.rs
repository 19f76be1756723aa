use std::sync::atomic::Ordering::{AcqRel, Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64, fence};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ::metrics::Histogram;
use arc_swap::ArcSwap;
use quota_units::Amount;
use tokio::sync::Notify;

use crate::pool::{Pool, Signals};
use crate::queue::Queue;
use crate::told::{Ban, Told};
use crate::{Moment, Reason, metrics};

/// What the handles of a deployment share with the driver.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) id: Box<str>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) told: ArcSwap<Told>,
    pub(crate) signals: Signals,
    pub(crate) queue: Queue,
    /// Draws denied since the driver looked, by reason.
    denied: [AtomicU64; Reason::ALL.len()],
    /// How long draws waited; its first use makes the series.
    waits: OnceLock<Histogram>,
    /// The driver has been asked to look at this deployment.
    rung: AtomicBool,
    /// Wakes the driver.
    bell: Arc<Notify>,
}

impl Core {
    pub(crate) fn new(id: &str, bell: Arc<Notify>) -> Self {
        Self {
            id: id.into(),
            pool: Arc::default(),
            told: ArcSwap::default(),
            signals: Signals::default(),
            queue: Queue::default(),
            denied: Default::default(),
            waits: OnceLock::new(),
            rung: AtomicBool::new(false),
            bell,
        }
    }

    /// Nobody asks for leases of it, from now on: draws are denied for good, those that wait at
    /// once.
    pub(crate) fn end(&self, reason: Reason) {
        let mut told = Told::clone(&self.told.load());
        told.ban(Ban::on_all(reason, Moment::NEVER));
        self.queue.close(told.denied(reason, Duration::ZERO));
        self.told.store(Arc::new(told));
    }

    /// Asks the driver to have a look at what was left for it. The plain load keeps draws in a rush
    /// off the cache line; the fences make sure that one of the two sees what the other did.
    pub(crate) fn ring(&self) {
        fence(SeqCst);
        if !self.rung.load(Relaxed) && !self.rung.swap(true, AcqRel) {
            self.bell.notify_one();
        }
    }

    pub(crate) fn take_ring(&self) -> bool {
        let is_rung = self.rung.load(Relaxed) && self.rung.swap(false, AcqRel);
        fence(SeqCst);
        is_rung
    }

    /// A draw was denied. The driver hears of the first of many, and counts them all later.
    pub(crate) fn count_denied(&self, amount: Amount, reason: Reason) {
        self.denied[reason as usize].fetch_add(1, Relaxed);
        if self.signals.denied(amount) {
            self.bell.notify_one();
        }
    }

    /// How many draws were denied since the last call, by reason.
    pub(crate) fn take_denied(&self) -> [u64; Reason::ALL.len()] {
        self.denied.each_ref().map(|draws| draws.swap(0, Relaxed))
    }

    pub(crate) fn waited(&self, span: Duration) {
        self.waits.get_or_init(|| metrics::waits(&self.id)).record(span);
    }

    /// A draw got nothing that an early look at the leases could have helped.
    pub(crate) fn miss(&self, amount: Amount) {
        self.signals.missed(amount);
        self.ring();
    }
}
