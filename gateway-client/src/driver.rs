//! The one task of a client: it carries messages between the pools, the refill machine and the
//! server. It decides nothing; see [`crate::refill`].

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use quota_api::BatchReply;
use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::desk::Desk;
use crate::handle::Registry;
use crate::metrics::ClientMetrics;
use crate::refill::{Failure, Refill};
use crate::transport::Transport;
use crate::{CallError, Moment};

/// The longest sleep; it only needs to be finite.
const LONG: Duration = Duration::from_secs(3_600);

/// What a driver needs to know.
pub(crate) struct Settings {
    pub(crate) holder: String,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) rng: StdRng,
}

pub(crate) struct Driver<C> {
    clock: C,
    transport: Transport,
    registry: Arc<Registry>,
    stop: CancellationToken,
    shutdown_timeout: Duration,
    rng: StdRng,
    refill: Refill,
    desks: Vec<Desk>,
    /// The batch under way.
    call: Option<Call>,
    /// When it must end, once it was told to stop.
    deadline: Option<Moment>,
    metrics: ClientMetrics,
}

struct Call {
    sent_at: Moment,
    answer: Pin<Box<dyn Future<Output = Answer> + Send>>,
}

type Answer = Result<BatchReply, CallError>;

/// Why the driver woke.
enum Woken {
    Answered(Answer),
    Called,
}

impl<C: Clock> Driver<C> {
    pub(crate) fn new(
        clock: C,
        transport: Transport,
        registry: Arc<Registry>,
        stop: CancellationToken,
        settings: Settings,
    ) -> Self {
        Self {
            clock,
            transport,
            registry,
            stop,
            shutdown_timeout: settings.shutdown_timeout,
            rng: settings.rng,
            refill: Refill::new(settings.holder),
            desks: Vec::new(),
            call: None,
            deadline: None,
            metrics: ClientMetrics::new(),
        }
    }

    pub(crate) async fn run(mut self) {
        while !self.is_over() {
            self.welcome();
            self.look_around();
            self.send();
            if let Woken::Answered(answer) = self.sleep().await {
                self.take(answer);
            }
        }
    }

    /// Begins to stop when told so. It is over when the server has acknowledged everything, or at
    /// the deadline.
    fn is_over(&mut self) -> bool {
        let now = self.clock.now();
        if self.deadline.is_none() && self.stop.is_cancelled() {
            self.deadline = Some(now + self.shutdown_timeout);
            self.refill.shut();
            self.publish(now);
        }
        let is_late = self.deadline.is_some_and(|deadline| now >= deadline);
        if is_late {
            tracing::warn!("the quota server was not told of everything before the deadline");
        }
        is_late || self.deadline.is_some() && self.refill.is_square(now)
    }

    fn welcome(&mut self) {
        for core in self.registry.take_fresh() {
            let no = self.refill.add(&core.id);
            self.desks.push(Desk::new(no, core));
        }
    }

    fn look_around(&mut self) {
        let now = self.clock.now();
        for desk in &mut self.desks {
            desk.attend(&mut self.refill, now);
        }
    }

    fn send(&mut self) {
        // Read before the request is made: leases are timed from here.
        let sent_at = self.clock.now();
        if let Some(batch) = self.refill.poll_request(sent_at) {
            let transport = self.transport.clone();
            let answer = Box::pin(async move { transport.batch(&batch).await });
            self.call = Some(Call { sent_at, answer });
        }
    }

    async fn sleep(&mut self) -> Woken {
        let now = self.clock.now();
        let next = self.refill.poll_timeout(now);
        let until = next.min(self.deadline.unwrap_or(Moment::NEVER));
        let is_stopping = self.deadline.is_some();
        let call = async {
            match &mut self.call {
                Some(call) => call.answer.as_mut().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            answer = call => Woken::Answered(answer),
            () = self.registry.bell.notified() => Woken::Called,
            () = self.stop.cancelled(), if !is_stopping => Woken::Called,
            () = tokio::time::sleep(until.since(now).min(LONG)) => Woken::Called,
        }
    }

    fn take(&mut self, answer: Answer) {
        let now = self.clock.now();
        if let Some(call) = self.call.take() {
            self.metrics.answered(&answer, now.since(call.sent_at));
        }
        let was_up = self.metrics.is_up();
        let answer = answer.map_err(|error| {
            if was_up {
                tracing::warn!(%error, "the quota server is away");
            }
            Failure::from(&error)
        });
        self.metrics.reached(answer.is_ok());
        if !was_up && answer.is_ok() {
            tracing::info!("the quota server is back");
        }
        let jitter = self.rng.random_range(0..=1_000);
        for grant in self.refill.handle(answer, now, jitter) {
            if let Some(desk) = self.desks.iter_mut().find(|desk| desk.no() == grant.deployment) {
                desk.install(&grant, now);
            }
        }
        self.publish(now);
    }

    fn publish(&mut self, now: Moment) {
        for desk in &self.desks {
            desk.publish(&mut self.refill, now);
        }
    }
}
