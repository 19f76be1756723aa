//! Which group a name is of.

use super::*;

const EVERY: &str = "  - {model_name: '*', litellm_params: {model: '*'}}\n";

fn list(entries: &[(&str, &str)]) -> String {
    let entry = |(name, params): &(&str, &str)| {
        format!("  - {{model_name: '{name}', litellm_params: {{{params}}}}}\n")
    };
    format!("model_list:\n{}", entries.iter().map(entry).collect::<String>())
}

/// Where requests for this name go.
fn hosts(config: &Config, name: &str) -> Vec<String> {
    let group = config.names.find(name);
    let members = config.deployments.iter().filter(|d| Some(d.model_group.as_str()) == group);
    members.map(|d| d.endpoint.base().host_str().unwrap().to_owned()).collect()
}

const AZURE: &str = "api_base: 'https://x.openai.azure.com', api_key: k";

#[test]
fn what_the_file_names_goes_where_it_says_whatever_every_provider_has() {
    let own = list(&[
        ("gpt-4", &format!("model: azure/gpt-4, tpm: 1000, {AZURE}")),
        ("gpt-5*", &format!("model: 'azure/gpt-5*', {AZURE}")),
        ("openai/*", &format!("model: 'azure/*', {AZURE}")),
    ]);
    let aliases = "router_settings: {model_group_alias: {o1: gpt-4}}\n";
    for text in
        [format!("{own}{EVERY}{aliases}"), own.replacen('\n', &format!("\n{EVERY}"), 1) + aliases]
    {
        let config = parse(&text).unwrap();
        for name in ["gpt-4", "gpt-5", "gpt-5-mini", "openai/gpt-4o", "o1"] {
            assert_eq!(hosts(&config, name), ["x.openai.azure.com"], "{name}");
        }
        for name in ["gpt-4o", "o3"] {
            assert_eq!(hosts(&config, name), ["api.openai.com"], "{name}");
        }
        assert_eq!(config.names.find("llama3"), None);
    }
}

#[test]
fn an_entry_that_is_left_out_is_no_other_s_to_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.yaml");
    let own = list(&[("gpt-4", "model: azure/gpt-4"), ("o1*", "model: 'azure/o1*'")]);
    let fallbacks = "router_settings: {fallbacks: [{gpt-4o: [gpt-4, o3]}]}\n";
    std::fs::write(&path, own + EVERY + fallbacks).unwrap();
    let config = Config::load_usable(&path, &environment(), Unusable::Skipped).unwrap();
    assert_eq!(hosts(&config, "gpt-4o"), ["api.openai.com"]);
    for name in ["gpt-4", "o1", "o1-mini"] {
        assert_eq!(config.names.find(name), None, "{name}");
    }
    assert!(config.deployments.iter().all(|d| d.model_group != "gpt-4"));
    assert_eq!(config.routing.fallbacks.of("gpt-4o"), ["o3"]);
}

#[test]
fn the_most_specific_pattern_is_asked_first() {
    let config = parse(&list(&[
        ("*", "model: openai/a, api_key: k"),
        ("team-*", "model: openai/b, api_key: k"),
        ("team-a-*", "model: openai/c, api_key: k"),
        ("team-a-x", "model: openai/d, api_key: k"),
    ]))
    .unwrap();
    for (name, group) in
        [("x", "*"), ("team-b", "team-*"), ("team-a-b", "team-a-*"), ("team-a-x", "team-a-x")]
    {
        assert_eq!(config.names.find(name), Some(group));
    }
}

#[test]
fn aliases_lead_to_a_group_however_many_there_are() {
    let text = entry("model: gpt-4o")
        + "router_settings: {model_group_alias: {a: b, b: c, c: m, x: y, y: x, m: a, lost: nowhere}, \
           fallbacks: [{m: [a, nowhere, x]}]}\n";
    let config = parse(&text).unwrap();
    for name in ["a", "b", "c", "m"] {
        assert_eq!(config.names.find(name), Some("m"), "{name}");
    }
    for name in ["x", "y", "lost"] {
        assert_eq!(config.names.find(name), None, "{name}");
        assert!(!config.routing.aliases.contains_key(name), "{name}");
    }
    assert_eq!(config.routing.aliases["a"].model_group, "m");
    assert_eq!(config.routing.fallbacks.of("m"), ["m"]);
    let told: Vec<_> = config.warnings.iter().map(|warning| warning.what.as_str()).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].contains("\"nowhere\", which has no deployment"), "{told:?}");
}

#[test]
fn nothing_leads_to_a_group_that_has_its_model_from_its_caller() {
    let text = list(&[
        ("m", "model: gpt-4o"),
        ("openai/*", "model: 'openai/*'"),
        ("team-*", "model: gpt-4o"),
    ]) + "router_settings: {fallbacks: [{m: ['openai/*', openai/gpt-4o-mini, team-a]}], \
           model_group_alias: {fast: openai/gpt-4o-mini}}\n";
    let config = parse(&text).unwrap();
    assert_eq!(config.routing.fallbacks.of("m"), ["team-*"]);
    assert_eq!(config.names.find("fast"), None);
    assert_eq!(config.names.find("openai/gpt-4o-mini"), Some("openai/*"));
    assert_eq!(config.warnings.len(), 2, "{:?}", config.warnings);
    assert!(config.warnings[0].what.contains("an entry of its own"));
}

#[test]
fn fallbacks_of_what_is_no_group_are_told() {
    let text = list(&[
        ("m", "model: gpt-4o"),
        ("n", "model: gpt-4o"),
        ("openai/*", "model: 'openai/*'"),
    ]) + "router_settings: {model_group_alias: {a: m}, fallbacks: [{m: [n]}, {'openai/*': [n]}, {a: [n]}], \
           context_window_fallbacks: [{openai/x: [n]}]}\n";
    let config = parse(&text).unwrap();
    let told: Vec<_> = config.warnings.iter().map(|warning| warning.what.as_str()).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("\"a\"") && told[1].contains("\"openai/x\""), "{told:?}");
}

#[test]
fn an_alias_of_the_settings_counts_more_than_a_router_of_its_name() {
    let text = list(&[
        ("m", "model: gpt-4o"),
        ("n", "model: gpt-4o"),
        ("smart", "model: auto_router/x, auto_router_default_model: m"),
    ]) + "router_settings: {model_group_alias: {smart: n}}\n";
    let config = parse(&text).unwrap();
    assert_eq!(config.names.find("smart"), Some("n"));
}

#[test]
fn a_router_that_is_mistaken_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.yaml");
    let router = "model: auto_router/x, auto_router_default_model: m, tpm: {a: b}, \
                  complexity_router_default_model: [m]";
    std::fs::write(&path, list(&[("m", "model: gpt-4o"), ("smart", router)])).unwrap();
    let config = Config::load_usable(&path, &environment(), Unusable::Skipped).unwrap();
    assert_eq!(config.names.find("smart"), None);
    assert!(config.warnings.iter().any(|warning| warning.what.contains("left out")));
}
