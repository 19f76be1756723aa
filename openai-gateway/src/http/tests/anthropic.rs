//! Anthropic's calls.

use super::endpoints::Site;
use super::upstream::{FakeUpstream, Script};
use super::*;

const MESSAGES: &str =
    r#"{"model":"claude","max_tokens":50,"messages":[{"role":"user","content":"hello"}]}"#;
const ANSWER: &str = r#"{"id":"msg_1","type":"message","content":[{"type":"text","text":"hi"}],"usage":{"input_tokens":8,"cache_creation_input_tokens":3,"cache_read_input_tokens":2,"output_tokens":5}}"#;
const START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":8,\"output_tokens\":1}}}\n\n";
const DELTA: &str = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":5}}\n\n";
const STOP: &str = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

/// A deployment at Anthropic.
fn claude(base: &str) -> String {
    entry("claude", base).replace("openai/gpt-4o", "anthropic/claude-opus-4-6")
}

#[tokio::test]
async fn messages_go_on_with_the_key_and_the_version_where_they_belong() {
    let upstream = FakeUpstream::answering(ANSWER).await;
    let site = Site::new(&claude(&upstream.base)).await;
    let mut request = post("/v1/messages", MESSAGES);
    let headers = request.headers_mut();
    headers.insert("x-api-key", "sk-caller".parse().unwrap());
    for beta in ["context-1m", "files-api"] {
        headers.append("anthropic-beta", beta.parse().unwrap());
    }
    let reply = ask(&site.gateway, request).await;
    assert_eq!((reply.status.as_u16(), reply.body), (200, ANSWER.into()));
    let [arrival] = upstream.arrivals().try_into().unwrap();
    assert_eq!(arrival.path, "/v1/messages");
    assert_eq!(arrival.bytes, MESSAGES.replace("\"claude\"", "\"claude-opus-4-6\""));
    assert_eq!(arrival.headers["x-api-key"], "sk-upstream");
    assert_eq!(arrival.headers["anthropic-version"], "2023-06-01");
    let betas: Vec<_> = arrival.headers.get_all("anthropic-beta").iter().collect();
    assert_eq!(betas, ["context-1m", "files-api"]);
    assert!(!arrival.headers.contains_key("authorization"));
    assert_eq!(site.used().await.tokens(), 18);
}

#[tokio::test]
async fn streamed_messages_are_settled_by_what_their_events_say() {
    let streamed = MESSAGES.replacen('{', r#"{"stream":true,"#, 1);
    let upstream = FakeUpstream::streaming(vec![START, DELTA, STOP]).await;
    let site = Site::new(&claude(&upstream.base)).await;
    let reply = ask(&site.gateway, post("/v1/messages", streamed.clone())).await;
    assert_eq!(reply.body, [START, DELTA, STOP].concat());
    assert_eq!(site.used().await.tokens(), 13);
    let cut = FakeUpstream::start(Script {
        headers: vec![("content-type", "text/event-stream")],
        chunks: vec![START],
        breaks_off: true,
        ..Script::default()
    })
    .await;
    let site = Site::new(&claude(&cut.base)).await;
    let reply = ask(&site.gateway, post("/v1/messages", streamed)).await;
    let body = String::from_utf8(reply.body.to_vec()).unwrap();
    let last = body.strip_prefix(START).unwrap().strip_prefix("event: error\ndata: ").unwrap();
    let last: Value = serde_json::from_str(last.trim_end()).unwrap();
    assert_eq!((&last["type"], &last["error"]["type"]), (&"error".into(), &"api_error".into()));
    assert!(site.used().await.tokens() > 50, "of its output nothing is known");
}

#[tokio::test]
async fn counting_tokens_counts_as_a_request() {
    let upstream = FakeUpstream::answering(r#"{"input_tokens":14}"#).await;
    let site = Site::new(&claude(&upstream.base)).await;
    let body = r#"{"model":"claude","messages":[{"role":"user","content":"hello"}]}"#;
    let reply = ask(&site.gateway, post("/v1/messages/count_tokens", body)).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["input_tokens"]), (200, &14.into()));
    assert_eq!(upstream.arrivals()[0].path, "/v1/messages/count_tokens");
    let used = site.used().await;
    assert_eq!((used.tokens(), used.requests()), (0, 1));
}

#[tokio::test]
async fn its_clients_get_errors_in_anthropic_s_shape() {
    let rest = "general_settings: {master_key: sk-master}\n";
    let gateway = gateway(&claude("http://127.0.0.1:1"), rest).await;
    let send = async |key: &str, path: &str, body: &str| {
        let mut request = post(path, body.to_owned());
        request.headers_mut().insert("x-api-key", key.parse().unwrap());
        let reply = ask(&gateway, request).await;
        assert_eq!(reply.headers["content-type"], "application/json");
        assert_eq!(reply.json()["type"], "error");
        (reply.status.as_u16(), reply.error()["type"].as_str().unwrap().to_owned())
    };
    let said = |status, kind: &str| (status, kind.to_owned());
    let v1 = "/v1/messages";
    assert_eq!(send("sk-no", v1, MESSAGES).await, said(401, "authentication_error"));
    let other = MESSAGES.replace("claude", "other");
    assert_eq!(send("sk-master", v1, &other).await, said(404, "not_found_error"));
    assert_eq!(send("sk-master", v1, "{}").await, said(400, "invalid_request_error"));
    assert_eq!(send("sk-master", v1, MESSAGES).await, said(502, "api_error"));
    assert_eq!(send("sk-master", "/messages/count_tokens", "[]").await.0, 400);
}

#[tokio::test]
async fn a_denial_is_a_rate_limit_error_with_its_time() {
    let site = Site::new(&claude("http://127.0.0.1:1")).await;
    let reply = ask(&site.gateway, post("/v1/messages", MESSAGES.replace("50", "99990"))).await;
    assert_eq!((reply.status.as_u16(), reply.json()["type"].as_str()), (400, Some("error")));
    let upstream =
        FakeUpstream::answering(r#"{"usage":{"input_tokens":9000,"output_tokens":900}}"#).await;
    let site = Site::new(&claude(&upstream.base)).await;
    let large = MESSAGES.replace("50", "9900");
    assert_eq!(ask(&site.gateway, post("/v1/messages", large.clone())).await.status, 200);
    let reply = ask(&site.gateway, post("/v1/messages", large)).await;
    assert_eq!(
        (reply.status.as_u16(), reply.error()["type"].as_str()),
        (429, Some("rate_limit_error"))
    );
    assert!(reply.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn only_those_that_speak_it_are_asked() {
    let anthropic = FakeUpstream::answering(ANSWER).await;
    let openai = FakeUpstream::answering(r#"{"usage":{"total_tokens":2}}"#).await;
    let entries = claude(&anthropic.base)
        + &entry("claude", &openai.base).replace("claude-1", "claude-2")
        + &entry("gpt", &openai.base);
    let gateway = gateway(&entries, "").await;
    for _ in 0..20 {
        assert_eq!(ask(&gateway, post("/v1/messages", MESSAGES)).await.status, 200);
    }
    assert_eq!((anthropic.arrivals().len(), openai.arrivals().len()), (20, 0));
    let reply = ask(&gateway, post("/v1/messages", MESSAGES.replace("claude", "gpt"))).await;
    assert_eq!(
        (reply.status.as_u16(), reply.error()["type"].as_str()),
        (400, Some("invalid_request_error"))
    );
}
