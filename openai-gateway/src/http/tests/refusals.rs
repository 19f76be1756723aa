use super::upstream::{FakeUpstream, Script};
use super::*;

const NOWHERE: &str = "http://127.0.0.1:1";

async fn anywhere() -> Router {
    gateway(&entry("gpt", NOWHERE), "").await
}

#[tokio::test]
async fn an_unknown_model_is_404() {
    let body = r#"{"model":"claude","messages":[]}"#;
    let reply = ask(&anywhere().await, post("/v1/chat/completions", body)).await;
    assert_eq!(reply.status, 404);
    assert_eq!(reply.error()["code"], "model_not_found");
    assert_eq!(reply.error()["param"], "model");
}

#[tokio::test]
async fn bodies_that_make_no_sense_are_400() {
    let gateway = anywhere().await;
    for (path, body) in [
        ("/v1/chat/completions", ""),
        ("/v1/chat/completions", "[]"),
        ("/v1/chat/completions", r#"{"model":5,"messages":[]}"#),
        ("/v1/chat/completions", r#"{"model":"gpt"}"#),
        ("/v1/chat/completions", r#"{"messages":[]}"#),
        ("/v1/chat/completions", r#"{"model":"gpt","messages":[],"max_tokens":-1}"#),
        ("/v1/chat/completions", r#"{"model":"gpt","model":"gpt","messages":[]}"#),
        ("/v1/embeddings", r#"{"model":"gpt"}"#),
    ] {
        let reply = ask(&gateway, post(path, body)).await;
        assert_eq!(reply.status, 400, "{body}");
        assert_eq!(reply.error()["type"], "invalid_request_error", "{body}");
    }
}

#[tokio::test]
async fn a_body_above_the_limit_is_413() {
    let reply = ask(&anywhere().await, post("/v1/embeddings", vec![b' '; (1 << 20) + 1])).await;
    assert_eq!(reply.status, 413);
    assert_eq!(reply.error()["code"], "body_too_large");
}

#[tokio::test]
async fn what_is_not_json_is_415() {
    let gateway = anywhere().await;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"] {
        let mut request = post("/v1/chat/completions", CHAT);
        request.headers_mut().insert("content-type", kind.parse().unwrap());
        let reply = ask(&gateway, request).await;
        assert_eq!(
            (reply.status.as_u16(), reply.error()["code"].as_str()),
            (415, Some("not_json"))
        );
    }
    let mut request = post("/v1/chat/completions", CHAT);
    request
        .headers_mut()
        .insert("content-type", "Application/JSON; charset=utf-8".parse().unwrap());
    assert_eq!(ask(&gateway, request).await.status, 502);
}

#[tokio::test]
async fn without_a_key_no_page_of_another_site_is_answered() {
    let send = async |gateway: &Router, header: &'static str, value: &str| {
        let mut request = post("/v1/chat/completions", CHAT);
        request.headers_mut().insert(header, value.parse().unwrap());
        request.headers_mut().insert("authorization", "Bearer sk-master".parse().unwrap());
        ask(gateway, request).await.status.as_u16()
    };
    let open = anywhere().await;
    assert_eq!(send(&open, "origin", "https://evil.example").await, 403);
    assert_eq!(send(&open, "host", "evil.example:8080").await, 403);
    assert_eq!(send(&open, "host", "localhost:8080").await, 502);
    let rest = "general_settings: {master_key: sk-master}\n";
    let guarded = gateway(&entry("gpt", NOWHERE), rest).await;
    assert_eq!(send(&guarded, "origin", "https://evil.example").await, 502);
}

#[tokio::test]
async fn no_message_speaks_of_how_this_is_written() {
    let gateway = anywhere().await;
    for (field, value) in
        [("max_tokens", r#""many""#), ("model", "5"), ("stream", "1"), ("stream_options", "[]")]
    {
        let body = format!(r#"{{"messages":[],"{field}":{value}}}"#);
        let reply = ask(&gateway, post("/v1/chat/completions", body)).await;
        let message = reply.error()["message"].to_string();
        assert!(message.contains("must be") && !message.contains("u64"), "{message}");
        assert_eq!(reply.error()["param"], field);
    }
}

#[tokio::test]
async fn other_paths_and_methods_are_refused_in_openai_s_shape() {
    let gateway = anywhere().await;
    let reply = ask(&gateway, post("/v1/nothing", "{}")).await;
    assert_eq!((reply.status.as_u16(), reply.error()["code"].as_str()), (404, Some("unknown_url")));
    let reply = ask(&gateway, Request::get("/v1/embeddings").body(Body::empty()).unwrap()).await;
    assert_eq!(reply.status, 405);
    assert_eq!(reply.error()["code"], "method_not_allowed");
}

#[tokio::test]
async fn the_master_key_guards_the_calls_and_not_the_health() {
    let rest = "general_settings: {master_key: sk-master}\n";
    let gateway = gateway(&entry("gpt", NOWHERE), rest).await;
    for (authorization, status) in
        [(None, 401), (Some("Bearer sk-wrong"), 401), (Some("Bearer sk-master"), 200)]
    {
        let mut request = Request::get("/v1/models").body(Body::empty()).unwrap();
        if let Some(value) = authorization {
            request.headers_mut().insert("authorization", value.parse().unwrap());
        }
        let reply = ask(&gateway, request).await;
        assert_eq!(reply.status, status, "{authorization:?}");
        if status == 401 {
            assert_eq!(reply.error()["code"], "invalid_api_key");
        }
    }
    let health = ask(&gateway, Request::get("/healthz").body(Body::empty()).unwrap()).await;
    assert_eq!(health.status, 200);
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_502() {
    let reply = ask(&anywhere().await, post("/v1/chat/completions", CHAT)).await;
    assert_eq!(reply.status, 502);
    assert_eq!(reply.error()["code"], "upstream_unreached");
    assert!(!reply.error()["message"].as_str().unwrap().contains("127.0.0.1"));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_502() {
    let upstream = FakeUpstream::start(Script {
        chunks: vec!["{\"half\":"],
        breaks_off: true,
        ..Script::default()
    })
    .await;
    let gateway = gateway(&entry("gpt", &upstream.base), "").await;
    let reply = ask(&gateway, post("/v1/chat/completions", CHAT)).await;
    assert_eq!(reply.status, 502);
    assert_eq!(reply.error()["code"], "upstream_broken_off");
}

#[tokio::test]
async fn a_silent_upstream_is_504() {
    let upstream =
        FakeUpstream::start(Script { chunks: vec!["{"], hangs: true, ..Script::default() }).await;
    let entry = entry("gpt", &upstream.base).replace("timeout: 5", "timeout: 0.05");
    let gateway = gateway(&entry, "").await;
    let reply = ask(&gateway, post("/v1/chat/completions", CHAT)).await;
    assert_eq!(reply.status, 504);
    assert_eq!(reply.error()["code"], "upstream_timed_out");
}
