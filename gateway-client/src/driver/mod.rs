//! The one task of a client: it carries messages between the pools, the refill machine and the
//! servers. It decides nothing; see [`crate::refill`] and [`crate::servers`].

mod scout;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use quota_api::BatchReply;
use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, debug_span};

use crate::clock::Clock;
use crate::desk::Desk;
use crate::fleet::Fleet;
use crate::handle::{End, Registry};
use crate::metrics::ClientMetrics;
use crate::pace::Watch;
use crate::refill::{Failure, Refill};
use crate::servers::{Origin, Target};
use crate::{CallError, Moment, Pace};
use scout::{News, Scout};

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
    fleet: Fleet,
    registry: Arc<Registry>,
    stop: CancellationToken,
    shutdown_timeout: Duration,
    rng: StdRng,
    refill: Refill,
    desks: Vec<Desk>,
    /// The batch under way.
    call: Option<Call>,
    scout: Scout,
    watch: Watch,
    /// When it must end, once it was told to stop.
    deadline: Option<Moment>,
    metrics: ClientMetrics,
    will: Will,
}

/// What all handles are told when the driver is gone, however it went.
struct Will {
    registry: Arc<Registry>,
    end: End,
}

impl Drop for Will {
    fn drop(&mut self) {
        if self.end == End::Dead {
            tracing::error!(
                "the client's background task is dead: its runtime ended, or it panicked"
            );
        }
        self.registry.end(self.end);
    }
}

struct Call {
    target: Target,
    sent_at: Moment,
    answer: Pin<Box<dyn Future<Output = BatchAnswer> + Send>>,
}

type BatchAnswer = Result<BatchReply, CallError>;

/// Why the driver woke.
enum Woken {
    Answered(BatchAnswer),
    Informed(News),
    Called,
}

impl<C: Clock> Driver<C> {
    pub(crate) fn new(
        clock: C,
        fleet: Fleet,
        registry: Arc<Registry>,
        stop: CancellationToken,
        settings: Settings,
    ) -> Self {
        let will = Will { registry: registry.clone(), end: End::Dead };
        Self {
            clock,
            fleet,
            registry,
            stop,
            shutdown_timeout: settings.shutdown_timeout,
            rng: settings.rng,
            refill: Refill::new(settings.holder),
            desks: Vec::new(),
            call: None,
            scout: Scout::default(),
            watch: Watch::default(),
            deadline: None,
            metrics: ClientMetrics::new(),
            will,
        }
    }

    pub(crate) async fn run(mut self) {
        while !self.is_over() {
            self.welcome();
            self.compare_clocks();
            self.look_around();
            self.send();
            match self.sleep().await {
                Woken::Answered(answer) => self.take(answer),
                Woken::Informed(news) => self.hear(news),
                Woken::Called => {}
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
        let Some(deadline) = self.deadline else {
            return false;
        };
        let is_square = self.refill.is_square(now);
        self.will.end = if is_square { End::Square } else { End::Late };
        if !is_square && now >= deadline {
            tracing::warn!("the quota server was not told of everything before the deadline");
        }
        is_square || now >= deadline
    }

    /// While leases are held the driver wakes four times a second, so it sees soon what went wrong.
    fn compare_clocks(&mut self) {
        let Some(witness) = self.clock.witness() else {
            return;
        };
        let now = self.clock.now();
        let pace = self.watch.look(now, witness);
        if pace == Pace::Lost {
            tracing::warn!("the boot clock stood still or was overtaken: all leases go back");
        }
        self.refill.paced(pace, now);
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
            let target = self.fleet.servers().pick(sent_at);
            self.metrics.uses(&target.origin);
            let (transport, server) = (self.fleet.transport.clone(), target.origin.clone());
            let span = self.span(&server);
            let answer = async move { transport.batch(&server, &batch).await };
            let answer = Box::pin(answer.instrument(span));
            self.call = Some(Call { target, sent_at, answer });
        }
        self.scout.set_out(&mut self.fleet.servers(), &self.fleet.transport, sent_at);
    }

    /// A message serves all draws that wait, and belongs to the trace of the first.
    fn span(&self, server: &Origin) -> Span {
        let mut waits = Vec::new();
        self.desks.iter().for_each(|desk| desk.traced(&mut waits));
        traces::shared(
            &waits,
            |first| debug_span!(parent: first, "batch", otel.kind = "client", %server, draws = waits.len()),
        )
    }

    async fn sleep(&mut self) -> Woken {
        let now = self.clock.now();
        let next = self.refill.poll_timeout(now).min(self.scout.due(&self.fleet.servers()));
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
            news = self.scout.news() => Woken::Informed(news),
            () = self.registry.bell.notified() => Woken::Called,
            () = self.stop.cancelled(), if !is_stopping => Woken::Called,
            () = tokio::time::sleep(until.since(now).min(LONG)) => Woken::Called,
        }
    }

    fn hear(&mut self, news: News) {
        let now = self.clock.now();
        match news {
            News::LookedUp(no, addresses) => self.fleet.servers().looked_up(no, &addresses),
            News::Probed(no, is_ready) => self.fleet.servers().probed(no, is_ready, now),
        }
    }

    fn take(&mut self, answer: BatchAnswer) {
        let now = self.clock.now();
        let Some(Call { target, sent_at, .. }) = self.call.take() else {
            return;
        };
        self.metrics.answered(&answer, now.since(sent_at));
        let failure = self.fleet.heard(&target, &answer, sent_at, now);
        self.note(&target, answer.as_ref().err(), failure);
        let answer = failure.map_or_else(|| answer.map_err(|_| Failure::Elsewhere), Err);
        let jitter = self.rng.random_range(0..=1_000);
        for grant in self.refill.handle(answer, now, jitter) {
            if let Some(desk) = self.desks.iter_mut().find(|desk| desk.no() == grant.deployment) {
                desk.install(&grant, now);
            }
        }
        self.publish(now);
    }

    /// Says once that the servers went away, and once that one is back.
    fn note(&mut self, target: &Target, error: Option<&CallError>, failure: Option<Failure>) {
        let error = error.map(tracing::field::display);
        let was_up = self.metrics.is_up();
        match failure {
            None if was_up => {}
            None => tracing::info!(server = %target.origin, "the quota server is back"),
            Some(Failure::Elsewhere) => {
                self.metrics.failed_over();
                if was_up {
                    tracing::info!(server = %target.origin, error, "asking another quota server");
                }
            }
            Some(_) if was_up => {
                tracing::warn!(server = %target.origin, error, "the quota server is away");
            }
            Some(_) => {}
        }
        if failure != Some(Failure::Elsewhere) {
            self.metrics.reached(failure.is_none());
        }
    }

    fn publish(&mut self, now: Moment) {
        for desk in &self.desks {
            desk.publish(&mut self.refill, now);
        }
    }
}
