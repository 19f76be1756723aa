use std::collections::HashMap;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use gateway_client::{Permit, QuotaClient};
use rand::Rng;

use super::shuffle::{shuffle, weights};
use super::target::UnfitForHeader;
use super::{Denial, Need, Target};
use crate::config::DeploymentConfig;
use crate::metrics::GroupMetrics;
use crate::tokens::Encoding;

/// The model groups, in the configuration's order.
pub struct Groups {
    groups: Vec<Group>,
    by_name: HashMap<String, usize>,
}

/// The deployments that answer to one model name.
pub struct Group {
    /// The name that callers use.
    pub name: String,
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
        Ok(Self {
            groups: groups.collect::<Result<_, _>>()?,
            by_name: (0..).zip(&names).map(|(index, name)| ((*name).to_owned(), index)).collect(),
        })
    }

    /// The group of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Group> {
        self.by_name.get(name).map(|&index| &self.groups[index])
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
        Ok(Self {
            name: name.to_owned(),
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

    /// Draws from the first that has room now. Where there is no other to turn to, waiting tries as
    /// well.
    fn take(&self, order: &[usize], need: &Need) -> Option<Choice> {
        if order.len() == 1 {
            return None;
        }
        order.iter().find_map(|&index| {
            let target = &self.targets[index];
            let permit = target.try_draw(need)?;
            Some(Choice::of(target, permit))
        })
    }

    /// Waits on all deployments at once, so that the wait is bounded once and not for each. The
    /// others are dropped as soon as one has drawn; one that can't be refilled in time says so at
    /// once.
    async fn wait(&self, order: &[usize], need: &Need) -> Result<Choice, Denial> {
        let draws = order.iter().map(|&index| async move {
            let target = &self.targets[index];
            target.draw(need).await.map(|permit| Choice::of(target, permit))
        });
        let mut draws: FuturesUnordered<_> = draws.collect();
        let mut said: Option<Denial> = None;
        while let Some(drawn) = draws.next().await {
            match (drawn, said.take()) {
                (Ok(choice), _) => return Ok(choice),
                (Err(denial), None) => said = Some(denial),
                (Err(denial), Some(other)) => said = Some(other.or(denial)),
            }
        }
        Err(said.expect("a group has a deployment"))
    }
}

impl Choice {
    fn of(target: &Arc<Target>, permit: Option<Permit>) -> Self {
        Self { target: Arc::clone(target), permit }
    }
}
