//! The upstream itself, as a process.

use serde_json::{Value, json};
use tests::harness::Upstream;

async fn ask(upstream: &Upstream, path: &str, body: &Value) -> reqwest::Response {
    let url = format!("{}{path}", upstream.process.url());
    reqwest::Client::new().post(url).bearer_auth("key-1").json(body).send().await.unwrap()
}

fn chat(stream: bool) -> Value {
    json!({"model": "gpt-4o", "stream": stream, "stream_options": {"include_usage": true},
        "messages": [{"role": "user", "content": "hello world"}], "max_tokens": 5})
}

#[tokio::test]
async fn usage_is_answered_and_audited() {
    let upstream = Upstream::builder().start().await.unwrap();
    let answer: Value =
        ask(&upstream, "/v1/chat/completions", &chat(false)).await.json().await.unwrap();
    assert_eq!(
        answer["usage"],
        json!({"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14})
    );
    let body = json!({"model": "text-embedding-3-small", "input": ["hello world", "hello"]});
    let answer: Value = ask(&upstream, "/v1/embeddings", &body).await.json().await.unwrap();
    assert_eq!(
        (answer["usage"]["total_tokens"].as_u64(), answer["data"][1]["index"].as_u64()),
        (Some(3), Some(1))
    );
    let audit = upstream.audit().await.unwrap();
    let total = audit.keys["key-1"].total;
    assert_eq!((total.requests, total.used_tokens, total.reserved_tokens), (2, 17, 17));
    assert_eq!(upstream.arrivals().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_stream_ends_with_its_usage() {
    let upstream = Upstream::builder().flag("--answer-tokens=3").start().await.unwrap();
    let text = ask(&upstream, "/v1/chat/completions", &chat(true)).await.text().await.unwrap();
    let chunks: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert_eq!(chunks.last(), Some(&"[DONE]"));
    let usage: Value = serde_json::from_str(chunks[chunks.len() - 2]).unwrap();
    assert_eq!(
        (usage["usage"]["total_tokens"].as_u64(), usage["choices"].as_array().unwrap().len()),
        (Some(12), 0)
    );
    let audit = upstream.audit().await.unwrap();
    let total = audit.keys["key-1"].total;
    assert_eq!((total.used_tokens, total.reserved_tokens), (12, 14));
}

#[tokio::test]
async fn its_own_limit_is_kept_and_its_failures_are_counted() {
    let limited = Upstream::builder().flag("--rpm=1").start().await.unwrap();
    tests::clock::minute_with_room(5).await;
    assert_eq!(ask(&limited, "/v1/chat/completions", &chat(false)).await.status(), 200);
    let refused = ask(&limited, "/v1/chat/completions", &chat(false)).await;
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    let failing = Upstream::builder()
        .flag("--error-rate=1")
        .flag("--error-status=502")
        .start()
        .await
        .unwrap();
    assert_eq!(ask(&failing, "/v1/chat/completions", &chat(false)).await.status(), 502);
    assert_eq!(limited.audit().await.unwrap().all.total.refused, 1);
    assert_eq!(failing.audit().await.unwrap().all.total.failed, 1);
}
