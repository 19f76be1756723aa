//! An entry of `model_list`, read.

use std::collections::HashMap;
use std::time::Duration;

use gateway_client::api;

use super::deployment::DeploymentConfig;
use super::identity::Identities;
use super::keys::Part;
use super::providers::{self, Provider};
use super::reach::EntrySaid;
use super::report::Report;
use super::section::{self, Section};
use super::terms::EntryTerms;
use super::yaml::{Map, Node, Place, Value, YamlKey};

/// What entries share.
pub(super) struct Common {
    /// `credential_list`, by name.
    pub(super) credentials: HashMap<String, Map>,
    /// `default_litellm_params`.
    pub(super) params: Map,
    pub(super) timeout: Option<Duration>,
    pub(super) stream_timeout: Option<Duration>,
    pub(super) max_parallel_requests: Option<u32>,
    pub(super) drop_params: bool,
    /// The output that a request is taken to allow that doesn't say, tokens.
    pub(super) default_output: u64,
}

/// What an entry is.
pub(super) enum Entry {
    /// Deployments: one, but for an entry that stands for every provider.
    Deployments(Vec<DeploymentConfig>),
    /// Another name of a group.
    Alias { name: String, model_group: String },
}

/// Reads an entry. Where it has a mistake, that is in the report.
pub(super) fn read(
    node: &Node,
    index: usize,
    common: &Common,
    identities: &mut Identities,
    report: &mut Report,
) -> Option<Entry> {
    let path = format!("model_list[{index}]");
    let mut entry = Section::of(node, Part::Entry, path.clone(), report);
    let name = entry.text("model_name", report);
    let path = format!("{path} ({})", name.as_deref().unwrap_or("without a name"));
    let params = entry.take("litellm_params");
    let info = entry.take("model_info");
    let limits = [entry.whole("tpm", report), entry.whole("rpm", report)];
    entry.close(report);
    let name = match name.as_deref().map(group) {
        Some(Ok(name)) => name,
        Some(Err(what)) => return wrong(report, node.place, format!("{path}: {what}")),
        None => return wrong(report, node.place, format!("{path}: model_name is missing")),
    };
    let Some(params) = params else {
        return wrong(report, node.place, format!("{path}: litellm_params are missing"));
    };
    let merged = merged(params, &path, common, report)?;
    let mut params = Section::of(&merged, Part::Params, format!("{path}: litellm_params"), report);
    let nothing = Node { place: node.place, value: Value::Map(Map::default()) };
    let info = info.unwrap_or(&nothing);
    let mut info = Section::of(info, Part::Info, format!("{path}: model_info"), report);
    params.take("litellm_credential_name");
    let said = EntrySaid::take(&mut params, report);
    let stands_for = router(&mut params, report);
    if said.model().is_some_and(|model| model.starts_with("auto_router/")) {
        params.take_unknown();
        params.close(report);
        return alias(name, stands_for, node.place, &path, report);
    }
    let terms = EntryTerms::take(&mut params, &mut info, limits, common, report);
    info.close(report);
    let path = params.at("").trim_end_matches('.').to_owned();
    params.close(report);
    let is_derived = said.is_any();
    let every = if is_derived {
        every_provider(&name, &said, &terms, (node.place, &path), report)?
    } else {
        vec![(name, said)]
    };
    let deployments = every.into_iter().filter_map(|(name, said)| {
        let reach = said.reach(node.place, &path, report)?;
        let read =
            terms.deployment(name, reach, common, identities, (node.place, &path), report)?;
        Some(DeploymentConfig { is_derived, ..read })
    });
    Some(Entry::Deployments(deployments.collect()))
}

/// What an entry is called, if that can be told.
pub(super) fn name(node: &Node, report: &Report) -> Option<String> {
    let Value::Map(entry) = &node.value else { return None };
    section::text(entry.get("model_name")?, &report.environment).ok()
}

pub(super) fn wrong<T>(report: &mut Report, place: Place, what: String) -> Option<T> {
    report.mistake(place, what);
    None
}

fn group(name: &str) -> Result<String, String> {
    if name.is_empty() || name.len() > api::limits::MAX_NAME_BYTES {
        return Err(format!("model_name must have 1 to {} bytes", api::limits::MAX_NAME_BYTES));
    }
    Ok(name.to_owned())
}

