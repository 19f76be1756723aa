//! Where calls go, and with whose key.

use super::*;

/// The chat URL and the header with the key.
fn reach(params: &str, variables: &[(&str, &str)]) -> (String, String) {
    let environment: Environment = variables.iter().copied().collect();
    let config = Config::of_text(&entry(params), &environment).unwrap();
    let deployment = &config.deployments[0];
    let call = Call { path: "chat/completions", names_model: true };
    let url = deployment.endpoint.call(call, Some(&deployment.model)).of("");
    let key = ["authorization", "api-key"].into_iter().find_map(|name| {
        let value = deployment.headers.get(name)?.to_str().unwrap();
        Some(format!("{name}: {value}"))
    });
    (url.into(), key.unwrap_or_default())
}

#[test]
fn each_provider_has_its_address_and_its_key() {
    for (params, variable, url, key) in [
        ("model: gpt-4o", "OPENAI_API_KEY", "https://api.openai.com/v1", "authorization: Bearer k"),
        (
            "model: claude-opus-4-6",
            "ANTHROPIC_API_KEY",
            "https://api.anthropic.com/v1",
            "authorization: Bearer k",
        ),
        (
            "model: anthropic/claude-opus-4-6",
            "ANTHROPIC_API_KEY",
            "https://api.anthropic.com/v1",
            "authorization: Bearer k",
        ),
        (
            "model: groq/llama-3",
            "GROQ_API_KEY",
            "https://api.groq.com/openai/v1",
            "authorization: Bearer k",
        ),
        (
            "model: gemini/gemini-2.5-pro",
            "GEMINI_API_KEY",
            "https://generativelanguage.googleapis.com/v1beta/openai",
            "authorization: Bearer k",
        ),
        (
            "model: command-r",
            "COHERE_API_KEY",
            "https://api.cohere.ai/compatibility/v1",
            "authorization: Bearer k",
        ),
        (
            "model: bedrock/converse/openai.gpt-oss, aws_region_name: eu-west-1",
            "AWS_BEARER_TOKEN_BEDROCK",
            "https://bedrock-runtime.eu-west-1.amazonaws.com/openai/v1",
            "authorization: Bearer k",
        ),
        (
            "model: vertex_ai/gemini-2.5-pro, vertex_project: p, vertex_location: global",
            "GOOGLE_OAUTH_ACCESS_TOKEN",
            "https://aiplatform.googleapis.com/v1/projects/p/locations/global/endpoints/openapi",
            "authorization: Bearer k",
        ),
        ("model: ollama/llama3", "X", "http://127.0.0.1:11434/v1", ""),
        ("model: ollama_chat/llama3, api_base: 'http://gpu:11434'", "X", "http://gpu:11434/v1", ""),
        (
            "model: hosted_vllm/m, api_base: 'http://gpu/v1'",
            "HOSTED_VLLM_API_KEY",
            "http://gpu/v1",
            "authorization: Bearer k",
        ),
        (
            "model: anthropic/c, api_base: 'https://api.anthropic.com'",
            "ANTHROPIC_API_KEY",
            "https://api.anthropic.com/v1",
            "authorization: Bearer k",
        ),
        (
            "model: whatever, api_base: 'https://api.groq.com/openai/v1'",
            "GROQ_API_KEY",
            "https://api.groq.com/openai/v1",
            "authorization: Bearer k",
        ),
        (
            "model: meta/llama-3, custom_llm_provider: openai",
            "OPENAI_API_KEY",
            "https://api.openai.com/v1",
            "authorization: Bearer k",
        ),
    ] {
        let found = reach(params, &[(variable, "k")]);
        assert_eq!(found, (format!("{url}/chat/completions"), key.to_owned()), "{params}");
    }
}

#[test]
fn azure_has_both_forms_of_urls_and_keys() {
    let base = "model: azure/d, api_base: 'https://x.openai.azure.com'";
    let old = "https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=";
    let (url, key) = reach(&format!("{base}, api_version: 2024-10-21"), &[("AZURE_API_KEY", "k")]);
    assert_eq!((url, key), (format!("{old}2024-10-21"), "api-key: k".to_owned()));
    let variables = [("AZURE_API_VERSION", "2024-06-01"), ("AZURE_API_KEY", "k")];
    let (url, _) = reach(base, &variables);
    assert_eq!(url, format!("{old}2024-06-01"));
    let foundry = "model: azure_ai/m, api_key: k, api_base: 'https://x.models.ai.azure.com'";
    let (url, _) = reach(foundry, &variables);
    assert_eq!(url, "https://x.models.ai.azure.com/chat/completions");
    let (url, key) = reach(&format!("{base}, api_version: preview, azure_ad_token: t"), &[]);
    assert!(url.ends_with("/openai/v1/chat/completions?api-version=preview"), "{url}");
    assert_eq!(key, "authorization: Bearer t");
}

