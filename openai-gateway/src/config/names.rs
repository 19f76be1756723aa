//! Which group a name is of: asked for every request, and once for what aliases and fallbacks name.

use std::collections::{HashMap, HashSet};

use super::deployment::DeploymentConfig;
use super::pattern::Pattern;
use super::routing::Alias;

/// The names that callers may ask for.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// What the file names, then what its entries for every provider stand for: these are asked
    /// only for a name that nothing of the file fits, since nobody chose their companies for it.
    ranks: [Rank; 2],
    /// Groups whose model is what a caller has for a `*`.
    open: HashSet<String>,
}

#[derive(Debug, Clone, Default)]
struct Rank {
    /// The group of each name, or none: whoever asks for that is told so, whatever pattern it fits.
    exact: HashMap<String, Option<String>>,
    /// The same for many names, the most specific first.
    patterns: Vec<(Pattern, Option<String>)>,
}

impl Names {
    /// The names of these groups. Those of entries that were left out are known, and lead nowhere.
    pub(super) fn of(deployments: &[DeploymentConfig], left_out: &[String]) -> Self {
        let mut names = Self::default();
        for deployment in deployments {
            let group = &deployment.model_group;
            names.ranks[usize::from(deployment.is_derived)].add(group, Some(group));
            if deployment.pattern.is_some() && deployment.model.contains('*') {
                names.open.insert(group.clone());
            }
        }
        for name in left_out {
            names.ranks[0].add(name, None);
        }
        names
    }

    /// The group of this name or alias, else the one whose pattern it fits best.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&str> {
        self.ranks.iter().find_map(|rank| rank.find(name)).flatten()
    }

    /// Adds other names. One that is a group's already stays that; one that is an alias of an alias
    /// leads where that leads.
    pub(super) fn alias(&mut self, aliases: &HashMap<String, Alias>) {
        let found: Vec<_> = aliases
            .iter()
            .map(|(name, alias)| (name.clone(), self.end(aliases, &alias.model_group)))
            .collect();
        for (name, group) in found {
            self.ranks[0].exact.entry(name).or_insert(group);
        }
    }

    /// The group that can take a request for another name.
    pub(super) fn lead(&self, name: &str) -> Result<&str, &'static str> {
        match self.find(name) {
            // Another's name says nothing of what its caller has for the `*`.
            Some(group) if self.open.contains(group) => {
                Err("whose model only a caller says: give it an entry of its own")
            }
            Some(group) => Ok(group),
            None => Err("which has no deployment"),
        }
    }

    /// Where an alias of this name leads in the end.
    fn end<'a>(&self, aliases: &'a HashMap<String, Alias>, mut name: &'a str) -> Option<String> {
        // More steps than aliases are a circle.
        for _ in 0..=aliases.len() {
            match aliases.get(name) {
                Some(alias) if !self.ranks[0].exact.contains_key(name) => name = &alias.model_group,
                _ => return self.lead(name).ok().map(ToOwned::to_owned),
            }
        }
        None
    }
}

impl Rank {
    /// Adds a name that isn't there yet.
    fn add(&mut self, name: &str, group: Option<&str>) {
        let group = group.map(ToOwned::to_owned);
        let Some(pattern) = Pattern::of(name) else {
            self.exact.entry(name.to_owned()).or_insert(group);
            return;
        };
        if self.patterns.iter().all(|(known, _)| *known != pattern) {
            let specificity = pattern.specificity();
            let at = self.patterns.partition_point(|(known, _)| known.specificity() >= specificity);
            self.patterns.insert(at, (pattern, group));
        }
    }

    /// Where a name leads, if there is anything that it fits.
    fn find(&self, name: &str) -> Option<Option<&str>> {
        let fits = |(pattern, _): &&(Pattern, _)| pattern.capture(name).is_some();
        let by_pattern = || self.patterns.iter().find(fits).map(|(_, group)| group.as_deref());
        self.exact.get(name).map(Option::as_deref).or_else(by_pattern)
    }
}
