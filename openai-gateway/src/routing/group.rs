use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use gateway_client::{Permit, QuotaClient};
use rand::Rng;
use tokio::time::{Instant, timeout};

use super::shuffle::{shuffle, weights};
use super::target::UnfitForHeader;
use super::{Denial, Need, Target};
use crate::config::{DeploymentConfig, Pattern};
use crate::metrics::GroupMetrics;
use crate::tokens::Encoding;

/// So long one deployment is waited for before the next is asked for a lease as well: longer than a quota
/// server takes to answer.
const TURN: Duration = Duration::from_millis(100);

/// The model groups, in the configuration's order.
pub struct Groups {
    groups: Vec<Group>,
    by_name: HashMap<String, usize>,
    /// Groups of many names, the most specific first.
    by_pattern: Vec<(Pattern, usize)>,
}

/// The deployments that answer to one model name.
pub struct Group {
    /// The name that callers use.
    pub name: String,
    /// The output that a request is taken to allow that doesn't say, whichever takes it, tokens.
    pub default_output: u64,
    /// The encodings of its deployments, each once.
    pub encodings: Vec<Encoding>,
    /// What is counted about it.
    pub metrics: GroupMetrics,
    targets: Vec<Arc<Target>>,
    /// Order and weight of each target.
    ranks: Vec<(u32, f64)>,
}

/// A deployment that takes the request, and what was drawn from it.
pub struct Choice {
    /// The deployment.
    pub target: Arc<Target>,
    /// What was drawn; a deployment without limits needs no permit.
    pub permit: Option<Permit>,
}

impl Groups {
    /// Sorts the deployments into their groups.
    ///
    /// # Errors
    /// One of them can't be called.
    pub fn new(
        deployments: &[DeploymentConfig],
        client: &QuotaClient,
    ) -> Result<Self, UnfitForHeader> {
        let mut names: Vec<&str> = Vec::new();
        let mut members: HashMap<&str, Vec<&DeploymentConfig>> = HashMap::new();
        for deployment in deployments {
            let name = deployment.model_group.as_str();
            let group = members.entry(name).or_default();
            if group.is_empty() {
                names.push(name);
            }
            group.push(deployment);
        }
        let groups = names.iter().map(|name| Group::new(name, &members[name], client));
        let patterns =
            (0..).zip(&names).filter_map(|(index, name)| Some((Pattern::of(name)?, index)));
        let mut by_pattern: Vec<_> = patterns.collect();
        by_pattern.sort_by_key(|(pattern, _)| Reverse(pattern.specificity()));
        Ok(Self {
            by_pattern,
            groups: groups.collect::<Result<_, _>>()?,
            by_name: (0..).zip(&names).map(|(index, name)| ((*name).to_owned(), index)).collect(),
        })
    }

    /// The group of this name, else the one whose pattern it fits best.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Group> {
        let fits = |(pattern, index): &(Pattern, usize)| pattern.capture(name).map(|_| *index);
        let index = self.by_name.get(name).copied();
        let index = index.or_else(|| self.by_pattern.iter().find_map(fits))?;
        Some(&self.groups[index])
    }

    /// All groups.
    pub fn iter(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter()
    }
}

impl Group {
    fn new(
        name: &str,
        deployments: &[&DeploymentConfig],
        client: &QuotaClient,
    ) -> Result<Self, UnfitForHeader> {
        let mut targets = Vec::with_capacity(deployments.len());
        let mut encodings = Vec::new();
        for deployment in deployments {
            let target = Target::new(deployment, client)?;
            if !encodings.contains(&target.encoding) {
                encodings.push(target.encoding);
            }
            targets.push(Arc::new(target));
        }
        let orders = deployments.iter().map(|deployment| deployment.order);
        let default_outputs = deployments.iter().map(|deployment| deployment.default_output);
        Ok(Self {
            name: name.to_owned(),
            default_output: default_outputs.max().unwrap_or_default(),
            encodings,
            metrics: GroupMetrics::new(name),
            targets,
            ranks: orders.zip(weights(deployments)).collect(),
        })
    }

    /// Draws from the first deployment that has room, in a random order; waits for whichever is
    /// refilled first when none has.
    ///
    /// # Errors
    /// None has room, nor will have in time.
    pub async fn draw(&self, need: &Need, rng: &mut impl Rng) -> Result<Choice, Denial> {
        let order = shuffle(&self.ranks, rng);
        if let Some(choice) = self.take(&order, need) {
            return Ok(choice);
        }
        let denial = match self.wait(&order, need).await {
            Ok(choice) => return Ok(choice),
            Err(denial) => denial,
        };
        self.metrics.denied(denial.refusal);
        Err(denial)
    }

    /// Draws from the first that has room in hand. Where there is no other to turn to, waiting tries as
    /// well.
    fn take(&self, order: &[usize], need: &Need) -> Option<Choice> {
        if order.len() == 1 {
            return None;
        }
        order.iter().find_map(|&index| {
            let target = &self.targets[index];
            let permit = target.draw_in_hand(need)?;
            Some(Choice::of(target, permit))
        })
    }

    /// Waits on the first, and on the next as well when the one before has nothing to give, or let
    /// [`TURN`] pass: so most draws ask one deployment for a lease, and not all. The wait is bounded
    /// once, not for each; the others are dropped as soon as one has drawn.
    async fn wait(&self, order: &[usize], need: &Need) -> Result<Choice, Denial> {
        let max_wait = order.iter().map(|&index| self.targets[index].max_wait()).max();
        let deadline = Instant::now() + max_wait.unwrap_or_default();
        let mut turns = order.iter();
        let mut draws = FuturesUnordered::new();
        let mut said: Option<Denial> = None;
        loop {
            if let Some(&index) = turns.next() {
                let target = &self.targets[index];
                let left = deadline.saturating_duration_since(Instant::now());
                draws.push(async move {
                    target.draw(need, left).await.map(|permit| Choice::of(target, permit))
                });
            }
            let turn = if turns.len() > 0 { TURN } else { Duration::MAX };
            // It takes turns as long as one draw waits.
            while let Ok(Some(drawn)) = timeout(turn, draws.next()).await {
                match (drawn, said.take()) {
                    (Ok(choice), _) => return Ok(choice),
                    (Err(denial), None) => said = Some(denial),
                    (Err(denial), Some(other)) => said = Some(other.or(denial)),
                }
                if turns.len() > 0 {
                    break;
                }
            }
            if turns.len() == 0 && draws.is_empty() {
                return Err(said.expect("a group has a deployment"));
            }
        }
    }
}

impl Choice {
    fn of(target: &Arc<Target>, permit: Option<Permit>) -> Self {
        Self { target: Arc::clone(target), permit }
    }
}
