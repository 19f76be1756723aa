//! Files as they are written.

use super::*;

fn write(folder: &Path, name: &str, text: &str) -> std::path::PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let told = Config::load(Path::new("/nowhere/config.yaml"), &Environment::default());
    assert!(told.unwrap_err().to_string().contains("/nowhere/config.yaml"));
}

#[test]
fn included_files_are_added() {
    let folder = tempfile::tempdir().unwrap();
    let main = entry("model: gpt-4o")
        + "include: [more.yaml, settings.yaml]\nrouter_settings: {num_retries: 1}\n";
    let main = write(folder.path(), "config.yaml", &main);
    write(folder.path(), "more.yaml", &entry("model: gpt-4"));
    write(folder.path(), "settings.yaml", "router_settings: {num_retries: 7}\n");
    let config = Config::load(&main, &environment()).unwrap();
    let models: Vec<_> = config.deployments.iter().map(|d| d.model.as_str()).collect();
    assert_eq!(models, ["gpt-4o", "gpt-4"]);
    assert_eq!(config.routing.num_retries, 7);

    write(folder.path(), "more.yaml", "model_list:\n  - model_name: m\n");
    std::fs::remove_file(folder.path().join("settings.yaml")).unwrap();
    let told = Config::load(&main, &environment()).unwrap_err().to_string();
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(lines.len(), 2, "{told}");
    assert!(lines[0].contains("config.yaml:4: include: ") && lines[0].contains("settings.yaml"));
    assert!(lines[1].contains("more.yaml:2: model_list[1] (m): litellm_params are missing"));
}

#[test]
fn entries_that_cannot_be_used_can_be_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let bad = "  - {model_name: bad, litellm_params: {model: sagemaker/m}}\n";
    let path = write(folder.path(), "config.yaml", &(entry("model: gpt-4o") + bad));
    let load = || Config::load_usable(&path, &environment(), Unusable::Skipped);
    let config = load().unwrap();
    assert_eq!(config.deployments.len(), 1);
    assert!(
        config.warnings[0].to_string().contains("config.yaml:4: left out: model_list[1] (bad)")
    );
    write(folder.path(), "config.yaml", &format!("model_list:\n{bad}"));
    assert!(load().unwrap_err().to_string().contains("no deployment at all"));
    write(folder.path(), "config.yaml", &(entry("model: gpt-4o") + "router_settings: 5\n"));
    assert!(load().is_err());
}

#[test]
fn no_deployment_is_a_mistake() {
    assert!(mistake("model_list: []\n").contains("no deployment"));
    assert!(mistake("").contains("no deployment"));
    assert!(mistake("just a text").contains("keys with values belong here"));
}

#[test]
fn variables_of_the_file_count_more_than_the_environment_s() {
    let key = |name: &str| {
        let text = entry(&format!("model: gpt-4o, api_key: os.environ/{name}"))
            + "environment_variables: {NEW: os.environ/KEY, KEY: from-file, LOST: os.environ/LOST, \
               OPENAI_API_KEY: null}\n";
        let config = parse(&text).unwrap();
        config.deployments[0].headers["authorization"].to_str().unwrap().to_owned()
    };
    assert_eq!(key("NEW"), "Bearer sk-secret");
    assert_eq!(key("KEY"), "Bearer from-file");
    assert_eq!(key("OPENAI_API_KEY"), "Bearer sk-openai");
}

#[test]
fn empty_parts_are_empty() {
    let text = entry("model: gpt-4o")
        + "    model_info:\ngeneral_settings:\nrouter_settings: ~\ncredential_list:\n";
    let config = parse(&text).unwrap();
    assert!(config.ignored.is_empty() && config.warnings.is_empty());
}

#[test]
fn a_key_that_is_given_twice_has_its_last_value() {
    let config = parse(&entry("model: gpt-4o, rpm: 1, rpm: 2")).unwrap();
    assert_eq!(config.deployments[0].limits.unwrap().rpm, Some(2));
    assert!(config.warnings[0].to_string().contains(":3: rpm is given again (line 3)"));
}

#[test]
fn anchors_merge_and_yaml_1_1_is_spoken() {
    let text = "
base: &base {api_key: k, rpm: 0x10, drop_params: on}
limits: &limits {rpm: 5, tpm: 010}
model_list:
  - model_name: m
    litellm_params:
      <<: [*base, *limits]
      model: gpt-4o
  - {model_name: n, litellm_params: {<<: *base, model: gpt-4, rpm: 1}}
";
    let config = parse(text).unwrap();
    let limits = |index: usize| config.deployments[index].limits.unwrap();
    assert_eq!((limits(0).rpm, limits(0).tpm), (Some(16), Some(8)));
    assert_eq!((limits(1).rpm, limits(1).tpm), (Some(1), None));
    assert!(config.deployments[0].body.drops_for_reasoning);
    assert_eq!(config.ignored, ["base", "limits"]);
}

#[test]
fn a_text_that_is_no_yaml_is_told_with_its_line() {
    for (text, line) in [
        ("model_list:\n  - {model_name: m\n", 2),
        ("a: 1\n---\nb: 2\n", 2),
        ("a: &x [*x]\n", 1),
        ("? [a]\n: b\n", 1),
        ("a: 1\n<<: 5\n", 2),
    ] {
        let found = mistakes(text);
        assert_eq!(found[0].line, line, "{text:?}: {found:?}");
    }
}

#[test]
fn what_a_file_can_unfold_to_is_bounded() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        bomb += &format!("a{level}: &a{level} [{below}]\n");
    }
    assert!(mistakes(&bomb)[0].what.contains("more than 200000 values"));
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    assert!(mistakes(&format!("a: {deep}"))[0].what.contains("more than 64"));
}
