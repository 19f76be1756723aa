use std::collections::HashMap;

use gateway_client::QuotaClient;
use gateway_client::clock::BootClock;
use gateway_router::{Router, UnknownGroup};

use super::settings::{group_settings, member_settings, router_settings};
use super::target::UnfitForHeader;
use super::{Group, Member, Request, Target, Tries};
use crate::config::{Config, DeploymentConfig, Names};
use crate::metrics::GroupMetrics;
use crate::tokens::Encoding;

/// The model groups, in the configuration's order.
pub struct Groups {
    router: Router<Target>,
    metrics: HashMap<String, GroupMetrics>,
    listed: Vec<String>,
    names: Names,
}

/// Groups that can't be made of the configuration.
#[derive(Debug, thiserror::Error)]
pub enum UnfitGroups {
    /// A deployment can't be called.
    #[error(transparent)]
    Deployment(#[from] UnfitForHeader),
    /// A setting names a group that there isn't.
    #[error(transparent)]
    Unknown(#[from] UnknownGroup),
}

impl Groups {
    /// Sorts the deployments into their groups.
    ///
    /// # Errors
    /// One of them can't be called, or a setting names a group that there isn't.
    pub fn new(config: &Config, client: &QuotaClient) -> Result<Self, UnfitGroups> {
        let mut names: Vec<&str> = Vec::new();
        let mut members: HashMap<&str, Vec<Member>> = HashMap::new();
        for deployment in &config.deployments {
            let group = members.entry(&deployment.model_group).or_default();
            if group.is_empty() {
                names.push(&deployment.model_group);
            }
            group.push(member(deployment, client)?);
        }
        let settings = group_settings(&config.routing, &config.quota);
        let mut groups = Vec::with_capacity(names.len());
        for &name in &names {
            let members = members.remove(name).unwrap_or_default();
            groups.push(Group::new(name, members, settings, BootClock));
        }
        Ok(Self {
            router: Router::new(groups, &router_settings(&config.routing, &names))?,
            metrics: names
                .iter()
                .map(|name| ((*name).to_owned(), GroupMetrics::new(name)))
                .collect(),
            listed: listed(&names, config),
            names: config.names.clone(),
        })
    }

    /// The group of this name or alias, else the one whose pattern it fits best.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Group> {
        self.router.find(self.names.find(name)?)
    }

    /// The tries of a request of this group.
    #[must_use]
    pub fn tries<'a>(&'a self, group: &'a Group, request: Request) -> Tries<'a> {
        self.router.tries(group, request)
    }

    /// From now on no request waits for room: the gateway is stopping.
    pub fn stop_waiting(&self) {
        self.router.stop_waiting();
    }

    /// Says how many requests wait for room.
    pub fn tell_waiting(&self) {
        for group in self.router.iter() {
            self.metrics(group).waiting(group.waiting());
        }
    }

    /// What is counted about a group.
    #[must_use]
    pub fn metrics(&self, group: &Group) -> &GroupMetrics {
        &self.metrics[group.name()]
    }

    /// The names that callers are shown.
    #[must_use]
    pub fn listed(&self) -> &[String] {
        &self.listed
    }

    /// The encodings of all deployments, each once.
    #[must_use]
    pub fn encodings(&self) -> Vec<Encoding> {
        let mut encodings = Vec::new();
        for member in self.router.iter().flat_map(Group::members) {
            if !encodings.contains(&member.target.encoding) {
                encodings.push(member.target.encoding);
            }
        }
        encodings
    }
}

fn member(deployment: &DeploymentConfig, client: &QuotaClient) -> Result<Member, UnfitForHeader> {
    let has_limits = deployment.limits.is_some();
    let quota = (has_limits || deployment.is_named).then(|| client.deployment(&deployment.id));
    let member = Member::new(Target::new(deployment)?, quota, member_settings(deployment));
    Ok(if has_limits { member } else { member.if_known() })
}

/// The groups, and the aliases that aren't hidden by the alphabet.
fn listed(names: &[&str], config: &Config) -> Vec<String> {
    let aliases = config.routing.aliases.iter();
    let shown = aliases.filter(|(name, alias)| !alias.hidden && !names.contains(&name.as_str()));
    let mut shown: Vec<_> = shown.map(|(name, _)| name.clone()).collect();
    shown.sort_unstable();
    names.iter().map(|name| (*name).to_owned()).chain(shown).collect()
}
