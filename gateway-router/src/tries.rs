use std::collections::VecDeque;

use gateway_client::clock::{BootClock, Clock};
use rand::Rng;

use crate::denial::{Denial, Refusal};
use crate::group::Group;
use crate::member::Choice;
use crate::request::{Request, Size};
use crate::router::{Leaves, Router};

/// The tries of one request: first in its own group, never twice on one deployment there, then in the
/// groups that it falls back to, one after another.
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
}

impl<T: Sync, C: Clock> Router<T, C> {
    /// The tries of a request of this group.
    #[must_use]
    pub fn tries<'r>(&'r self, group: &'r Group<T, C>, request: Request) -> Tries<'r, T, C> {
        Tries { router: self, request, group, tried: Vec::new(), later: None, retries_left: None }
    }
}

impl<'r, T: Sync, C: Clock> Tries<'r, T, C> {
    /// The group that was drawn from last, or will be next.
    #[must_use]
    pub const fn group(&self) -> &'r Group<T, C> {
        self.group
    }

    /// Chooses a deployment and draws from it. A group that has no room is left for the next.
    ///
    /// # Errors
    /// None has room: what is said of all groups in one denial.
    pub async fn next(
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

    /// The last choice's provider refused how the request was written: written otherwise, it may go there once more.
    pub fn again(&mut self) {
        self.tried.pop();
    }

    /// The request goes on to the next group, if there is one: no other deployment of its own would do better.
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
