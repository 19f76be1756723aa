//! What reaches a provider: address, key, headers and body, by the upstream's own record.

use serde_json::{Value, json};
use tests::harness::{Gateway, Upstream};
use upstream::Sent;

/// An entry of `model_list`.
fn entry(name: &str, params: Value) -> Value {
    let mut entry = json!({"model_name": name});
    entry["litellm_params"] = params;
    entry
}

/// A gateway whose entries lead to an upstream, and that.
async fn gateway(entries: impl Fn(&str) -> Vec<Value>) -> (Gateway, Upstream) {
    let upstream = Upstream::builder().start().await.unwrap();
    let url = upstream.process.url().to_owned();
    // Nothing here has a limit, so no quota server is asked.
    let builder = Gateway::builder("gw", "http://127.0.0.1:9", &url);
    let builder = entries(&url).into_iter().fold(builder, |builder, entry| builder.entry(entry));
    (builder.start().await.unwrap(), upstream)
}

/// Asks for a chat, and hands on what reached the upstream for it.
async fn chat(gateway: &Gateway, upstream: &Upstream, model: &str, more: Value) -> Sent {
    let mut body = json!({"model": model, "messages": [{"role": "user", "content": "hello"}]});
    let Value::Object(more) = more else { panic!("fields of a body: {more}") };
    body.as_object_mut().unwrap().extend(more);
    let url = format!("{}/v1/chat/completions", gateway.process.url());
    let answer = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    upstream.wire().await.unwrap().pop().unwrap()
}

#[tokio::test]
async fn openai_gets_headers_and_body_as_the_file_says() {
    let (gateway, upstream) = gateway(|url| {
        vec![entry(
            "gpt",
            json!({"model": "openai/gpt-4o", "api_base": format!("{url}/v1"), "api_key": "sk-1",
            "organization": "org-1", "extra_headers": {"x-team": "a"}, "extra_body": {"top_k": 5},
            "temperature": 0.5, "max_tokens": 7}),
        )]
    })
    .await;
    let sent = chat(&gateway, &upstream, "gpt", json!({"temperature": 0.1, "top_k": 1})).await;
    assert_eq!(sent.target, "/v1/chat/completions");
    let header = |name: &str| sent.headers.get(name).map(String::as_str);
    assert_eq!(header("authorization"), Some("Bearer sk-1"));
    assert_eq!(header("openai-organization"), Some("org-1"));
    assert_eq!(header("x-team"), Some("a"));
    assert_eq!(header("content-type"), Some("application/json"));
    let expected = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}],
        "temperature": 0.1, "top_k": 5, "max_tokens": 7});
    assert_eq!(sent.body, expected);
}

#[tokio::test]
async fn azure_is_called_in_both_forms() {
    let (gateway, upstream) = gateway(|url| {
        let azure = |version: &str| {
            json!({"model": "azure/my deployment", "api_base": url, "api_key": "k", "api_version": version})
        };
        vec![entry("old", azure("2024-10-21")), entry("new", azure("preview")),
            entry("azure/*", json!({"model": "azure/*", "api_base": url, "api_key": "k",
                "api_version": "2024-10-21"}))]
    })
    .await;
    for (model, target, deployment) in [
        (
            "old",
            "/openai/deployments/my%20deployment/chat/completions?api-version=2024-10-21",
            "my deployment",
        ),
        ("new", "/openai/v1/chat/completions?api-version=preview", "my deployment"),
        (
            "azure/gpt-4o",
            "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
            "gpt-4o",
        ),
    ] {
        let sent = chat(&gateway, &upstream, model, json!({})).await;
        assert_eq!(sent.target, target);
        assert_eq!(sent.headers["api-key"], "k");
        assert!(!sent.headers.contains_key("authorization"));
        assert_eq!(sent.body["model"], deployment);
    }
}

#[tokio::test]
async fn others_are_called_by_openai_s_protocol_with_their_peculiarities() {
    let (gateway, upstream) = gateway(|url| {
        vec![
            // Without a path, as their users write them.
            entry(
                "claude",
                json!({"model": "anthropic/claude-opus-4-6", "api_base": url, "api_key": "sk-ant"}),
            ),
            entry("llama", json!({"model": "ollama/llama3", "api_base": url})),
            entry(
                "mistral",
                json!({"model": "mistral/m", "api_base": format!("{url}/v1"), "api_key": "k"}),
            ),
            entry(
                "*",
                json!({"model": "openai/*", "api_base": format!("{url}/v1"), "api_key": "sk-any"}),
            ),
        ]
    })
    .await;
    let sent = chat(&gateway, &upstream, "claude", json!({"stream": true})).await;
    assert_eq!(
        (sent.target.as_str(), &sent.body["model"]),
        ("/v1/chat/completions", &json!("claude-opus-4-6"))
    );
    assert_eq!(sent.headers["authorization"], "Bearer sk-ant");
    assert_eq!(sent.body["stream_options"], json!({"include_usage": true}));
    let sent = chat(&gateway, &upstream, "llama", json!({})).await;
    assert_eq!(
        (sent.target.as_str(), &sent.body["model"]),
        ("/v1/chat/completions", &json!("llama3"))
    );
    assert!(!sent.headers.contains_key("authorization"));
    let sent =
        chat(&gateway, &upstream, "mistral", json!({"stream": true, "max_completion_tokens": 3}))
            .await;
    assert_eq!((sent.body.get("stream_options"), &sent.body["max_tokens"]), (None, &json!(3)));
    assert!(sent.body.get("max_completion_tokens").is_none());
    let sent = chat(&gateway, &upstream, "o3", json!({"max_tokens": 3})).await;
    assert_eq!(
        (&sent.body["model"], &sent.body["max_completion_tokens"]),
        (&json!("o3"), &json!(3))
    );
    assert_eq!(sent.headers["authorization"], "Bearer sk-any");
}
