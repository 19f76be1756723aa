//! The table of keys says what the code does.

use super::super::keys::{Key, Part, Treatment, all};
use super::*;

/// A file with this key and value at its place, and whatever it takes to be complete.
fn file(key: &Key, value: &str) -> String {
    let pair = format!("{}: {value}", key.name);
    let at = |part: Part| if key.part == part { pair.as_str() } else { "" };
    let params = match key.part {
        Part::AdaptiveRouter => format!("adaptive_router_config: {{{pair}}}"),
        _ => at(Part::Params).to_owned(),
    };
    let router = match key.part {
        Part::StrategyArgs => format!("routing_strategy_args: {{{pair}}}"),
        Part::Alias => format!("model_group_alias: {{x: {{model: m, {pair}}}}}"),
        _ => at(Part::Router).to_owned(),
    };
    let credential = at(Part::Credential);
    let parts = [
        ("router_settings", router.as_str()),
        ("litellm_settings", at(Part::Litellm)),
        ("general_settings", at(Part::General)),
        ("quota_server", at(Part::Quota)),
    ];
    let parts = parts.map(|(name, inside)| format!("{name}: {{{inside}}}\n")).concat();
    format!(
        "model_list: [{{model_name: m, litellm_params: {{model: openai/gpt-4o, api_key: k, {params}}}, \
         model_info: {{{}}}, {}}}]\ncredential_list: [{{credential_name: c, credential_values: {{}}, \
         {credential}}}]\n{parts}{}\n",
        at(Part::Info),
        at(Part::Entry),
        at(Part::File)
    )
}

#[test]
fn an_obeyed_key_is_read_and_a_wrong_value_of_it_is_told() {
    for key in all().filter(|key| key.treatment == Treatment::Obeyed) {
        let config = parse(&file(key, key.example));
        let config = config.unwrap_or_else(|error| panic!("{key:?}: {error}"));
        assert!(config.ignored.is_empty(), "{key:?}: {:?}", config.ignored);
        let wrong = if key.example.starts_with(['{', '[']) { "5" } else { "{a: b}" };
        let told = mistakes(&file(key, wrong));
        let is_about = |mistake: &Mistake| mistake.what.contains(key.name);
        assert!(told.iter().any(is_about), "{key:?}: {told:?}");
    }
}

#[test]
fn an_ignored_key_is_named() {
    for key in all().filter(|key| key.treatment == Treatment::Ignored) {
        let config = parse(&file(key, key.example)).unwrap();
        let path = match key.part {
            Part::File => key.name.to_owned(),
            part => format!("{}.{}", part.path(), key.name),
        };
        assert_eq!(config.ignored, [path], "{key:?}");
    }
}

#[test]
fn a_refused_key_is_told_with_its_reason() {
    for key in all().filter(|key| key.treatment == Treatment::Refused) {
        let told = mistake(&file(key, key.example));
        assert!(told.contains(key.name) && told.contains(key.says), "{told}");
    }
}

#[test]
fn a_key_is_in_the_table_once() {
    let mut seen = HashSet::new();
    for key in all() {
        assert!(seen.insert((key.part.path(), key.name)), "{key:?}");
    }
}
