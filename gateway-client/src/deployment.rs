use std::sync::Arc;
use std::time::Duration;

use quota_units::Amount;
use tracing::{Instrument, debug_span};

use crate::clock::{BootClock, Clock};
use crate::core::Core;
use crate::handle::Handle;
use crate::queue::Answer;
use crate::{Denied, Moment, Permit, Reason, View, pool};

/// How soon a draw that found no lease may try again.
const REFILL: Duration = Duration::from_millis(100);

/// A deployment, to draw from. Cheap to clone; all handles of one id share its leases.
#[derive(Debug, Clone)]
pub struct Deployment<C: Clock = BootClock> {
    core: Arc<Core>,
    handle: Arc<Handle<C>>,
}

impl<C: Clock> Deployment<C> {
    pub(crate) const fn new(core: Arc<Core>, handle: Arc<Handle<C>>) -> Self {
        Self { core, handle }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.core.id
    }

    /// Draws from the leases in hand: no lock, no allocation, no await.
    ///
    /// # Errors
    /// No lease in hand covers it. Unless it is known that asking is of no use, a lease is asked
    /// for in the background.
    #[inline]
    pub fn try_draw(&self, amount: Amount) -> Result<Permit, Denied> {
        self.attempt(amount).map_err(|denied| self.turn_away(amount, denied))
    }

    /// Draws from the leases in hand, or not at all: no lease is asked for, and nothing counts as
    /// denied. For routers, which look at several deployments first and ask for one.
    #[must_use]
    #[inline]
    pub fn draw_in_hand(&self, amount: Amount) -> Option<Permit> {
        self.attempt(amount).ok()
    }

    /// The client's `max_wait`.
    #[must_use]
    pub fn max_wait(&self) -> Duration {
        self.handle.max_wait
    }

    /// Draws, and waits for a lease for at most the client's `max_wait`.
    ///
    /// # Errors
    /// As [`Deployment::draw_within`].
    pub async fn draw(&self, amount: Amount) -> Result<Permit, Denied> {
        self.draw_within(amount, self.handle.max_wait).await
    }

    /// Draws, and waits for a lease while one may come, for at most `max_wait`. Dropping the future
    /// is safe: what it was about to get goes back.
    ///
    /// # Errors
    /// No lease covers it, and none will within that time.
    pub async fn draw_within(&self, amount: Amount, max_wait: Duration) -> Result<Permit, Denied> {
        let drawn = self.attempt_within(amount, max_wait).await;
        drawn.inspect_err(|denied| self.core.count_denied(amount, denied.reason))
    }

    /// As [`Deployment::draw_within`], where the server says whether there are limits at all: no
    /// permit is needed where it has no such deployment. Until it has said so, and once it says
    /// otherwise, this is denied as any draw.
    ///
    /// # Errors
    /// As [`Deployment::draw_within`], but for [`Reason::UnknownDeployment`].
    pub async fn draw_if_known(
        &self,
        amount: Amount,
        max_wait: Duration,
    ) -> Result<Option<Permit>, Denied> {
        if self.is_unknown(amount) {
            return Ok(None);
        }
        match self.attempt_within(amount, max_wait).await {
            Ok(permit) => Ok(Some(permit)),
            Err(denied) if denied.reason == Reason::UnknownDeployment => Ok(None),
            Err(denied) => {
                self.core.count_denied(amount, denied.reason);
                Err(denied)
            }
        }
    }

    /// Whether the server's last word is that it has no such deployment; also while it is away
    /// since. For those who would draw this amount of one: it has the server asked in the
    /// background, and again about once a second.
    #[must_use]
    pub fn is_unknown(&self, amount: Amount) -> bool {
        let told = self.core.told.load();
        let is_known = told.is_known == Some(true);
        if !is_known && told.denial(amount, self.handle.clock.now()).is_none() {
            self.core.miss(amount);
        }
        told.is_known == Some(false)
    }

