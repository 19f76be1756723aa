use std::time::Duration;

use super::*;

const SAMPLE: &str = include_str!("../../samples/config.yaml");

fn parse(text: &str) -> Result<Config, Mistake> {
    Config::parse(text, &Environment::from([("KEY", "sk-secret")]))
}

fn mistake(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

fn entry(params: &str) -> String {
    format!("model_list:\n  - model_name: m\n    litellm_params: {{{params}}}\n")
}

#[test]
fn the_sample_is_read() {
    let environment =
        Environment::from([("GATEWAY_MASTER_KEY", "sk-master"), ("OPENAI_API_KEY", "sk-openai")]);
    let config = Config::parse(SAMPLE, &environment).unwrap();
    let ids: Vec<_> = config.deployments.iter().map(|d| d.id.as_str()).collect();
    assert_eq!(ids[..2], ["gpt-4o-eu", "gpt-4o-us"]);
    assert!(ids[2].starts_with("text-embedding-3-small-api-openai-com-"), "{}", ids[2]);
    assert_eq!(
        config.deployments[0].limits,
        Some(QuotaLimits { tpm: Some(150_000), rpm: Some(500) })
    );
    assert_eq!(config.deployments[2].model, "text-embedding-3-small");
    assert_eq!(config.deployments[3].limits, None);
    assert_eq!(config.master_key.unwrap().reveal(), "sk-master");
    assert_eq!(config.quota.url, "http://127.0.0.1:7700");
    assert_eq!(config.quota.answer_timeout_ms, Some(1_000));
    assert!(config.quota.register);
}

#[test]
fn keys_of_litellm_that_mean_nothing_here_are_told() {
    let text = entry("model: gpt-4o, itpm: 5")
        + "litellm_settings: {drop_params: true}\nrouter_settings: {redis_host: r}\n";
    let ignored = parse(&text).unwrap().ignored;
    let expected = [
        "model_list.0.litellm_params.itpm",
        "litellm_settings.drop_params",
        "router_settings.redis_host",
    ];
    assert_eq!(ignored, expected);
}

#[test]
fn what_the_file_says_of_routing_is_read() {
    let text = entry(
        "model: gpt-4o, num_retries: 1, cooldown_time: 7, stream_timeout: 3, tags: [a]",
    ) + "router_settings:\n  routing_strategy: latency-based-routing\n  \
           routing_strategy_args: {lowest_latency_buffer: 0.5}\n  num_retries: 4\n  cooldown_time: 30\n  \
           model_group_alias: {other: m, secret: {model: m, hidden: true}}\n\
           litellm_settings:\n  num_retries: 9\n  fallbacks: [{m: [n, o]}]\n  default_fallbacks: [p]\n";
    let config = parse(&text).unwrap();
    let routing = &config.routing;
    assert!(matches!(routing.strategy, Strategy::LatencyBased { buffer: 0.5, samples: 10, .. }));
    assert_eq!((routing.num_retries, routing.cooldown), (4, Duration::from_secs(30)));
    assert_eq!(routing.fallbacks.of("m"), ["n", "o"]);
    assert_eq!(routing.fallbacks.of("another"), ["p"]);
    assert!(!routing.aliases["other"].hidden && routing.aliases["secret"].hidden);
    let deployment = &config.deployments[0];
    assert_eq!(
        (deployment.num_retries, deployment.cooldown),
        (Some(1), Some(Duration::from_secs(7)))
    );
    assert_eq!(deployment.stream_timeout, Duration::from_secs(3));
    assert_eq!(deployment.tags, ["a"]);
}

#[test]
fn a_mistake_shows_no_key_that_stands_near_it() {
    let told = mistake(&entry("model: gpt-4o, api_key: sk-secret, tpm: many"));
    assert!(!told.contains("sk-secret"), "{told}");
}

#[test]
fn an_unknown_key_of_ours_is_refused_with_its_place() {
    let told = mistake(&(entry("model: gpt-4o") + "quota_server:\n  ulr: http://q\n"));
    assert!(told.contains("ulr") && told.contains("line 5"), "{told}");
}

#[test]
fn a_wrong_type_is_refused_with_its_place() {
    let told = mistake(&entry("model: gpt-4o, tpm: many"));
    assert!(told.contains("line 3"), "{told}");
}

#[test]
fn a_negative_limit_is_refused() {
    let told = mistake(&entry("model: gpt-4o, tpm: -5"));
    assert!(told.contains("line 3"), "{told}");
}

#[test]
fn mistakes_in_an_entry_name_it() {
    for (params, expected) in [
        ("model: anthropic/claude-sonnet-4", "\"anthropic\""),
        ("model: azure/gpt-4o, api_base: 'http://a'", "\"azure\""),
        ("model: hosted_vllm/llama", "needs an api_base"),
        ("model: gpt-4o, api_base: nowhere", "api_base \"nowhere\""),
        ("model: gpt-4o, api_key: os.environ/NOT_SET", "NOT_SET is not set"),
        ("model: gpt-4o, weight: -1", "weight -1"),
        ("model: gpt-4o, timeout: 0", "timeout 0"),
        ("model: 'openai/*'", "no single model"),
    ] {
        let told = mistake(&entry(params));
        assert!(told.contains("line ") && told.contains("model_list[0] (m)"), "{told}");
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn no_deployment_is_a_mistake() {
    assert!(mistake("model_list: []\n").contains("no deployment"));
}

#[test]
fn the_same_id_twice_is_a_mistake() {
    let one = "\n  - {model_name: m, litellm_params: {model: gpt-4o}, model_info: {id: same}}";
    assert!(mistake(&format!("model_list:{one}{one}\n")).contains("\"same\""));
}

#[test]
fn limits_are_found_where_litellm_finds_them() {
    let text = "model_list:\n  - model_name: m\n    rpm: 3\n    litellm_params: {model: gpt-4o, rpm: 9}\n    \
        model_info: {tpm: 7}\n";
    let limits = parse(text).unwrap().deployments[0].limits;
    assert_eq!(limits, Some(QuotaLimits { tpm: Some(7), rpm: Some(3) }));
}

#[test]
fn derived_ids_are_stable_and_apart() {
    let id = |params: &str| parse(&entry(params)).unwrap().deployments[0].id.clone();
    let here = id("model: gpt-4o, api_base: 'http://a/v1', tpm: 5");
    assert_eq!(here, id("model: gpt-4o, api_base: 'http://a/v1', tpm: 9"));
    assert_eq!(here, "m-a-2743fd1bf971");
    assert_ne!(here, id("model: gpt-4o, api_base: 'http://b/v1'"));
    assert_ne!(here, id("model: gpt-4, api_base: 'http://a/v1'"));
    assert_ne!(here, id("model: gpt-4o, api_base: 'http://a/v1', api_key: os.environ/KEY"));
}

#[test]
fn a_prefix_is_not_part_of_the_model() {
    let model = |params: &str| parse(&entry(params)).unwrap().deployments[0].model.clone();
    assert_eq!(model("model: openai/meta/llama-3, api_base: 'http://a'"), "meta/llama-3");
    assert_eq!(model("model: meta/llama-3, custom_llm_provider: openai"), "meta/llama-3");
    assert_eq!(model("model: gpt-4o"), "gpt-4o");
}

#[test]
fn secrets_do_not_show() {
    let config = parse(&entry("model: gpt-4o, api_key: os.environ/KEY")).unwrap();
    assert_eq!(config.deployments[0].api_key.as_ref().unwrap().reveal(), "sk-secret");
    assert!(!format!("{config:?}").contains("sk-secret"));
}

#[test]
fn openai_s_key_goes_to_openai_alone() {
    let environment = Environment::from([("OPENAI_API_KEY", "sk-openai")]);
    let key = |params: &str| {
        let config = Config::parse(&entry(params), &environment).unwrap();
        config.deployments[0].api_key.clone()
    };
    assert_eq!(key("model: gpt-4o").unwrap().reveal(), "sk-openai");
    assert_eq!(key("model: gpt-4o, api_base: 'http://elsewhere/v1'"), None);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let told = Config::load(Path::new("/nowhere/config.yaml"), &Environment::default());
    assert!(told.unwrap_err().to_string().contains("/nowhere/config.yaml"));
}
