use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use gateway_client::Permit;
use gateway_client::clock::{BootClock, Clock};
use rand::Rng;
use tokio::time::{Instant, timeout};

use crate::denial::{Denial, Refusal};
use crate::health::{Admission, Cooling};
use crate::line::{Line, LineSettings};
use crate::member::{Choice, Drawn, Member, Quota, Stay};
use crate::request::{Request, Size};
use crate::strategy::{Candidate, LatencySettings, Rank, Round, Strategy, StrategyName};
use crate::tags::{self, TagFilter};

/// So long one deployment is waited for before the next is asked for a lease as well: longer than a
/// quota server takes to answer.
const TURN: Duration = Duration::from_millis(100);

/// How soon a deployment that has as many requests in flight as it may have is asked again: nobody
/// knows when one of them ends.
const BUSY: Duration = Duration::from_secs(1);

/// How a group chooses among its deployments.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct GroupSettings {
    /// In which order they are tried.
    pub strategy: StrategyName,
    /// For `latency-based-routing`.
    pub latency: LatencySettings,
    /// When failures cool one.
    pub cooling: Cooling,
    /// Which requests go where by their tags.
    pub tags: TagFilter,
    /// How long requests may wait for room, and how many.
    pub line: LineSettings,
}

/// The deployments that answer to one model name.
pub struct Group<T, C: Clock = BootClock> {
    name: String,
    members: Vec<Arc<Member<T, C>>>,
    strategy: Box<dyn Strategy>,
    settings: GroupSettings,
    clock: C,
    pub(crate) line: Option<Arc<Line>>,
}

/// A deployment's place in the order for one request.
struct Ranked {
    index: usize,
    order: u32,
    rank: Rank,
}

impl Ranked {
    fn is_alike(&self, other: &Self) -> bool {
        self.order == other.order && self.rank.class.total_cmp(&other.rank.class).is_eq()
    }
}

/// The class that begins here; nothing within one.
fn class_from(ranked: &[Ranked], at: usize) -> &[Ranked] {
    let rest = &ranked[at..];
    if at > 0 && ranked[at - 1].is_alike(&rest[0]) {
        return &[];
    }
    let alike = rest.iter().take_while(|other| other.is_alike(&rest[0])).count();
    &rest[..alike]
}

impl<T, C: Clock> Group<T, C> {
    /// A group of these deployments, by one of LiteLLM's strategies.
    pub fn new(
        name: impl Into<String>,
        members: Vec<Member<T, C>>,
        settings: GroupSettings,
        clock: C,
    ) -> Self {
        let strategy = settings.strategy.strategy(settings.latency);
        Self::with_strategy(name, members, settings, clock, strategy)
    }

    /// The same by a strategy of the caller's own.
    pub fn with_strategy(
        name: impl Into<String>,
        members: Vec<Member<T, C>>,
        settings: GroupSettings,
        clock: C,
        strategy: Box<dyn Strategy>,
    ) -> Self {
        let members = members.into_iter().map(Arc::new).collect();
        let line = Line::new(settings.line);
        Self { name: name.into(), members, strategy, settings, clock, line }
    }

    /// Nothing cools from now on: where there is nowhere else to go, leaving the only deployment
    /// alone helps nobody.
    pub(crate) const fn stand_alone(&mut self) {
        self.settings.cooling.cooldown_time = Duration::ZERO;
    }

    /// The name that callers use.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its deployments.
    #[must_use]
    pub fn members(&self) -> &[Arc<Member<T, C>>] {
        &self.members
    }