#[test]
fn a_variable_s_key_goes_to_its_own_company_alone() {
    let openai = [("OPENAI_API_KEY", "sk-openai")];
    assert_eq!(reach("model: gpt-4o", &openai).1, "authorization: Bearer sk-openai");
    assert_eq!(
        reach("model: gpt-4o, api_base: 'https://eu.api.openai.com/v1'", &openai).1,
        "authorization: Bearer sk-openai"
    );
    for elsewhere in
        ["https://elsewhere/v1", "https://api.openai.com.elsewhere/v1", "http://api.openai.com/v1"]
    {
        assert_eq!(reach(&format!("model: gpt-4o, api_base: '{elsewhere}'"), &openai).1, "");
    }
    assert_eq!(
        reach(
            "model: gpt-4o",
            &[("OPENAI_API_KEY", "k"), ("OPENAI_API_BASE", "https://elsewhere")]
        )
        .1,
        ""
    );
    assert_eq!(reach("model: whatever, api_base: 'https://elsewhere'", &openai).1, "");
    let config = parse(&entry("model: gpt-4o, api_base: 'https://elsewhere/v1'")).unwrap();
    assert!(config.warnings[0].what.contains("OPENAI_API_KEY is not sent to elsewhere"));
}

#[test]
fn a_key_of_one_company_goes_to_no_other() {
    let variables = Environment::from([
        ("OPENAI_API_KEY", "k"),
        ("ANTHROPIC_API_KEY", "k"),
        ("GROQ_API_KEY", "k"),
        ("HOSTED_VLLM_API_KEY", "k"),
    ]);
    let read = |text: &str| Config::of_text(text, &variables);
    let default =
        "router_settings: {default_litellm_params: {api_key: os.environ/OPENAI_API_KEY}}\n";
    let groq = "api_base: 'https://api.groq.com/openai/v1'";
    for text in [
        entry("model: groq/llama") + default,
        entry("model: gpt-4o, api_key: os.environ/ANTHROPIC_API_KEY"),
        entry(&format!("model: hosted_vllm/m, {groq}, api_key: os.environ/OPENAI_API_KEY")),
        entry(
            "model: azure/d, api_base: 'https://x.openai.azure.com', api_key: os.environ/OPENAI_API_KEY",
        ),
    ] {
        let told = read(&text).unwrap_err().to_string();
        assert!(told.contains("is not the key of"), "{text}: {told}");
    }
    // What belongs there, what is written out, and what goes to a place of the operator's own.
    for params in [
        format!("model: openai/llama, {groq}, api_key: os.environ/GROQ_API_KEY"),
        format!("model: openai/llama, {groq}, api_key: k"),
        "model: openai/m, api_base: 'http://gpu/v1', api_key: os.environ/HOSTED_VLLM_API_KEY"
            .to_owned(),
    ] {
        let config = read(&entry(&params)).unwrap();
        assert_eq!(config.deployments[0].headers["authorization"], "Bearer k", "{params}");
    }
    let config = read(&entry(&format!("model: hosted_vllm/m, {groq}"))).unwrap();
    assert!(config.deployments[0].headers.is_empty());
    assert!(config.warnings[0].what.contains("HOSTED_VLLM_API_KEY is not sent to api.groq.com"));
}

#[test]
fn a_token_of_azure_s_goes_to_azure_alone() {
    let default = "router_settings: {default_litellm_params: {azure_ad_token: t}}\n";
    let key = |params: &str| {
        let config = parse(&(entry(params) + default)).unwrap();
        config.deployments[0].headers["authorization"].to_str().unwrap().to_owned()
    };
    assert_eq!(key("model: gpt-4o"), "Bearer sk-openai");
    let azure = "model: azure/d, api_base: 'https://x.openai.azure.com'";
    assert_eq!(key(azure), "Bearer t");
    let nobody = Config::of_text(&(entry("model: groq/m") + default), &environment());
    assert!(nobody.unwrap_err().to_string().contains("no key for Groq"));
    assert_eq!(reach(azure, &[("AZURE_AD_TOKEN", "t")]).1, "authorization: Bearer t");
    let both = [("AZURE_AD_TOKEN", "t"), ("AZURE_API_KEY", "k")];
    assert_eq!(reach(azure, &both).1, "api-key: k");
}

#[test]
fn base_url_counts_more_and_the_entry_s_own_keeps_out_another() {
    let both = "model: openai/m, api_base: 'http://a/v1', base_url: 'http://b/v1', api_key: k";
    assert_eq!(reach(both, &[]).0, "http://b/v1/chat/completions");
    for (own, other) in [("base_url", "api_base"), ("api_base", "base_url")] {
        let text = entry(&format!("model: openai/m, {own}: 'http://own/v1', api_key: k"))
            + &format!(
                "router_settings: {{default_litellm_params: {{{other}: 'http://other/v1'}}}}\n"
            );
        let base = parse(&text).unwrap().deployments[0].endpoint.base().to_string();
        assert_eq!(base, "http://own/v1", "{own}");
    }
}

