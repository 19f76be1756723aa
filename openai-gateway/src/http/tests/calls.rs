use super::upstream::{FakeUpstream, Script};
use super::*;

const ANSWER: &str = r#"{"id":"c-1","choices":[],"usage":{"total_tokens":12}}"#;

#[tokio::test]
async fn a_chat_request_is_sent_on_with_nothing_changed_but_the_model() {
    let upstream = FakeUpstream::answering(ANSWER).await;
    let gateway = gateway(&entry("gpt", &upstream.base), "").await;
    let body =
        r#"{"model":"gpt","messages":[{"role":"user","content":"hi"}],"seed":1,"x":{"y":[1.0]}}"#;
    let reply = ask(&gateway, post("/v1/chat/completions", body)).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body, ANSWER);
    assert_eq!(reply.headers["content-type"], "application/json");
    assert_eq!(reply.headers["x-tokenlease-deployment"], "gpt-1");
    assert_eq!(reply.headers["x-request-id"], "req_000000000000000700000000");
    let [arrival] = upstream.arrivals().try_into().unwrap();
    assert_eq!(arrival.path, "/v1/chat/completions");
    assert_eq!(arrival.headers["authorization"], "Bearer sk-upstream");
    let mut expected: Value = serde_json::from_str(body).unwrap();
    expected["model"] = "gpt-4o".into();
    assert_eq!(arrival.body, expected);
}

#[tokio::test]
async fn embeddings_go_their_way_and_v1_may_be_left_out() {
    let upstream = FakeUpstream::answering(r#"{"data":[],"usage":{"total_tokens":2}}"#).await;
    let gateway = gateway(&entry("emb", &upstream.base), "").await;
    let reply = ask(&gateway, post("/embeddings", r#"{"model":"emb","input":["a",  "b"]}"#)).await;
    assert_eq!(reply.status, 200);
    let [arrival] = upstream.arrivals().try_into().unwrap();
    assert_eq!(arrival.path, "/v1/embeddings");
    assert_eq!(arrival.body["input"], serde_json::json!(["a", "b"]));
}

#[tokio::test]
async fn the_caller_s_own_headers_stay_here() {
    let upstream = FakeUpstream::answering(ANSWER).await;
    let gateway = gateway(&entry("gpt", &upstream.base), "").await;
    let mut request = post("/v1/chat/completions", CHAT);
    request.headers_mut().insert("authorization", "Bearer sk-caller".parse().unwrap());
    request.headers_mut().insert("cookie", "a=b".parse().unwrap());
    request.headers_mut().insert("x-request-id", "mine-1".parse().unwrap());
    let reply = ask(&gateway, request).await;
    assert_eq!(reply.headers["x-request-id"], "mine-1");
    let [arrival] = upstream.arrivals().try_into().unwrap();
    assert_eq!(arrival.headers["authorization"], "Bearer sk-upstream");
    assert!(!arrival.headers.contains_key("cookie"));
}

#[tokio::test]
async fn an_upstream_s_429_passes_through_with_its_headers() {
    let upstream = FakeUpstream::start(Script {
        status: StatusCode::TOO_MANY_REQUESTS,
        headers: vec![
            ("content-type", "application/json"),
            ("retry-after", "7"),
            ("x-ratelimit-remaining-tokens", "0"),
            ("set-cookie", "a=b"),
            ("openai-organization", "acme"),
        ],
        chunks: vec![r#"{"error":{"code":"rate_limit_exceeded"}}"#],
        ..Script::default()
    })
    .await;
    let gateway = gateway(&entry("gpt", &upstream.base), "").await;
    let reply = ask(&gateway, post("/v1/chat/completions", CHAT)).await;
    assert_eq!(reply.status, 429);
    assert_eq!(reply.headers["retry-after"], "7");
    assert_eq!(reply.headers["x-ratelimit-remaining-tokens"], "0");
    assert!(!reply.headers.contains_key("set-cookie"));
    assert!(!reply.headers.contains_key("openai-organization"));
    assert_eq!(reply.error()["code"], "rate_limit_exceeded");
}

#[tokio::test]
async fn models_are_the_groups_in_the_configuration_s_order() {
    let entries = entry("zeta", "http://127.0.0.1:1") + &entry("alpha", "http://127.0.0.1:1");
    let gateway = gateway(&entries, "").await;
    let reply = ask(&gateway, Request::get("/v1/models").body(Body::empty()).unwrap()).await;
    let list = reply.json();
    assert_eq!(list["object"], "list");
    assert_eq!(list["data"][0]["id"], "zeta");
    assert_eq!(list["data"][1]["id"], "alpha");
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_large_body_is_taken() {
    let upstream = FakeUpstream::answering(ANSWER).await;
    let gateway = gateway(&entry("gpt", &upstream.base), "").await;
    let words = "word ".repeat(40_000);
    let body = format!(r#"{{"model":"gpt","messages":[{{"role":"user","content":"{words}"}}]}}"#);
    let reply = ask(&gateway, post("/v1/chat/completions", body)).await;
    assert_eq!(reply.status, 200);
}
