use super::upstream::{FakeUpstream, Script, gzipped};
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

#[tokio::test]
async fn a_model_is_found_by_its_name_and_its_alias() {
    let entries = entry("meta/llama", "http://127.0.0.1:1");
    let rest = "router_settings: {model_group_alias: {llama: meta/llama, old: {model: meta/llama, hidden: true}}}\n";
    let gateway = gateway(&entries, rest).await;
    let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    for name in ["meta/llama", "llama", "old"] {
        let reply = ask(&gateway, get(&format!("/v1/models/{name}"))).await;
        assert_eq!((reply.status.as_u16(), reply.json()["id"].as_str()), (200, Some(name)));
    }
    assert_eq!(ask(&gateway, get("/v1/models/none")).await.error()["code"], "model_not_found");
    let listed = ask(&gateway, get("/v1/models")).await.json();
    let listed = listed["data"].as_array().unwrap().iter().map(|model| &model["id"]);
    assert_eq!(listed.collect::<Vec<_>>(), ["meta/llama", "llama"]);
}

#[tokio::test]
async fn azure_s_clients_are_answered() {
    let upstream = FakeUpstream::answering(ANSWER).await;
    let rest = "general_settings: {master_key: sk-master}\n";
    let gateway = gateway(&entry("gpt", &upstream.base), rest).await;
    let path = "/openai/deployments/gpt/chat/completions?api-version=2024-10-21";
    let body = r#"{"messages":[{"role":"user","content":"hi"}]}"#;
    for (header, status) in [("api-key", 200), ("x-api-key", 200), ("x-key", 401)] {
        let mut request = post(path, body);
        request.headers_mut().insert(header, "sk-master".parse().unwrap());
        assert_eq!(ask(&gateway, request).await.status, status, "{header}");
    }
    assert_eq!(upstream.arrivals()[0].body["model"], "gpt-4o");
}

#[tokio::test]
async fn a_compressed_answer_is_undone_and_settled() {
    for (kind, answer) in [("application/json", ANSWER), ("text/event-stream", "data: [DONE]\n\n")]
    {
        let upstream = FakeUpstream::start(Script {
            headers: vec![("content-type", kind)],
            chunks: vec![answer],
            gzips: true,
            ..Script::default()
        })
        .await;
        let gateway = gateway(&entry("gpt", &upstream.base), "").await;
        let reply = ask(&gateway, post("/v1/chat/completions", CHAT)).await;
        assert_eq!(reply.body, answer);
        assert!(!reply.headers.contains_key("content-encoding"));
        assert_eq!(upstream.arrivals()[0].headers["accept-encoding"], "identity");
    }
}

#[tokio::test]
async fn a_compressed_body_is_taken_within_the_bound() {
    let upstream = FakeUpstream::answering(ANSWER).await;
    let gateway = gateway(&entry("gpt", &upstream.base), "").await;
    let coded = |coding: &str, body: Bytes| {
        let mut request = post("/v1/chat/completions", body);
        request.headers_mut().insert("content-encoding", coding.parse().unwrap());
        request
    };
    let reply = ask(&gateway, coded("gzip", gzipped(CHAT.as_bytes()))).await;
    assert_eq!(reply.status, 200);
    let bomb = gzipped(&vec![b' '; (1 << 20) + 1]);
    assert_eq!(ask(&gateway, coded("gzip", bomb)).await.error()["code"], "body_too_large");
    let reply = ask(&gateway, coded("gzip", CHAT.into())).await;
    assert_eq!((reply.status.as_u16(), reply.error()["code"].as_str()), (400, Some("not_gzip")));
    assert_eq!(ask(&gateway, coded("br", CHAT.into())).await.status, 415);
    assert_eq!(upstream.arrivals().len(), 1);
}

#[tokio::test]
async fn tags_say_which_deployment_takes_a_request() {
    let upstream = FakeUpstream::answering(ANSWER).await;
    let tagged = |tag: &str| {
        let entry =
            entry("gpt", &upstream.base).replace("timeout", &format!("tags: [{tag}], timeout"));
        entry.replace("gpt-1", &format!("gpt-{tag}"))
    };
    let rest = "router_settings: {enable_tag_filtering: true}\n";
    let gateway = gateway(&(tagged("free") + &tagged("paid")), rest).await;
    for (tag, other) in [("free", "paid"), ("paid", "free")] {
        let mut request = post("/v1/chat/completions", CHAT);
        request.headers_mut().insert("x-litellm-tags", tag.parse().unwrap());
        let reply = ask(&gateway, request).await;
        assert_eq!(reply.headers["x-tokenlease-deployment"], format!("gpt-{tag}"));
        let tagged = format!(r#"{{"metadata":{{"tags":["{other}"]}},"#);
        let input = r#"{"model":"gpt","input":"hello"}"#;
        for (path, body) in
            [("chat/completions", CHAT), ("embeddings", input), ("moderations", input)]
        {
            let body = body.replacen('{', &tagged, 1);
            let reply = ask(&gateway, post(&format!("/v1/{path}"), body)).await;
            assert_eq!(reply.headers["x-tokenlease-deployment"], format!("gpt-{other}"), "{path}");
        }
    }
    let mut request = post("/v1/chat/completions", CHAT);
    request.headers_mut().insert("x-litellm-tags", "none".parse().unwrap());
    assert_eq!(ask(&gateway, request).await.error()["code"], "no_deployment");
}