#[test]
fn what_cannot_be_told_is_refused() {
    for (params, expected) in [
        ("model: llama3, api_key: k", "whose model"),
        ("model: gpt-oss-120b, api_key: k", "whose model"),
        ("model: unknown/model", "no provider \"unknown\""),
        ("model: replicate/m", "a protocol of its own"),
        ("model: claude-opus-4-6", "no key for Anthropic"),
        ("model: hosted_vllm/llama", "no address of its own"),
        ("model: azure/d, api_base: 'https://x.openai.azure.com'", "no key for Azure OpenAI"),
        ("model: azure_ai/m, api_base: 'https://x.services.ai.azure.com'", "no key for Azure AI"),
        (
            "model: databricks/m, api_base: 'https://x.cloud.databricks.com'",
            "no key for Databricks",
        ),
        ("model: azure/gpt-4o, api_key: k", "no address of its own"),
        ("model: azure/, api_key: k, api_base: 'http://a'", "names no model"),
        ("model: bedrock/m, api_key: k", "AWS_REGION"),
        ("model: bedrock/m, api_key: k, aws_region_name: 'evil.example/'", "other than letters"),
        ("model: gpt-4o, api_base: nowhere", "is not a URL"),
        ("model: gpt-4o, api_base: 'ftp://a'", "http or https"),
        ("model: gpt-4o, api_base: 'https://u:p@a'", "a user or a password"),
        ("model: gpt-4o, api_key: \"a\\nb\"", "a header can't carry it"),
        ("model: 'openai/*'", "names no model"),
        ("model: groq/m, api_key: os.environ/NOT_SET", "NOT_SET is not set"),
        ("model: '*'", "goes with model_name \"*\""),
    ] {
        let told = mistake(&entry(params));
        assert!(told.contains("model_list[0] (m)") && told.contains(expected), "{params}: {told}");
    }
}

#[test]
fn a_caller_s_choice_of_provider_gets_that_provider_s_key() {
    let environment = Environment::from([
        ("OPENAI_API_KEY", "sk-o"),
        ("ANTHROPIC_API_KEY", "sk-a"),
        ("GITHUB_TOKEN", "of a build"),
    ]);
    let text = "model_list:\n  - {model_name: '*', litellm_params: {model: '*'}}\n";
    let config = Config::of_text(text, &environment).unwrap();
    let find = |name: &str| {
        let group = config.names.find(name)?;
        let found = config.deployments.iter().find(|d| d.model_group == group)?;
        let key = found.headers["authorization"].to_str().unwrap().to_owned();
        Some((found.model_for(name).into_owned(), key))
    };
    let to = |model: &str, key: &str| Some((model.to_owned(), format!("Bearer {key}")));
    assert_eq!(find("openai/gpt-4o"), to("gpt-4o", "sk-o"));
    assert_eq!(find("gpt-4o-mini"), to("gpt-4o-mini", "sk-o"));
    assert_eq!(find("o3"), to("o3", "sk-o"));
    assert_eq!(find("claude-opus-4-6"), to("claude-opus-4-6", "sk-a"));
    for nobody_s in ["groq/llama-3", "github/gpt-4o", "llama3"] {
        assert_eq!(find(nobody_s), None);
    }
    for params in [
        "api_key: k",
        "api_base: 'http://a'",
        "tpm: 5",
        "organization: org-1",
        "headers: {x-api-key: k}",
        "extra_headers: {authorization: Bearer k}",
    ] {
        let entry = format!("{{model_name: '*', litellm_params: {{model: '*', {params}}}}}");
        mistake(&format!("model_list:\n  - {entry}\n"));
    }
}

#[test]
fn stars_carry_over_from_the_name_to_the_model() {
    let model = |group: &str, model: &str, asked: &str| {
        let text = format!(
            "model_list:\n  - {{model_name: '{group}', litellm_params: {{model: '{model}', api_key: k}}}}\n"
        );
        parse(&text).unwrap().deployments[0].model_for(asked).into_owned()
    };
    assert_eq!(model("*", "openai/*", "gpt-4o"), "gpt-4o");
    assert_eq!(model("anthropic/*", "anthropic/*", "anthropic/claude-x"), "claude-x");
    assert_eq!(model("team*chat", "openai/gpt-4o", "team-chat"), "gpt-4o");
    assert_eq!(model("alias-*", "openai/model-*", "alias-a"), "model-a");
}
