use super::quota::FakeQuotaServer;
use super::upstream::{FakeUpstream, Script};
use super::*;

const STREAMED: &str =
    r#"{"model":"gpt","stream":true,"messages":[{"role":"user","content":"hello"}]}"#;
const HELLO: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"hello\"}}]}\n\n";
const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"total_tokens\":9}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

#[tokio::test]
async fn the_usage_that_nobody_asked_for_is_asked_for_and_dropped() {
    let upstream = FakeUpstream::streaming(vec![HELLO, USAGE, DONE]).await;
    let gateway = gateway(&entry("gpt", &upstream.base), "").await;
    let reply = ask(&gateway, post("/v1/chat/completions", STREAMED)).await;
    assert_eq!(reply.headers["content-type"], "text/event-stream; charset=utf-8");
    assert_eq!(reply.body, [HELLO, DONE].concat());
    let [arrival] = upstream.arrivals().try_into().unwrap();
    assert_eq!(arrival.body["stream_options"]["include_usage"], true);
}

#[tokio::test]
async fn the_usage_that_was_asked_for_is_handed_on() {
    let upstream = FakeUpstream::streaming(vec![HELLO, USAGE, DONE]).await;
    let gateway = gateway(&entry("gpt", &upstream.base), "").await;
    let body = STREAMED.replacen('{', r#"{"stream_options":{"include_usage":true},"#, 1);
    let reply = ask(&gateway, post("/v1/chat/completions", body)).await;
    assert_eq!(reply.body, [HELLO, USAGE, DONE].concat());
}

#[tokio::test]
async fn events_may_be_cut_anywhere() {
    let cut = vec![
        "data: {\"choices\":[]}\n\ndata: {\"choices\":[],\"us",
        "age\":{\"total_tokens\":9}}\n",
        "\ndata: [DONE]\n\n",
    ];
    let upstream = FakeUpstream::streaming(cut).await;
    let gateway = gateway(&entry("gpt", &upstream.base), "").await;
    let reply = ask(&gateway, post("/v1/chat/completions", STREAMED)).await;
    assert_eq!(reply.body, ["data: {\"choices\":[]}\n\n", DONE].concat());
}

#[tokio::test]
async fn an_end_without_an_empty_line_is_handed_on() {
    let upstream = FakeUpstream::streaming(vec![HELLO, "data: [DONE]"]).await;
    let gateway = gateway(&entry("gpt", &upstream.base), "").await;
    let reply = ask(&gateway, post("/v1/chat/completions", STREAMED)).await;
    assert_eq!(reply.body, [HELLO, "data: [DONE]"].concat());
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_with_an_error() {
    let upstream = FakeUpstream::start(Script {
        headers: vec![("content-type", "text/event-stream")],
        chunks: vec![HELLO],
        breaks_off: true,
        ..Script::default()
    })
    .await;
    let gateway = gateway(&entry("gpt", &upstream.base), "").await;
    let reply = ask(&gateway, post("/v1/chat/completions", STREAMED)).await;
    assert_eq!(reply.status, 200);
    assert_eq!(last_error(&reply)["code"], "upstream_broken_off");
}

/// The error that stands in a stream's last event.
fn last_error(reply: &Reply) -> Value {
    let body = std::str::from_utf8(&reply.body).unwrap();
    let last = body.strip_prefix(HELLO).unwrap().strip_prefix("data: ").unwrap();
    serde_json::from_str::<Value>(last.strip_suffix("\n\n").unwrap()).unwrap()["error"].clone()
}

#[tokio::test]
async fn a_stream_that_is_refused_is_answered_whole() {
    let upstream = FakeUpstream::start(Script {
        status: StatusCode::BAD_REQUEST,
        headers: vec![("content-type", "application/json")],
        chunks: vec![r#"{"error":{"code":"context_length_exceeded"}}"#],
        ..Script::default()
    })
    .await;
    let gateway = gateway(&entry("gpt", &upstream.base), "").await;
    let reply = ask(&gateway, post("/v1/chat/completions", STREAMED)).await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.error()["code"], "context_length_exceeded");
}

#[tokio::test]
async fn a_stream_that_falls_silent_ends_with_an_error() {
    let upstream = FakeUpstream::start(Script {
        headers: vec![("content-type", "text/event-stream")],
        chunks: vec![HELLO],
        hangs: true,
        ..Script::default()
    })
    .await;
    let entry = entry("gpt", &upstream.base).replace("timeout: 5", "timeout: 1");
    let gateway = gateway(&entry, "").await;
    let reply = ask(&gateway, post("/v1/chat/completions", STREAMED)).await;
    assert_eq!(reply.status, 200);
    assert_eq!(last_error(&reply)["code"], "upstream_timed_out");
}

#[tokio::test]
async fn a_provider_that_takes_no_stream_options_is_asked_once() {
    let upstream = FakeUpstream::start(Script {
        headers: vec![("content-type", "text/event-stream"), ("x-accel-buffering", "yes")],
        chunks: vec![HELLO, DONE],
        refuses: Some("stream_options"),
        ..Script::default()
    })
    .await;
    let gateway = gateway(&entry("gpt", &upstream.base), "").await;
    for _ in 0..3 {
        let reply = ask(&gateway, post("/v1/chat/completions", STREAMED)).await;
        assert_eq!((reply.status.as_u16(), reply.body), (200, [HELLO, DONE].concat().into()));
        assert_eq!(reply.headers["cache-control"], "no-cache");
        assert_eq!(reply.headers["x-accel-buffering"], "yes");
    }
    assert_eq!(upstream.arrivals().len(), 4);
    let body = STREAMED.replacen('{', r#"{"stream_options":{"include_usage":true},"#, 1);
    assert_eq!(ask(&gateway, post("/v1/chat/completions", body)).await.status, 422);
}

/// Streams, unless a request has this field.
async fn refusing(field: &'static str) -> FakeUpstream {
    FakeUpstream::start(Script {
        headers: vec![("content-type", "text/event-stream")],
        chunks: vec![HELLO, DONE],
        refuses: Some(field),
        ..Script::default()
    })
    .await
}

#[tokio::test]
async fn however_many_take_no_stream_options_a_stream_is_sent_twice_at_most() {
    let upstream = refusing("stream_options").await;
    let entries =
        (0..9).map(|n| entry("gpt", &upstream.base).replace("gpt-1", &format!("gpt-{n}")));
    let gateway = gateway(&entries.collect::<String>(), "").await;
    let mut before = 0;
    for _ in 0..9 {
        assert_eq!(ask(&gateway, post("/v1/chat/completions", STREAMED)).await.status, 200);
        let arrived = upstream.arrivals().len();
        assert!(arrived - before <= 2, "{} times", arrived - before);
        before = arrived;
    }
}

#[tokio::test]
async fn a_stream_that_is_sent_twice_is_drawn_twice() {
    let upstream = refusing("stream_options").await;
    let server = FakeQuotaServer::start(100_000).await;
    let limited = entry("gpt", &upstream.base).replace("timeout", "tpm: 100000, timeout");
    let rest = format!("quota_server: {{url: '{}', max_wait_ms: 5000}}\n", server.url);
    let (gateway, client) = gateway_and_client(&limited, &rest).await;
    assert_eq!(ask(&gateway, post("/v1/chat/completions", STREAMED)).await.status, 200);
    client.shutdown().await.unwrap();
    assert_eq!((upstream.arrivals().len(), server.used().requests), (2, 2));
}

#[tokio::test]
async fn a_refusal_that_only_repeats_the_field_turns_no_usage_off() {
    let upstream = refusing("user").await;
    let gateway = gateway(&entry("gpt", &upstream.base), "").await;
    let bad = STREAMED.replacen('{', r#"{"user":5,"#, 1);
    let refused = ask(&gateway, post("/v1/chat/completions", bad)).await;
    assert_eq!((refused.status.as_u16(), upstream.arrivals().len()), (422, 2), "tried without it");
    assert_eq!(ask(&gateway, post("/v1/chat/completions", STREAMED)).await.status, 200);
    let last = upstream.arrivals().pop().unwrap();
    assert_eq!(last.body["stream_options"]["include_usage"], true);
}