    /// Whether a draw of this amount may succeed: a lease in hand covers it, or asking for one may
    /// help. A cheap look for routers.
    #[must_use]
    pub fn accepts(&self, amount: Amount) -> bool {
        let now = self.handle.clock.now();
        if amount == Amount::default() || !pool::holds(amount) {
            return false;
        }
        self.core.pool.covers(amount, now) || self.core.told.load().denial(amount, now).is_none()
    }

    /// How the deployment stands, as far as this client knows.
    #[must_use]
    pub fn view(&self) -> View {
        let now = self.handle.clock.now();
        let told = self.core.told.load();
        let smallest = Amount::new(0, 1);
        View {
            state: told.state,
            usage: told.usage(now),
            free: self.core.pool.free(now),
            window_ends_in: told.window_ends.map(|ends| ends.since(now)),
            denied_for: told.denial(smallest, now).map(|denied| match denied.retry_after {
                Duration::ZERO => Duration::MAX,
                until => until,
            }),
        }
    }

    #[inline]
    fn attempt(&self, amount: Amount) -> Result<Permit, Denied> {
        let now = self.handle.clock.now();
        match self.core.pool.draw(amount, now) {
            Some(drawn) => {
                if drawn.is_low {
                    self.core.ring();
                }
                Ok(drawn.permit)
            }
            None => Err(self.denial(amount)),
        }
    }

    #[cold]
    fn denial(&self, amount: Amount) -> Denied {
        if amount == Amount::default() {
            return Denied::because(Reason::Empty, Duration::ZERO);
        }
        if !pool::holds(amount) {
            return Denied::because(Reason::NeverFits, Duration::ZERO);
        }
        let told = self.core.told.load();
        told.denial(amount, self.handle.clock.now())
            .unwrap_or_else(|| told.denied(Reason::Refilling, REFILL))
    }

    async fn attempt_within(&self, amount: Amount, max_wait: Duration) -> Result<Permit, Denied> {
        let denied = match self.attempt(amount) {
            Ok(permit) => return Ok(permit),
            Err(denied) => denied,
        };
        let may_pass = denied.reason.may_pass() && !max_wait.is_zero();
        let waits = denied.reason == Reason::Refilling || denied.retry_after <= max_wait;
        if may_pass && waits { self.wait(amount, max_wait).await } else { Err(denied) }
    }

    #[cold]
    fn turn_away(&self, amount: Amount, denied: Denied) -> Denied {
        self.core.count_denied(amount, denied.reason);
        if denied.reason == Reason::Refilling {
            self.core.miss(amount);
        }
        denied
    }

    async fn wait(&self, amount: Amount, max_wait: Duration) -> Result<Permit, Denied> {
        let began = self.handle.clock.now();
        let span = debug_span!("wait", deployment = self.id());
        let result = self.wait_until(amount, began + max_wait, max_wait).instrument(span).await;
        self.core.waited(self.handle.clock.now().since(began));
        result
    }

    async fn wait_until(
        &self,
        amount: Amount,
        deadline: Moment,
        max_wait: Duration,
    ) -> Result<Permit, Denied> {
        let mut answer = self.core.queue.join(amount, deadline);
        self.core.ring();
        if let Ok(Ok(answer)) = tokio::time::timeout(max_wait, &mut answer).await {
            return self.accept(amount, answer);
        }
        answer.close();
        match answer.try_recv() {
            Ok(answer) => self.accept(amount, answer),
            Err(_) => Err(self.too_late(amount)),
        }
    }

    /// The wait is over and brought nothing.
    fn too_late(&self, amount: Amount) -> Denied {
        let denied = self.denial(amount);
        if denied.reason == Reason::Refilling && self.core.told.load().is_away {
            return Denied { reason: Reason::NoServer, ..denied };
        }
        denied
    }

    fn accept(&self, amount: Amount, answer: Answer) -> Result<Permit, Denied> {
        answer?.accept().ok_or_else(|| self.too_late(amount))
    }
}
