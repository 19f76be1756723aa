mod entries;
mod files;
mod keys;
mod names;
mod published;
mod reaches;

use std::time::Duration;

use super::*;

const SAMPLE: &str = include_str!("../../../samples/config.yaml");

fn environment() -> Environment {
    Environment::from([("KEY", "sk-secret"), ("OPENAI_API_KEY", "sk-openai")])
}

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::of_text(text, &environment())
}

fn mistakes(text: &str) -> Vec<Mistake> {
    match parse(text) {
        Err(ConfigError::Mistaken(mistakes)) => mistakes,
        other => panic!("{other:?}"),
    }
}

/// The only mistake of a text.
fn mistake(text: &str) -> String {
    let mistakes = mistakes(text);
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    mistakes[0].to_string()
}

fn entry(params: &str) -> String {
    format!("model_list:\n  - model_name: m\n    litellm_params: {{{params}}}\n")
}

fn only(params: &str) -> DeploymentConfig {
    parse(&entry(params)).unwrap().deployments.remove(0)
}

#[test]
fn the_sample_is_read() {
    let environment =
        Environment::from([("GATEWAY_MASTER_KEY", "sk-master"), ("OPENAI_API_KEY", "sk-openai")]);
    let config = Config::of_text(SAMPLE, &environment).unwrap();
    let ids: Vec<_> = config.deployments.iter().map(|d| d.id.as_str()).collect();
    assert_eq!(ids[..2], ["gpt-4o-eu", "gpt-4o-us"]);
    assert!(ids[2].starts_with("text-embedding-3-small-api-openai-com-"), "{}", ids[2]);
    assert_eq!(
        config.deployments[0].limits,
        Some(QuotaLimits { tpm: Some(150_000), rpm: Some(500), ..QuotaLimits::default() })
    );
    assert_eq!(config.deployments[2].model, "text-embedding-3-small");
    assert_eq!(config.deployments[3].limits, None);
    assert_eq!(config.master_key.unwrap().reveal(), "sk-master");
    assert_eq!(config.quota.url, "http://127.0.0.1:7700");
    assert_eq!(config.quota.answer_timeout_ms, Some(1_000));
    assert!(config.quota.register);
    assert!(config.ignored.is_empty() && config.warnings.is_empty());
}

#[test]
fn what_the_file_says_of_routing_is_read() {
    let others = ["n", "o", "p"]
        .map(|name| format!("  - {{model_name: {name}, litellm_params: {{model: gpt-4o}}}}\n"));
    let text = entry(
        "model: gpt-4o, num_retries: 1, cooldown_time: 7, stream_timeout: 3, tags: [a]",
    ) + &others.concat()
        + "router_settings:\n  routing_strategy: latency-based-routing\n  \
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
    assert_eq!(deployment.num_retries, Some(1));
    assert_eq!(deployment.cooldown, Some(Duration::from_secs(7)));
    assert_eq!(deployment.stream_timeout, Duration::from_secs(3));
    assert_eq!(deployment.tags, ["a"]);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    let config = parse(&text.replace(&others.concat(), "")).unwrap();
    let missing: Vec<_> = config.warnings.iter().map(|warning| warning.what.as_str()).collect();
    assert_eq!(missing.len(), 3, "{missing:?}");
    for (what, name) in missing.iter().zip(["\"n\"", "\"o\"", "\"p\""]) {
        assert!(what.contains(name), "{what}");
    }
}

#[test]
fn secrets_do_not_show() {
    let config = parse(&entry(
        "model: gpt-4o, api_key: os.environ/KEY, organization: sk-secret-org, extra_headers: {x: sk-secret-x}",
    ));
    let config = config.unwrap();
    let headers = &config.deployments[0].headers;
    assert_eq!(headers["authorization"], "Bearer sk-secret");
    assert_eq!(
        (&headers["openai-organization"], &headers["x"]),
        (&"sk-secret-org".parse().unwrap(), &"sk-secret-x".parse().unwrap())
    );
    assert!(!format!("{config:?}").contains("sk-secret"));
}

#[test]
fn litellm_s_own_variable_holds_the_key_of_callers() {
    let environment = Environment::from([("LITELLM_MASTER_KEY", "sk-env"), ("KEY", "")]);
    let key = |more: &str| {
        let text = entry("model: gpt-4o, api_key: k") + more;
        Config::of_text(&text, &environment).map(|config| config.master_key)
    };
    assert_eq!(key("").unwrap().unwrap().reveal(), "sk-env");
    let said = key("general_settings: {master_key: sk-file}\n").unwrap();
    assert_eq!(said.unwrap().reveal(), "sk-file");
    assert_eq!(key("general_settings:\n").unwrap().unwrap().reveal(), "sk-env");
    for nothing in ["''", "os.environ/KEY", "os.environ/NOT_SET"] {
        assert!(key(&format!("general_settings: {{master_key: {nothing}}}\n")).is_err());
    }
}
