//! What single entries say.

use super::*;

#[test]
fn all_mistakes_are_told_at_once_each_with_its_line() {
    let text = "\
model_list:
  - model_name: a
    litellm_params:
      model: sagemaker/llama
      tpm: many
  - model_name: b
    litellm_params:
      model: openai/gpt-4o
      api_key: os.environ/NOT_SET
      timeout: 0
      weight: -1
  - litellm_params: {model: gpt-4o}
  - model_name: c
router_settings:
  routing_strategy: fastest
  num_retries: 1.5
general_settings: yes please
quota_server:
  ulr: http://q
";
    let found: Vec<_> = mistakes(text).into_iter().map(|m| (m.line, m.what)).collect();
    let expected = [
        (4, "sagemaker wants its requests signed"),
        (5, "litellm_params.tpm: \"many\" is not a number"),
        (9, "the environment variable NOT_SET is not set"),
        (10, "litellm_params.timeout: 0 seconds are too short"),
        (11, "litellm_params.weight: -1 is below 0"),
        (12, "model_name is missing"),
        (13, "litellm_params are missing"),
        (15, "\"fastest\" is none of simple-shuffle"),
        (16, "1.5 is not a whole number"),
        (17, "general_settings: keys with values belong here, not a single value"),
        (19, "quota_server.ulr: there is no such setting"),
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for ((line, what), (expected_line, expected)) in found.iter().zip(expected) {
        assert!(*line == expected_line && what.contains(expected), "{line}: {what}");
    }
}

#[test]
fn a_mistake_shows_no_key_that_stands_near_it() {
    let told = mistake(&entry("model: gpt-4o, api_key: sk-secret, tpm: many"));
    assert!(!told.contains("sk-secret"), "{told}");
}

#[test]
fn a_mistake_shows_nothing_that_a_variable_holds_nor_an_address() {
    let environment =
        Environment::from([("KEY", "sk-secret"), ("NUMBER", "-77.5"), ("MUCH", "7777777777")]);
    for params in [
        "tpm: os.environ/KEY",
        "tpm: os.environ/NUMBER",
        "drop_params: os.environ/KEY",
        "timeout: os.environ/MUCH",
        "litellm_credential_name: os.environ/KEY",
        "api_base: os.environ/KEY",
        "api_base: 'http://user:sk-secret@:1'",
        "api_base: 'ftp://user:sk-secret@a'",
        "model: bedrock/m, aws_region_name: 'sk-secret/'",
    ] {
        let text = entry(&format!("model: gpt-4o, api_key: k, {params}"));
        let told = Config::of_text(&text, &environment).unwrap_err().to_string();
        assert!(!told.contains("secret") && !told.contains("77"), "{params}: {told}");
    }
    for more in [
        "    model_info: {id: os.environ/SPACED}\n",
        "router_settings: {routing_strategy: os.environ/SPACED}\n",
        "quota_server: {window: os.environ/SPACED}\n",
    ] {
        let text = entry("model: gpt-4o, api_key: k") + more;
        let environment = Environment::from([("SPACED", "sk secret")]);
        let told = Config::of_text(&text, &environment).unwrap_err().to_string();
        assert!(told.contains("os.environ/SPACED") && !told.contains("secret"), "{told}");
    }
}

#[test]
fn numbers_are_read_however_they_are_written() {
    let environment = Environment::from([("RPM", "60"), ("T", "1.5"), ("N", "2.0")]);
    let text = entry(
        "model: gpt-4o, api_key: k, rpm: os.environ/RPM, tpm: 1e6, timeout: os.environ/T, num_retries: os.environ/N",
    );
    let deployment = Config::of_text(&text, &environment).unwrap().deployments.remove(0);
    assert_eq!(
        deployment.limits,
        Some(QuotaLimits { tpm: Some(1_000_000), rpm: Some(60), ..QuotaLimits::default() })
    );
    assert_eq!(deployment.timeout, Duration::from_millis(1_500));
    assert_eq!(deployment.num_retries, Some(2));
    let limits = only("model: gpt-4o, rpm: 60.0, tpm: '500'").limits;
    assert_eq!(
        limits,
        Some(QuotaLimits { tpm: Some(500), rpm: Some(60), ..QuotaLimits::default() })
    );
}

#[test]
fn limits_are_found_where_litellm_finds_them() {
    let text = "model_list:\n  - model_name: m\n    rpm: 3\n    litellm_params: {model: gpt-4o, rpm: 9}\n    \
        model_info: {tpm: 7}\n";
    let limits = parse(text).unwrap().deployments[0].limits;
    assert_eq!(limits, Some(QuotaLimits { tpm: Some(7), rpm: Some(3), ..QuotaLimits::default() }));
}

#[test]
fn what_litellm_passes_on_is_passed_on() {
    let deployment = only(
        "model: gpt-4o, temperature: 0.2, stop: [os.environ/KEY, x], reasoning_effort: low, max_tokens: 5, \
         extra_body: {top_k: 5, chat_template_kwargs: {thinking: no}}",
    );
    let written = |fields: &[(String, Box<serde_json::value::RawValue>)]| {
        fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
    };
    assert_eq!(
        written(&deployment.body.defaults),
        [
            "temperature=0.2",
            "stop=[\"sk-secret\",\"x\"]",
            "reasoning_effort=\"low\"",
            "max_tokens=5"
        ]
    );
    assert_eq!(
        written(&deployment.body.overrides),
        ["chat_template_kwargs={\"thinking\":false}", "top_k=5"]
    );
    assert_eq!(deployment.default_output, 5);
    assert_eq!(only("model: gpt-4o").default_output, 1_024);
}

#[test]
fn nothing_is_passed_on_that_would_not_be_reserved() {
    for params in [
        "n: 5",
        "extra_body: {n: 5}",
        "extra_body: {max_tokens: 99999}",
        "extra_body: {tools: []}",
        "extra_body: {response_format: {type: text}}",
        "stream: true",
        "stream_options: {include_usage: false}",
        "tools: []",
        "functions: []",
        "response_format: {type: text}",
        "input: a",
        "additional_drop_params: [user, max_tokens]",
        "additional_drop_params: [max_completion_tokens]",
    ] {
        mistake(&entry(&format!("model: gpt-4o, {params}")));
    }
    for header in ["content-length: 5", "host: other", "'a b': c", "a: [b]"] {
        mistake(&entry(&format!("model: gpt-4o, extra_headers: {{{header}}}")));
    }
}

#[test]
fn a_header_is_sent_once() {
    let headers =
        only("model: gpt-4o, headers: {x-team: a, x-a: a}, extra_headers: {X-Team: b}").headers;
    let values = |name: &str| headers.get_all(name).iter().cloned().collect::<Vec<_>>();
    assert_eq!(values("x-team"), ["b"]);
    assert_eq!(values("x-a"), ["a"]);
}

#[test]
fn dropped_fields_are_the_provider_s() {
    let dropped = |params: &str| only(params).body.dropped;
    let mistral = "model: mistral/m, api_key: k";
    assert!(dropped(mistral).is_empty());
    assert!(dropped(&format!("{mistral}, drop_params: yes")).contains(&"logit_bias".to_owned()));
    assert_eq!(dropped("model: gpt-4o, additional_drop_params: [user]"), ["user"]);
    let text = entry(mistral) + "litellm_settings: {drop_params: true}\n";
    assert!(!parse(&text).unwrap().deployments[0].body.dropped.is_empty());
    assert!(only("model: gpt-4o, drop_params: true").body.drops_for_reasoning);
}

#[test]
fn credentials_and_defaults_complete_an_entry() {
    let text = entry(
        "model: azure/d, litellm_credential_name: eu, rpm: 3, api_version: '2024-10-21'",
    ) + "credential_list:\n  - credential_name: eu\n    credential_values: {api_base: 'https://eu', api_key: \
           os.environ/KEY, rpm: 9}\nrouter_settings: {default_litellm_params: {tpm: 7, rpm: 8}}\n";
    let deployment = parse(&text).unwrap().deployments.remove(0);
    assert_eq!(deployment.headers["api-key"], "sk-secret");
    assert_eq!(deployment.endpoint.base().host_str(), Some("eu"));
    assert_eq!(
        deployment.limits,
        Some(QuotaLimits { tpm: Some(7), rpm: Some(3), ..QuotaLimits::default() })
    );
    let told = mistake(&entry("model: gpt-4o, litellm_credential_name: us"));
    assert!(told.contains("credential_list has no \"us\""), "{told}");
}

#[test]
fn a_router_of_litellm_is_another_name_of_a_group() {
    let text = entry("model: gpt-4o")
        + "  - model_name: smart\n    litellm_params: {model: auto_router/x, adaptive_router_config: \
           {available_models: [m]}}\n";
    let config = parse(&text).unwrap();
    assert_eq!(config.routing.aliases["smart"].model_group, "m");
    assert_eq!(config.deployments.len(), 1);
    assert!(config.warnings[0].what.contains("no request is judged"));
    mistake(&entry("model: auto_router/x"));
}

#[test]
fn the_same_id_twice_is_a_mistake() {
    let one = "\n  - {model_name: m, litellm_params: {model: gpt-4o}, model_info: {id: same}}";
    assert!(mistake(&format!("model_list:{one}{one}\n")).contains("\"same\""));
    for id in ["'a b'", "ä"] {
        mistake(&(entry("model: gpt-4o") + &format!("    model_info: {{id: {id}}}\n")));
    }
}

#[test]
fn derived_ids_are_stable_and_apart() {
    let id = |params: &str| only(params).id;
    let here = id("model: gpt-4o, api_base: 'http://a/v1', tpm: 5");
    assert_eq!(here, id("model: gpt-4o, api_base: 'http://a/v1', tpm: 9"));
    assert_eq!(here, "m-a-2743fd1bf971");
    assert_ne!(here, id("model: gpt-4o, api_base: 'http://b/v1'"));
    assert_ne!(here, id("model: gpt-4, api_base: 'http://a/v1'"));
    assert_ne!(here, id("model: gpt-4o, api_base: 'http://a/v1', api_key: os.environ/KEY"));
    let azure = |more: &str| {
        id(&format!("model: azure/d, api_key: k, api_base: 'http://a/openai/deployments/d{more}"))
    };
    assert_eq!(azure("', api_version: '1'"), azure("?api-version=2'"));
    assert_eq!(azure("?tenant=5', api_version: '1'"), azure("?api-version=2&tenant=5'"));
    assert_ne!(azure("?tenant=5'"), azure("?tenant=6'"));
}

#[test]
fn a_key_that_is_changed_makes_no_other_deployment() {
    let ids = |environment: &Environment, key: &str| {
        let entry =
            format!("  - {{model_name: m, litellm_params: {{model: gpt-4o, api_key: {key}}}}}\n");
        let text = format!("model_list:\n{entry}{entry}");
        let config = Config::of_text(&text, environment).unwrap();
        config.deployments.into_iter().map(|deployment| deployment.id).collect::<Vec<_>>()
    };
    let (old, new) = (Environment::from([("K", "sk-1")]), Environment::from([("K", "sk-2")]));
    let before = ids(&old, "os.environ/K");
    assert_eq!(before, ids(&new, "os.environ/K"));
    assert_ne!(before[0], before[1]);
    assert_eq!(ids(&old, "sk-1"), ids(&old, "sk-2"));
}

#[test]
fn a_place_that_is_all_that_tells_two_keys_apart_is_told() {
    let told = |first: &str, second: &str| {
        let entry = |more: &str| {
            format!("  - {{model_name: m, litellm_params: {{model: gpt-4o, {more}}}}}\n")
        };
        let config = parse(&format!("model_list:\n{}{}", entry(first), entry(second))).unwrap();
        config.warnings.iter().filter(|w| w.what.contains("only its place")).count()
    };
    assert_eq!(told("api_key: sk-1", "api_key: sk-2"), 1);
    assert_eq!(told("api_key: sk-1", "api_key: os.environ/KEY"), 0);
    assert_eq!(told("api_key: sk-1", "api_key: sk-2}, model_info: {id: x"), 0);
}