/// `litellm_params` with what the named credential and the file's defaults have besides.
fn merged(params: &Node, path: &str, common: &Common, report: &mut Report) -> Option<Node> {
    let Value::Map(own) = &params.value else {
        let what =
            format!("{path}: litellm_params: keys with values belong here, not {}", params.kind());
        return wrong(report, params.place, what);
    };
    let mut map = own.clone();
    if let Some(name) = own.get("litellm_credential_name").filter(|name| !name.is_null()) {
        let text = section::text(name, &report.environment);
        let credential = text.and_then(|text| {
            let found = common.credentials.get(&text);
            found.ok_or_else(|| format!("credential_list has no {:?}", section::written(name)))
        });
        match credential {
            Ok(credential) => complete(&mut map, credential),
            Err(what) => {
                let what = format!("{path}: litellm_params.litellm_credential_name: {what}");
                return wrong(report, name.place, what);
            }
        }
    }
    complete(&mut map, &common.params);
    Some(Node { place: params.place, value: Value::Map(map) })
}

/// Takes what the other has and this one lacks. An address by one of its two names keeps out the
/// other's by the other name: a key would go there with it.
fn complete(map: &mut Map, other: &Map) {
    let is_base = |name: &str| matches!(name, "api_base" | "base_url");
    let has_base = map.0.iter().any(|(key, _)| is_base(&key.name));
    let fits = |(key, _): &&(YamlKey, Node)| !(has_base && is_base(&key.name));
    map.complete_from(&Map(other.0.iter().filter(fits).cloned().collect()));
}

/// The group that LiteLLM's judges of requests stand for here, where there is no judge.
fn router(params: &mut Section<'_>, report: &mut Report) -> Option<String> {
    let defaults = ["auto", "complexity", "quality", "adaptive"];
    let defaults =
        defaults.map(|kind| params.text(&format!("{kind}_router_default_model"), report));
    let first = params.take("adaptive_router_config").and_then(|node| {
        let path = params.at("adaptive_router_config");
        let mut config = Section::of(node, Part::AdaptiveRouter, path, report);
        let models = config.texts("available_models", report);
        config.close(report);
        models?.into_iter().next()
    });
    defaults.into_iter().flatten().next().or(first)
}

fn alias(
    name: String,
    model_group: Option<String>,
    place: Place,
    path: &str,
    report: &mut Report,
) -> Option<Entry> {
    let Some(model_group) = model_group else {
        let what = format!("{path}: an auto_router names no group that could take its requests");
        return wrong(report, place, what);
    };
    let what = format!("{path}: no request is judged: all go to the group {model_group}");
    report.warn(place, what);
    Some(Entry::Alias { name, model_group })
}

/// `model: "*"`: what a caller asks for says the provider, and each gets the key of its own
/// variable. So the entry is one for each provider that there is a key for, and no key is in the
/// file. Their groups take what nothing else of the file fits.
fn every_provider(
    name: &str,
    said: &EntrySaid,
    terms: &EntryTerms,
    (place, path): (Place, &str),
    report: &mut Report,
) -> Option<Vec<(String, EntrySaid)>> {
    if name != "*" || said.is_bound() {
        let what = format!(
            "{path}.model: \"*\" leaves the provider to the caller: that goes with model_name \"*\", and without \
             api_base and api_key, since nobody can tell whose they are"
        );
        return wrong(report, place, what);
    }
    if terms.are_of_one_deployment() {
        let what = format!(
            "{path}: \"*\" is many deployments: limits, an id and headers belong to one each"
        );
        return wrong(report, place, what);
    }
    let is_there = |provider: &&Provider| said.has_all_of(provider, &report.environment);
    let keyed: Vec<_> = providers::all().iter().filter(is_there).collect();
    if keyed.is_empty() {
        let what =
            format!("{path}.model: \"*\" needs a provider's key in the environment: there is none");
        return wrong(report, place, what);
    }
    let mut every = Vec::new();
    for provider in keyed {
        let prefix = provider.prefix;
        every.push((format!("{prefix}/*"), said.of_provider(prefix, "*")));
        for name in
            providers::BARE.iter().filter(|(of, _)| *of == prefix).flat_map(|(_, names)| *names)
        {
            // The pattern's text goes to the provider as it is asked for: `gpt-4o*` as `gpt-4o*`.
            every.push(((*name).to_owned(), said.of_provider(prefix, name)));
        }
    }
    Some(every)
}