    /// How many of its requests wait for room.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.line.as_ref().map_or(0, |line| line.len())
    }

    /// The tokens that a request would draw where it would draw most.
    pub(crate) fn largest(&self, size: &impl Size<T>) -> u64 {
        let fitting = self.members.iter().filter(|member| size.fits(&member.target));
        fitting.map(|member| size.size(&member.target).tokens()).max().unwrap_or_default()
    }

    /// Whether a request is under way to one of its deployments: what it doesn't use may come back.
    pub(crate) fn is_in_flight(&self) -> bool {
        self.members.iter().any(|member| member.statistics.in_flight() > 0)
    }

    /// Draws from the first deployment, by the strategy, that has room and was not tried before.
    /// What is chosen has been drawn. Those of one class are tried in hand first; then one after
    /// another is waited for, and the next as well when one has nothing to give, or let 100 ms
    /// pass.
    ///
    /// # Errors
    /// None has room, nor will have within the client's `max_wait`.
    pub async fn draw(
        &self,
        request: &Request,
        size: &(impl Size<T> + Sync),
        tried: &[usize],
        rng: &mut (impl Rng + Send),
    ) -> Result<(usize, Choice<T, C>), Denial>
    where
        T: Sync,
    {
        let (ranked, mut said) = self.ranked(request, size, tried, rng);
        let max_wait = ranked.iter().map(|ranked| self.members[ranked.index].max_wait()).max();
        let deadline = Instant::now() + max_wait.unwrap_or_default();
        let mut turns = 0..ranked.len();
        let mut draws = FuturesUnordered::new();
        loop {
            if let Some(turn) = turns.next() {
                if let Some(choice) = self.take(class_from(&ranked, turn), size) {
                    return Ok(choice);
                }
                let left = deadline.saturating_duration_since(Instant::now());
                draws.push(self.wait(ranked[turn].index, size, left));
            }
            let patience = if turns.is_empty() { Duration::MAX } else { TURN };
            // It takes turns as long as one draw waits.
            while let Ok(Some((index, drawn))) = timeout(patience, draws.next()).await {
                match drawn.and_then(|drawn| self.enter(index, drawn)) {
                    Ok(choice) => return Ok((index, choice)),
                    Err(denial) => said = Some(denial.or(said)),
                }
                if !turns.is_empty() {
                    break;
                }
            }
            if turns.is_empty() && draws.is_empty() {
                break;
            }
        }
        Err(said.unwrap_or_else(|| Denial::because(Refusal::NoDeployment, Duration::ZERO)))
    }

    /// Those that may be tried, best first, and what is said of those that are left alone.
    fn ranked(
        &self,
        request: &Request,
        size: &impl Size<T>,
        tried: &[usize],
        rng: &mut impl Rng,
    ) -> (Vec<Ranked>, Option<Denial>) {
        let now = self.clock.now();
        let mut said = None;
        let tagged = tags::filter(&self.members, request, self.settings.tags);
        let indices: Vec<_> = tagged
            .filter(|index| !tried.contains(index))
            .filter(|&index| size.fits(&self.members[index].target))
            .filter(|&index| {
                let member = &self.members[index];
                let denial = match member.health.admission(now) {
                    Admission::Cooled(left) => Denial::because(Refusal::Cooling, left),
                    _ if member.is_full() => Denial::because(Refusal::Busy, BUSY),
                    Admission::Open | Admission::Trial => return true,
                };
                said = Some(denial.or(said.take()));
                false
            })
            .collect();
        let candidates: Vec<_> = indices.iter().map(|&index| self.candidate(index)).collect();
        let ranks = match candidates.len() {
            0 | 1 => vec![Rank { class: 0.0, lot: 0.0 }; candidates.len()],
            _ => {
                let streams = request.streams;
                self.strategy.rank(&candidates, &mut Round { now, streams, rng })
            }
        };
        let place = |(index, rank): (usize, Rank)| {
            let order = self.members[index].settings.order;
            Ranked { index, order, rank }
        };
        let mut ranked: Vec<_> = indices.iter().copied().zip(ranks).map(place).collect();
        ranked.sort_by(|a, b| {
            let by_class = a.order.cmp(&b.order).then(a.rank.class.total_cmp(&b.rank.class));
            by_class.then(a.rank.lot.total_cmp(&b.rank.lot))
        });
        (ranked, said)
    }

    fn candidate(&self, index: usize) -> Candidate<'_> {
        let member = &self.members[index];
        let quota = member.quota().map(|quota| quota as &dyn Quota);
        Candidate { settings: &member.settings, statistics: &member.statistics, quota }
    }

    /// Draws from the first of a class that has room in hand. Where there is no other, waiting
    /// tries as well.
    fn take(&self, class: &[Ranked], size: &impl Size<T>) -> Option<(usize, Choice<T, C>)> {
        if class.len() < 2 {
            return None;
        }
        class.iter().find_map(|ranked| {
            let member = &self.members[ranked.index];
            let drawn = member.draw_in_hand(size.size(&member.target))?;
            Some((ranked.index, self.enter(ranked.index, drawn).ok()?))
        })
    }

    async fn wait(
        &self,
        index: usize,
        size: &(impl Size<T> + Sync),
        max_wait: Duration,
    ) -> (usize, Result<Drawn, Denial>)
    where
        T: Sync,
    {
        let member = &self.members[index];
        let Some(quota) = &member.quota else {
            return (index, Ok(None));
        };
        let size = size.size(&member.target);
        let drawn = if member.may_be_unknown {
            quota.draw_if_known(size, max_wait).await
        } else {
            quota.draw_within(size, max_wait).await.map(Some)
        };
        let tpm = member.settings.tpm;
        (index, drawn.map_err(|denied| Denial::of(denied, size, tpm)))
    }

    /// Begins the request's stay. Where there are as many as there may be, or a trial is under way
    /// already, what was drawn goes back.
    fn enter(&self, index: usize, drawn: Drawn) -> Result<Choice<T, C>, Denial> {
        let member = &self.members[index];
        let give_back = |drawn: Drawn| drawn.into_iter().for_each(Permit::cancel);
        if !member.statistics.took_off(member.settings.max_parallel_requests) {
            give_back(drawn);
            return Err(Denial::because(Refusal::Busy, BUSY));
        }
        let cooling = self.cooling(member);
        let now = self.clock.now();
        let Some(pass) = member.health.enter(now, &cooling) else {
            member.statistics.landed();
            give_back(drawn);
            let left = match member.health.admission(now) {
                Admission::Cooled(left) => left,
                Admission::Open | Admission::Trial => Duration::ZERO,
            };
            return Err(Denial::because(Refusal::Cooling, left));
        };
        let line = self.line.clone();
        Ok(Choice { stay: Stay::new(member, pass, cooling, &self.clock, line), permit: drawn })
    }

    fn cooling(&self, member: &Member<T, C>) -> Cooling {
        let of_group = self.settings.cooling;
        if of_group.cooldown_time.is_zero() {
            return of_group;
        }
        let cooldown_time = member.settings.cooldown_time.unwrap_or(of_group.cooldown_time);
        Cooling { cooldown_time, ..of_group }
    }
}

impl<T, C: Clock> fmt::Debug for Group<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, members, settings, .. } = self;
        let mut group = f.debug_struct("Group");
        group.field("name", name).field("members", members).field("settings", settings);
        group.finish_non_exhaustive()
    }
}
