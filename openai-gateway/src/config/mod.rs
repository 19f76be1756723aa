//! What to run: a LiteLLM `config.yaml`, read as it is, with one key of ours, `quota_server`.
//!
//! `yaml` reads the text as PyYAML does, and keeps the lines; `section` takes keys from it;
//! [`keys`] says what becomes of each; [`providers`] is the table of providers. [`Config`] is what
//! it all means here, checked. Every mistake is collected with its line (`report`), so that one
//! start tells them all.

mod body;
mod deployment;
mod endpoint;
mod entry;
mod error;
mod file;
mod identity;
pub mod keys;
mod names;
mod passed;
mod pattern;
pub mod providers;
mod quota;
mod reach;
mod reference;
mod report;
mod routing;
mod secret;
mod section;
mod settings;
mod terms;
mod yaml;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

pub use body::{BodyRules, OutputBound};
pub use deployment::{DeploymentConfig, Prices, QuotaLimits, model_for};
pub use endpoint::{Call, CallUrl, ProviderEndpoint};
pub use error::ConfigError;
pub use names::Names;
pub use pattern::Pattern;
pub use quota::{QuotaConfig, Reservation};
pub use reference::Environment;
pub use report::Mistake;
pub use routing::{Alias, Fallbacks, RoutingConfig, Strategy};
pub use secret::Secret;

use entry::{Common, Entry};
use file::Files;
use identity::Identities;
use keys::Part;
use report::{Report, sorted};
use section::Section;
use settings::{Settings, master_key};
use yaml::{Map, Node, Place, Value};

/// What to run, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The deployments, in the file's order.
    pub deployments: Vec<DeploymentConfig>,
    /// Which group a name is of.
    pub names: Names,
    /// How deployments are chosen from, and what follows an error.
    pub routing: RoutingConfig,
    /// What callers must present; anyone may call where it is absent.
    pub master_key: Option<Secret>,
    /// The quota server and how it is used.
    pub quota: QuotaConfig,
    /// Keys of the file that this gateway does nothing with.
    pub ignored: Vec<String>,
    /// What deserves a look but stops nothing.
    pub warnings: Vec<Mistake>,
}

/// What is done with entries of `model_list` that are mistaken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// The file is refused.
    Refused,
    /// They are left out, with a warning.
    Skipped,
}

impl Config {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// The file can't be read, isn't YAML, or says what makes no sense here: all of that at once.
    pub fn load(path: &Path, environment: &Environment) -> Result<Self, ConfigError> {
        Self::load_usable(path, environment, Unusable::Refused)
    }

    /// The same, with or without the entries that can't be used.
    ///
    /// # Errors
    /// As `load`; entries that are left out are no mistakes, unless none is left.
    pub fn load_usable(
        path: &Path,
        environment: &Environment,
        unusable: Unusable,
    ) -> Result<Self, ConfigError> {
        let mut report = Report::new(environment.clone());
        let files = Files::read(path, &mut report)?;
        Self::of_files(&files, report, unusable)
    }

    /// The same of a file's text, which can include no other.
    ///
    /// # Errors
    /// As `load`, but that there is nothing to be read from.
    pub fn of_text(text: &str, environment: &Environment) -> Result<Self, ConfigError> {
        let mut report = Report::new(environment.clone());
        let files = Files::of_text(text, "config.yaml".as_ref(), &mut report);
        Self::of_files(&files, report, Unusable::Refused)
    }

    fn of_files(
        files: &Files,
        mut report: Report,
        unusable: Unusable,
    ) -> Result<Self, ConfigError> {
        let config = Self::read(&files.node, unusable, &mut report);
        if !report.mistakes.is_empty() {
            return Err(ConfigError::Mistaken(sorted(report.mistakes, &files.paths)));
        }
        let warnings = sorted(report.warnings, &files.paths);
        Ok(Self { ignored: report.ignored, warnings, ..config })
    }

