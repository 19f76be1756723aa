use std::collections::HashMap;

use gateway_client::clock::{BootClock, Clock};

use crate::group::Group;

/// Where requests go, between groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterSettings {
    /// How often a request is tried again on another deployment of its group.
    pub num_retries: u32,
    /// Other names of groups: `model_group_alias`.
    pub aliases: HashMap<String, String>,
    /// The groups that a request goes to when its own fails or has no room, in order.
    pub fallbacks: HashMap<String, Vec<String>>,
    /// The groups that a request goes to when it is too long for its own, in order.
    pub context_window_fallbacks: HashMap<String, Vec<String>>,
    /// The groups that a request goes to when its own's provider refuses what it says, in order.
    pub content_policy_fallbacks: HashMap<String, Vec<String>>,
    /// To so many groups a request is passed on at most.
    pub max_fallbacks: usize,
}

/// LiteLLM's own.
impl Default for RouterSettings {
    fn default() -> Self {
        Self {
            num_retries: 2,
            aliases: HashMap::new(),
            fallbacks: HashMap::new(),
            context_window_fallbacks: HashMap::new(),
            content_policy_fallbacks: HashMap::new(),
            max_fallbacks: 5,
        }
    }
}

/// A name in the settings that no group has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place} of {of:?} names {name:?}, and there is no such model")]
pub struct UnknownGroup {
    place: &'static str,
    of: String,
    name: String,
}

/// The groups, and how requests get from one to another.
pub struct Router<T, C: Clock = BootClock> {
    groups: Vec<Group<T, C>>,
    by_name: HashMap<String, usize>,
    fallbacks: Vec<Fallbacks>,
    pub(crate) num_retries: u32,
    max_fallbacks: usize,
}

/// Of one group.
#[derive(Debug, Default)]
struct Fallbacks {
    failed: Vec<usize>,
    too_long: Vec<usize>,
    objected: Vec<usize>,
}

/// Why a request leaves its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaves {
    /// It failed there, or found no room.
    Failed,
    /// It is too long for the model, or for the limit.
    TooLong,
    /// Its provider refuses what it says.
    Objected,
}

impl<T, C: Clock> Router<T, C> {
    /// Puts groups together, each of a name of its own.
    ///
    /// # Errors
    /// The settings name a group that there isn't.
    pub fn new(groups: Vec<Group<T, C>>, settings: &RouterSettings) -> Result<Self, UnknownGroup> {
        let mut router = Self {
            by_name: (0..).zip(&groups).map(|(at, group)| (group.name().to_owned(), at)).collect(),
            fallbacks: groups.iter().map(|_| Fallbacks::default()).collect(),
            groups,
            num_retries: settings.num_retries,
            max_fallbacks: settings.max_fallbacks,
        };
        for (alias, name) in &settings.aliases {
            let at = router.index("model_group_alias", alias, name)?;
            router.by_name.entry(alias.clone()).or_insert(at);
        }
        for (of, names) in &settings.fallbacks {
            let at = router.index("fallbacks", of, of)?;
            router.fallbacks[at].failed = router.indices("fallbacks", of, names)?;
        }
        for (of, names) in &settings.context_window_fallbacks {
            let place = "context_window_fallbacks";
            let at = router.index(place, of, of)?;
            router.fallbacks[at].too_long = router.indices(place, of, names)?;
        }
        for (of, names) in &settings.content_policy_fallbacks {
            let place = "content_policy_fallbacks";
            let at = router.index(place, of, of)?;
            router.fallbacks[at].objected = router.indices(place, of, names)?;
        }
        for (group, fallbacks) in router.groups.iter_mut().zip(&router.fallbacks) {
            if group.members().len() == 1 && fallbacks.failed.is_empty() {
                group.stand_alone();
            }
        }
        Ok(router)
    }

    /// The group of this name or alias.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Group<T, C>> {
        self.by_name.get(name).map(|&at| &self.groups[at])
    }

    /// All groups.
    pub fn iter(&self) -> impl Iterator<Item = &Group<T, C>> {
        self.groups.iter()
    }

    /// From now on no request waits for room, and those that do are denied: the gateway is
    /// stopping.
    pub fn stop_waiting(&self) {
        self.groups.iter().filter_map(|group| group.line.as_ref()).for_each(|line| line.close());
    }

    /// Where a request of this group goes next.
    pub(crate) fn fallbacks(
        &self,
        group: &Group<T, C>,
        why: Leaves,
    ) -> impl Iterator<Item = &Group<T, C>> {
        let of_group = self.by_name.get(group.name()).map(|&at| &self.fallbacks[at]);
        let indices = of_group.map_or(&[][..], |fallbacks| match why {
            Leaves::Failed => &fallbacks.failed,
            Leaves::TooLong => &fallbacks.too_long,
            Leaves::Objected => &fallbacks.objected,
        });
        indices.iter().take(self.max_fallbacks).map(|&at| &self.groups[at])
    }

    fn index(&self, place: &'static str, of: &str, name: &str) -> Result<usize, UnknownGroup> {
        let unknown = || UnknownGroup { place, of: of.to_owned(), name: name.to_owned() };
        self.by_name.get(name).copied().ok_or_else(unknown)
    }

    fn indices(
        &self,
        place: &'static str,
        of: &str,
        names: &[String],
    ) -> Result<Vec<usize>, UnknownGroup> {
        names.iter().map(|name| self.index(place, of, name)).collect()
    }
}
