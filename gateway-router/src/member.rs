use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gateway_client::clock::{BootClock, Clock};
use gateway_client::{Amount, Deployment, Permit};

use crate::health::{Cooling, Fault, Health, Pass};
use crate::line::Line;
use crate::statistics::Statistics;

/// What a deployment of a group is configured with, by LiteLLM's names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MemberSettings {
    /// Lower ones are tried first.
    pub order: u32,
    /// For `simple-shuffle`: 0 or more.
    pub weight: Option<f64>,
    /// Requests a minute; a weight where there is none.
    pub rpm: Option<u64>,
    /// Tokens a minute; a weight where there is none.
    pub tpm: Option<u64>,
    /// Money for a token of input.
    pub input_cost_per_token: Option<f64>,
    /// Money for a token of output.
    pub output_cost_per_token: Option<f64>,
    /// Which requests it is for, where a group filters by tags.
    pub tags: Vec<String>,
    /// So many requests of this process may be in flight to it at once.
    pub max_parallel_requests: Option<u32>,
    /// How long its first failure cools it, instead of as long as its group says.
    pub cooldown_time: Option<Duration>,
    /// How often a request that failed there is tried again, instead of as often as the router
    /// says.
    pub num_retries: Option<u32>,
}

/// A deployment of a group: what the gateway calls it by, its quota, and what was seen of it.
pub struct Member<T, C: Clock = BootClock> {
    /// What the gateway keeps of it: its endpoint, its key.
    pub target: T,
    pub(crate) quota: Option<Deployment<C>>,
    /// The quota server says whether it has limits.
    pub(crate) may_be_unknown: bool,
    pub(crate) settings: MemberSettings,
    pub(crate) statistics: Statistics,
    pub(crate) health: Health,
}

/// What strategies ask of a deployment's quota.
pub(crate) trait Quota {
    fn used_tokens(&self) -> u64;
}

impl<C: Clock> Quota for Deployment<C> {
    fn used_tokens(&self) -> u64 {
        self.view().used_tokens()
    }
}

/// What was drawn; nothing from a deployment without limits.
pub(crate) type Drawn = Option<Permit>;

impl<T, C: Clock> Member<T, C> {
    /// A deployment; one without limits has no quota to draw from.
    pub fn new(target: T, quota: Option<Deployment<C>>, settings: MemberSettings) -> Self {
        Self {
            target,
            quota,
            may_be_unknown: false,
            settings,
            statistics: Statistics::default(),
            health: Health::default(),
        }
    }

    /// The same where nobody here knows whether it has limits: while the quota server says that it
    /// has no such deployment, nothing is drawn.
    #[must_use]
    pub fn if_known(self) -> Self {
        Self { may_be_unknown: true, ..self }
    }

    /// Its quota, if it has limits.
    #[must_use]
    pub const fn quota(&self) -> Option<&Deployment<C>> {
        self.quota.as_ref()
    }

    /// What was seen of it.
    #[must_use]
    pub const fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// Whether as many requests are in flight to it as may be.
    pub(crate) fn is_full(&self) -> bool {
        let most = self.settings.max_parallel_requests;
        most.is_some_and(|most| self.statistics.in_flight() >= u64::from(most))
    }

    /// Draws from what is in hand; a deployment without limits has nothing to draw from. One that
    /// has no room asks for none: the next may take the request. Whether there are limits it does
    /// ask, or a sibling that has none would take all.
    pub(crate) fn draw_in_hand(&self, size: Amount) -> Option<Drawn> {
        let Some(quota) = &self.quota else { return Some(None) };
        if self.may_be_unknown && quota.is_unknown(size) {
            return Some(None);
        }
        quota.draw_in_hand(size).map(Some)
    }

    /// How long a draw waits for a lease.
    pub(crate) fn max_wait(&self) -> Duration {
        self.quota.as_ref().map(Deployment::max_wait).unwrap_or_default()
    }
}

impl<T, C: Clock> fmt::Debug for Member<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A deployment that takes the request, and what was drawn from it.
pub struct Choice<T, C: Clock = BootClock> {
    /// The request's stay at the deployment: tell it what comes of it.
    pub stay: Stay<T, C>,
    /// What was drawn; a deployment without limits needs no permit.
    pub permit: Option<Permit>,
}

/// A request's stay at a deployment, which counts as in flight until this is dropped. Settle its
/// permit before: who waits for room is woken then.
pub struct Stay<T, C: Clock = BootClock> {
    member: Arc<Member<T, C>>,
    pass: Pass,
    cooling: Cooling,
    clock: C,
    /// Who waits for it to end.
    line: Option<Arc<Line>>,
}

impl<T, C: Clock> Stay<T, C> {
    /// The member has counted it as in flight.
    pub(crate) fn new(
        member: &Arc<Member<T, C>>,
        pass: Pass,
        cooling: Cooling,
        clock: &C,
        line: Option<Arc<Line>>,
    ) -> Self {
        Self { member: Arc::clone(member), pass, cooling, clock: clock.clone(), line }
    }

    /// The deployment.
    #[must_use]
    pub const fn member(&self) -> &Arc<Member<T, C>> {
        &self.member
    }

    /// Its provider answered, if only to refuse the request for what it is.
    pub fn succeeded(&self) {
        self.member.health.succeeded(self.pass, self.clock.now());
    }

    /// The whole answer took so long since the request was sent, and has so many tokens of output.
    pub fn answered(&self, took: Duration, output_tokens: u64) {
        self.member.statistics.answered(took, output_tokens, self.clock.now());
    }

    /// The first byte of a stream took so long since the request was sent.
    pub fn began(&self, took: Duration) {
        self.member.statistics.began(took, self.clock.now());
    }

    /// Its provider failed. Answers with how long the deployment is left alone, if that begins with
    /// this.
    pub fn failed(&self, fault: Fault) -> Option<Duration> {
        let now = self.clock.now();
        self.member.statistics.failed(fault, now);
        self.member.health.failed(self.pass, fault, &self.cooling, now)
    }
}

impl<T, C: Clock> Drop for Stay<T, C> {
    fn drop(&mut self) {
        self.member.health.left(self.pass, self.clock.now());
        self.member.statistics.landed();
        if let Some(line) = &self.line {
            line.freed();
        }
    }
}