    fn read(node: &Node, unusable: Unusable, report: &mut Report) -> Self {
        let nothing = Node { place: node.place, value: Value::Map(Map::default()) };
        let mut file = Section::of(node, Part::File, String::new(), report);
        // Variables first: everything after it may refer to them.
        variables(&mut file, report);
        let router = part(&mut file, Part::Router, &nothing, report);
        let litellm = part(&mut file, Part::Litellm, &nothing, report);
        let general = part(&mut file, Part::General, &nothing, report);
        let quota = part(&mut file, Part::Quota, &nothing, report);
        let master_key = master_key(general, report);
        let quota = QuotaConfig::read(quota, report);
        let mut settings = Settings::read(router, litellm, report);
        // They are read already.
        file.texts("include", report);
        let common = Common {
            credentials: credentials(&mut file, report),
            params: std::mem::take(&mut settings.default_params),
            timeout: settings.timeout,
            stream_timeout: settings.stream_timeout,
            max_parallel_requests: settings.max_parallel_requests,
            drop_params: settings.drop_params,
            default_output: quota.default_max_output_tokens,
        };
        let list = file.read("model_list", report, |node, _| match &node.value {
            Value::List(nodes) => Ok(nodes),
            _ => Err(format!("a list belongs here, not {}", node.kind())),
        });
        file.close(report);
        let entries = list.map_or(&[][..], Vec::as_slice);
        let routing = &mut settings.routing;
        let (deployments, left_out) = deployments(entries, &common, routing, unusable, report);
        if deployments.is_empty() && report.mistakes.is_empty() {
            report.mistake(node.place, "model_list: no deployment at all");
        }
        let mut names = Names::of(&deployments, &left_out);
        lead(&mut names, routing, node.place, report);
        Self {
            deployments,
            names,
            routing: settings.routing,
            master_key,
            quota,
            ignored: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

/// A part of the file, empty where it isn't there.
fn part<'a>(
    file: &mut Section<'a>,
    part: Part,
    nothing: &'a Node,
    report: &mut Report,
) -> Section<'a> {
    let node = file.take(part.path()).unwrap_or(nothing);
    Section::of(node, part, part.path().to_owned(), report)
}

/// `environment_variables`: they count more than the environment's own, as with LiteLLM.
fn variables(file: &mut Section<'_>, report: &mut Report) {
    let map = file.read("environment_variables", report, |node, _| settings::map(node));
    for (key, node) in map.unwrap_or_default().0 {
        if node.is_null() {
            continue;
        }
        match section::text(&node, &report.environment) {
            Ok(value) => report.environment.set(&key.name, value),
            // Whoever refers to it is told: it may be nobody.
            Err(what) => {
                report.warn(node.place, format!("environment_variables.{}: {what}", key.name));
            }
        }
    }
}

/// `credential_list`, by name.
fn credentials(file: &mut Section<'_>, report: &mut Report) -> HashMap<String, Map> {
    let list = file.read("credential_list", report, |node, _| match &node.value {
        Value::List(nodes) => Ok(nodes),
        _ => Err(format!("a list belongs here, not {}", node.kind())),
    });
    let mut credentials = HashMap::new();
    for (index, node) in list.into_iter().flatten().enumerate() {
        let path = format!("credential_list[{index}]");
        let mut credential = Section::of(node, Part::Credential, path.clone(), report);
        let name = credential.text("credential_name", report);
        let values = credential.read("credential_values", report, |node, _| settings::map(node));
        credential.close(report);
        match name {
            Some(name) => drop(credentials.insert(name, values.unwrap_or_default())),
            None => report.mistake(node.place, format!("{path}: credential_name is missing")),
        }
    }
    credentials
}

/// The deployments of the entries, and the names of those that are left out.
fn deployments(
    entries: &[Node],
    common: &Common,
    routing: &mut RoutingConfig,
    unusable: Unusable,
    report: &mut Report,
) -> (Vec<DeploymentConfig>, Vec<String>) {
    let (mut ids, mut identities) = (HashSet::new(), Identities::default());
    let (mut deployments, mut left_out) = (Vec::with_capacity(entries.len()), Vec::new());
    for (index, node) in entries.iter().enumerate() {
        let before = report.mistakes.len();
        let (found, alias) = match entry::read(node, index, common, &mut identities, report) {
            Some(Entry::Deployments(found)) => (found, None),
            Some(Entry::Alias { name, model_group }) => (Vec::new(), Some((name, model_group))),
            None => (Vec::new(), None),
        };
        for deployment in &found {
            if !ids.insert(deployment.id.clone()) {
                let what = format!("another entry has the id {:?} already", deployment.id);
                report.mistake(node.place, format!("model_list[{index}]: {what}"));
            }
        }
        let mistakes = report.mistakes.split_off(before);
        match (mistakes.is_empty(), unusable) {
            (true, _) => {
                deployments.extend(found);
                if let Some((name, model_group)) = alias {
                    routing.aliases.entry(name).or_insert(Alias { model_group, hidden: false });
                }
            }
            (false, Unusable::Refused) => report.mistakes.extend(mistakes),
            (false, Unusable::Skipped) => {
                let skipped = |(place, what)| (place, format!("left out: {what}"));
                report.warnings.extend(mistakes.into_iter().map(skipped));
                left_out.extend(entry::name(node, report));
            }
        }
    }
    // What the file names itself is what its operator chose for that name.
    let chosen = deployments.iter().filter(|d: &&DeploymentConfig| !d.is_derived);
    let chosen = chosen.map(|d| d.model_group.clone());
    let chosen: HashSet<_> = chosen.chain(left_out.iter().cloned()).collect();
    deployments.retain(|d| !d.is_derived || !chosen.contains(&d.model_group));
    (deployments, left_out)
}

/// Leads aliases and fallbacks to the groups that they mean. What leads to none is left out with a
/// word: it would take nothing over.
fn lead(names: &mut Names, routing: &mut RoutingConfig, place: Place, report: &mut Report) {
    names.alias(&routing.aliases);
    let mut missing = BTreeMap::new();
    let mut group = |name: &str, said: &str| match names.lead(name) {
        Ok(group) => Some(group.to_owned()),
        Err(why) => {
            missing.insert(said.to_owned(), names.lead(said).err().unwrap_or(why));
            None
        }
    };
    routing.aliases.retain(|name, alias| {
        let found = group(name, &alias.model_group);
        found.map(|group| alias.model_group = group).is_some()
    });
    routing.fallbacks.lead(&mut group);
    routing.context_window_fallbacks.lead(&mut group);
    routing.content_policy_fallbacks.lead(&mut group);
    for (name, why) in missing {
        report.warn(place, format!("a fallback or an alias leads to the group {name:?}, {why}"));
    }
    let all =
        [&routing.fallbacks, &routing.context_window_fallbacks, &routing.content_policy_fallbacks];
    let named: BTreeSet<_> = all.into_iter().flat_map(Fallbacks::groups).collect();
    for name in named.into_iter().filter(|name| names.find(name) != Some(name)) {
        report.warn(place, format!("the fallbacks of {name:?} are no group's: none is called so"));
    }
}

#[cfg(test)]
mod tests;
