use std::collections::VecDeque;
use std::time::Duration;

use gateway_client::clock::{BootClock, Clock};
use rand::Rng;
use tokio::time::{Instant, timeout_at};

use crate::denial::{Denial, Refusal};
use crate::group::Group;
use crate::line::{Line, NoPlace};
use crate::member::Choice;
use crate::request::{Request, Size};
use crate::router::{Leaves, Router};

/// The tries of one request: first in its own group, never twice on one deployment there, then in
/// the groups that it falls back to, one after another.
pub struct Tries<'r, T, C: Clock = BootClock> {
    router: &'r Router<T, C>,
    request: Request,
    group: &'r Group<T, C>,
    /// Deployments of the group that were tried.
    tried: Vec<usize>,
    /// Groups that come next; `None` until the request leaves its own.
    later: Option<VecDeque<&'r Group<T, C>>>,
    /// Unknown until a deployment of the group was chosen.
    retries_left: Option<u32>,
    /// The group that it is of.
    own: &'r Group<T, C>,
    /// A deployment was chosen: from then on it doesn't wait.
    is_under_way: bool,
}

/// How often the first in line asks for room, though nobody said that there is any: what other
/// gateways give back, or a limit that was raised, is only seen by asking.
const ASK: Duration = Duration::from_millis(500);
/// It is not asked more often than this, whatever is said.
const SOON: Duration = Duration::from_millis(5);

impl<T: Sync, C: Clock> Router<T, C> {
    /// The tries of a request of this group.
    #[must_use]
    pub fn tries<'r>(&'r self, group: &'r Group<T, C>, request: Request) -> Tries<'r, T, C> {
        let (tried, later, retries_left) = (Vec::new(), None, None);
        let (router, own, is_under_way) = (self, group, false);
        Tries { router, request, group, tried, later, retries_left, own, is_under_way }
    }
}

impl<'r, T: Sync, C: Clock> Tries<'r, T, C> {
    /// The group that was drawn from last, or will be next.
    #[must_use]
    pub const fn group(&self) -> &'r Group<T, C> {
        self.group
    }

    /// Chooses a deployment and draws from it. A group that has no room is left for the next. Where
    /// none has, the request waits, if its own group lets it; where others wait there already,
    /// behind them. Dropping the future gives its place up.
    ///
    /// # Errors
    /// None has room: what is said of all groups in one denial.
    pub async fn next(
        &mut self,
        size: &(impl Size<T> + Sync),
        rng: &mut (impl Rng + Send),
    ) -> Result<Choice<T, C>, Denial> {
        let line = self.own.line.as_deref().filter(|_| !self.is_under_way);
        let chosen = match line {
            Some(line) if line.len() > 0 => self.wait(line, None, size, rng).await,
            Some(line) => match self.attempt(size, rng).await {
                Err(denial)
                    if denial.refusal.may_pass() && self.may_hope(&denial, line.max_wait()) =>
                {
                    self.wait(line, Some(denial), size, rng).await
                }
                said => said,
            },
            None => self.attempt(size, rng).await,
        };
        self.is_under_way |= chosen.is_ok();
        chosen
    }

    /// Waits for its turn and for room. Where it was asked for before, `denial` is what was said.
    async fn wait(
        &mut self,
        line: &Line,
        denial: Option<Denial>,
        size: &(impl Size<T> + Sync),
        rng: &mut (impl Rng + Send),
    ) -> Result<Choice<T, C>, Denial> {
        let until = Instant::now() + line.max_wait();
        let left = || until.saturating_duration_since(Instant::now());
        let tokens = self.own.largest(size);
        let unsaid = || Denial::because(Refusal::Exhausted, ASK);
        let place = match line.join(self.request.caller, tokens) {
            Ok(place) => place,
            Err(NoPlace::Closed) => return Err(Denial::because(Refusal::Stopping, Duration::ZERO)),
            Err(NoPlace::Full) => {
                return Err(denial.or_else(|| line.said()).unwrap_or_else(unsaid));
            }
        };
        if timeout_at(until, place.turn()).await.is_err() {
            return Err(line.said().unwrap_or_else(unsaid));
        }
        loop {
            if line.is_closed() {
                return Err(Denial::because(Refusal::Stopping, Duration::ZERO));
            }
            self.begin_anew();
            let denial = match self.attempt(size, rng).await {
                Err(denial) if denial.refusal.may_pass() => denial,
                said => return said,
            };
            if !self.may_hope(&denial, left()) {
                return Err(denial);
            }
            let longest = denial.retry_after.max(SOON).min(ASK).min(left());
            place.denied(denial, longest).await;
        }
    }

    /// Whether there may be room within that time: by what is said, or by what a request under way
    /// gives back.
    fn may_hope(&self, denial: &Denial, left: Duration) -> bool {
        !left.is_zero() && (denial.retry_after <= left || self.own.is_in_flight())
    }

    fn begin_anew(&mut self) {
        (self.group, self.later, self.retries_left) = (self.own, None, None);
        self.tried.clear();
    }

    async fn attempt(
        &mut self,
        size: &(impl Size<T> + Sync),
        rng: &mut (impl Rng + Send),
    ) -> Result<Choice<T, C>, Denial> {
        let mut said = None;
        loop {
            match self.group.draw(&self.request, size, &self.tried, rng).await {
                Ok((index, choice)) => {
                    self.tried.push(index);
                    let of_member = choice.stay.member().settings.num_retries;
                    self.retries_left.get_or_insert(of_member.unwrap_or(self.router.num_retries));
                    return Ok(choice);
                }
                Err(denial) => {
                    let why = match denial.refusal {
                        Refusal::NeverFits => Leaves::TooLong,
                        _ => Leaves::Failed,
                    };
                    said = Some(denial.or(said));
                    if !self.leave(why) {
                        return Err(said.expect("something was said just now"));
                    }
                }
            }
        }
    }

    /// The last choice's provider failed. Whether the request may be tried once more.
    pub fn failed(&mut self) -> bool {
        let has_others = self.tried.len() < self.group.members().len();
        match self.retries_left {
            Some(left @ 1..) if has_others => {
                self.retries_left = Some(left - 1);
                true
            }
            _ => self.leave(Leaves::Failed),
        }
    }

    /// The last choice's provider refused how the request was written: written otherwise, it may go
    /// there once more.
    pub fn again(&mut self) {
        self.tried.pop();
    }

    /// The request goes on to the next group, if there is one: no other deployment of its own would
    /// do better.
    pub fn leave(&mut self, why: Leaves) -> bool {
        let (router, group) = (self.router, self.group);
        let later = self.later.get_or_insert_with(|| {
            let mut later: VecDeque<_> = router.fallbacks(group, why).collect();
            if why == Leaves::TooLong && later.is_empty() {
                later.extend(router.fallbacks(group, Leaves::Failed));
            }
            later
        });
        let Some(next) = later.pop_front() else { return false };
        self.group = next;
        self.tried.clear();
        self.retries_left = None;
        true
    }
}
