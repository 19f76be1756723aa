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
        ("/v1/chat/completions", r#"{"model":"gpt","messages":"hi"}"#),
        ("/v1/chat/completions", r#"{"model":"gpt","messages":[],"max_tokens":-1}"#),
        ("/v1/chat/completions", r#"{"model":"gpt","model":"gpt","messages":[]}"#),
        ("/v1/embeddings", r#"{"model":"gpt"}"#),
        ("/v1/embeddings", r#"{"model":"gpt","input":{}}"#),
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
async fn other_paths_and_methods_are_refused_in_openai_s_shape() {
    let gateway = anywhere().await;
    let reply = ask(&gateway, post("/v1/completions", "{}")).await;
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
