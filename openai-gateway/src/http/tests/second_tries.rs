//! What is done when an upstream fails: a sibling, another group, and the failed one left alone.

use super::quota::FakeQuotaServer;
use super::upstream::{FakeUpstream, Script};
use super::*;

const ANSWER: &str = r#"{"id":"c-1","choices":[],"usage":{"total_tokens":12}}"#;
const NOWHERE: &str = "http://127.0.0.1:1";
const HELLO: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"hello\"}}]}\n\n";

/// A group of these, each of an id of its own.
fn group(name: &str, bases: &[&str]) -> String {
    let one = |(no, base): (usize, &&str)| {
        entry(name, base).replace(&format!("{name}-1"), &format!("{name}-{no}"))
    };
    bases.iter().enumerate().map(one).collect()
}

async fn failing(status: u16, headers: Vec<(&'static str, &'static str)>) -> FakeUpstream {
    let status = StatusCode::from_u16(status).unwrap();
    let chunks = vec![r#"{"error":{"message":"no"}}"#];
    FakeUpstream::start(Script { status, headers, chunks, ..Script::default() }).await
}

async fn asked(gateway: &Router, times: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..times {
        statuses.push(ask(gateway, post("/v1/chat/completions", CHAT)).await.status.as_u16());
    }
    statuses
}

#[tokio::test]
async fn with_one_of_two_refusing_connections_all_requests_pass_and_cost_their_own() {
    let well = FakeUpstream::answering(ANSWER).await;
    let server = FakeQuotaServer::start(100_000).await;
    let limited = group("gpt", &[NOWHERE, &well.base]).replace("timeout", "tpm: 100000, timeout");
    let rest = format!("quota_server: {{url: '{}', max_wait_ms: 5000}}\n", server.url);
    let (gateway, client) = gateway_and_client(&limited, &rest).await;
    assert_eq!(asked(&gateway, 12).await, [200; 12]);
    client.shutdown().await.unwrap();
    let used = server.used();
    assert_eq!((used.tokens, used.requests), (12 * 12, 12));
}

#[tokio::test]
async fn one_that_limits_is_left_alone_for_as_long_as_it_says() {
    let well = FakeUpstream::answering(ANSWER).await;
    let limits = failing(429, vec![("retry-after", "20")]).await;
    let gateway = gateway(&group("gpt", &[&limits.base, &well.base]), "").await;
    assert_eq!(asked(&gateway, 1_000).await, [200; 1_000]);
    assert_eq!(limits.arrivals().len(), 1);
}

#[tokio::test]
async fn one_that_fails_is_tried_five_times_before_it_is_left_alone() {
    let well = FakeUpstream::answering(ANSWER).await;
    let fails = failing(500, vec![]).await;
    let entries = group("gpt", &[&fails.base, &well.base]);
    assert_eq!(asked(&gateway(&entries, "").await, 100).await, [200; 100]);
    assert_eq!(fails.arrivals().len(), 5);
    let rest = "router_settings: {allowed_fails: 1}\n";
    assert_eq!(asked(&gateway(&entries, rest).await, 100).await, [200; 100]);
    assert_eq!(fails.arrivals().len(), 5 + 2);
    let rest = "router_settings: {disable_cooldowns: true}\n";
    assert_eq!(asked(&gateway(&entries, rest).await, 100).await, [200; 100]);
    assert!(fails.arrivals().len() > 7 + 20);
}

#[tokio::test]
async fn retries_are_bounded() {
    let fails = failing(500, vec![]).await;
    let entries = group("gpt", &[fails.base.as_str(); 8]);
    let rest = "router_settings: {disable_cooldowns: true}\n";
    assert_eq!(asked(&gateway(&entries, rest).await, 1).await, [500]);
    assert_eq!(fails.arrivals().len(), 3);
    let rest = "router_settings: {disable_cooldowns: true, num_retries: 0}\n";
    assert_eq!(asked(&gateway(&entries, rest).await, 1).await, [500]);
    assert_eq!(fails.arrivals().len(), 4);
}

#[tokio::test]
async fn the_only_one_is_not_left_alone() {
    let fails = failing(503, vec![]).await;
    let gateway = gateway(&group("gpt", &[&fails.base]), "").await;
    assert_eq!(asked(&gateway, 10).await, [503; 10]);
    assert_eq!(fails.arrivals().len(), 10);
}

#[tokio::test]
async fn when_all_are_left_alone_the_answer_says_until_when() {
    let limits = failing(429, vec![("retry-after", "20")]).await;
    let later = failing(429, vec![("retry-after", "40")]).await;
    let gateway = gateway(&group("gpt", &[&limits.base, &later.base]), "").await;
    assert_eq!(asked(&gateway, 1).await, [429]);
    let reply = ask(&gateway, post("/v1/chat/completions", CHAT)).await;
    assert_eq!(reply.status, 503);
    assert_eq!(reply.error()["code"], "upstream_unavailable");
    let after: u64 = reply.headers["retry-after"].to_str().unwrap().parse().unwrap();
    // Rounded up, to whole milliseconds and then to whole seconds, and up to a tenth later.
    assert!((1..=23).contains(&after), "{after}");
}

#[tokio::test]
async fn a_request_that_is_refused_for_what_it_is_is_not_tried_again() {
    let refuses = failing(400, vec![]).await;
    let gateway = gateway(&group("gpt", &[refuses.base.as_str(); 2]), "").await;
    assert_eq!(asked(&gateway, 20).await, [400; 20]);
    assert_eq!(refuses.arrivals().len(), 20);
}

#[tokio::test]
async fn a_group_that_fails_falls_back_to_others_in_order() {
    let well = FakeUpstream::answering(ANSWER).await;
    let fails = failing(500, vec![]).await;
    let entries = group("gpt", &[&fails.base])
        + &group("also-dead", &[NOWHERE])
        + &group("spare", &[&well.base]);
    let rest = "router_settings: {fallbacks: [{gpt: [also-dead, spare]}]}\n";
    let gateway = gateway(&entries, rest).await;
    for _ in 0..20 {
        let reply = ask(&gateway, post("/v1/chat/completions", CHAT)).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.headers["x-tokenlease-deployment"], "spare-0");
    }
    assert_eq!(fails.arrivals().len(), 5, "with somewhere else to go it is left alone");
}

#[tokio::test]
async fn what_is_too_long_goes_to_a_longer_model() {
    let well = FakeUpstream::answering(ANSWER).await;
    let short = FakeUpstream::start(Script {
        status: StatusCode::BAD_REQUEST,
        chunks: vec![r#"{"error":{"code":"context_length_exceeded","message":"too long"}}"#],
        ..Script::default()
    })
    .await;
    let entries = group("gpt", &[&short.base]) + &group("long", &[&well.base]);
    let rest = "router_settings: {context_window_fallbacks: [{gpt: [long]}]}\n";
    let gateway = gateway(&entries, rest).await;
    let reply = ask(&gateway, post("/v1/chat/completions", CHAT)).await;
    assert_eq!(reply.headers["x-tokenlease-deployment"], "long-0");
    assert_eq!(short.arrivals().len(), 1);
}

#[tokio::test]
async fn a_denial_of_our_own_falls_back_and_leaves_nobody_alone() {
    let well = FakeUpstream::answering(ANSWER).await;
    let server = FakeQuotaServer::start(500).await;
    server.forget("spare-0");
    let limited = group("gpt", &[&well.base, &well.base]).replace("timeout", "tpm: 500, timeout");
    let limited = limited + &group("spare", &[&well.base]);
    let url = format!("url: '{}', default_max_output_tokens: 492", server.url);
    let gateway_with = async |settings: &str| {
        gateway(&limited, &format!("quota_server: {{{url}}}\nrouter_settings: {{{settings}}}\n"))
            .await
    };
    let alone = gateway_with("num_retries: 2").await;
    assert_eq!(asked(&alone, 6).await[2..], [429; 4]);
    let falls_back = gateway_with("fallbacks: [{gpt: [spare]}]").await;
    assert_eq!(asked(&falls_back, 6).await, [200; 6]);
}

#[tokio::test]
async fn what_takes_over_reserves_its_own_output() {
    let well = FakeUpstream::answering(ANSWER).await;
    let server = FakeQuotaServer::start(3_000).await;
    let entries = entry("gpt", NOWHERE).replace("timeout", "max_tokens: 5, timeout")
        + &entry("big", &well.base).replace("timeout", "tpm: 3000, max_tokens: 4000, timeout");
    let rest = format!(
        "quota_server: {{url: '{}'}}\nrouter_settings: {{fallbacks: [{{gpt: [big]}}]}}\n",
        server.url
    );
    assert_ne!(asked(&gateway(&entries, &rest).await, 1).await, [200]);
    assert_eq!(well.arrivals().len(), 0);
}

#[tokio::test]
async fn a_model_that_there_is_not_leaves_those_alone_that_there_are() {
    let no_such_model = failing(404, vec![]).await;
    let of_all = |entries: String| {
        entries.replace("openai/gpt-4o", "openai/*").replace("model_name: gpt", "model_name: '*'")
    };
    let gateway = gateway(&of_all(group("gpt", &[no_such_model.base.as_str(); 2])), "").await;
    assert_eq!(asked(&gateway, 10).await, [404; 10]);
    assert_eq!(no_such_model.arrivals().len(), 10, "handed on, and asked again");
}

#[tokio::test]
async fn a_stream_that_has_begun_is_never_tried_again() {
    let dies = FakeUpstream::start(Script {
        headers: vec![("content-type", "Text/Event-Stream; charset=UTF-8")],
        chunks: vec![HELLO, "data: {\"half"],
        breaks_off: true,
        ..Script::default()
    })
    .await;
    let well = FakeUpstream::streaming(vec![HELLO, "data: [DONE]\n\n"]).await;
    let gateway = gateway(&group("gpt", &[&dies.base, &well.base]), "").await;
    let streamed = CHAT.replacen('{', r#"{"stream":true,"#, 1);
    let mut broken = 0;
    for _ in 0..20 {
        let reply = ask(&gateway, post("/v1/chat/completions", streamed.clone())).await;
        assert_eq!(reply.status, 200);
        let body = String::from_utf8(reply.body.to_vec()).unwrap();
        assert_eq!(body.matches("hello").count(), 1, "{body}");
        if !body.ends_with("data: [DONE]\n\n") {
            let last = body.strip_prefix(HELLO).unwrap().strip_prefix("data: ").unwrap();
            let last: Value = serde_json::from_str(last.trim_end()).unwrap();
            assert_eq!(last["error"]["code"], "upstream_broken_off");
            broken += 1;
        }
    }
    assert_eq!(broken, dies.arrivals().len());
    assert!(broken > 0);
}

#[tokio::test]
async fn a_stream_that_dies_before_its_first_byte_is_tried_again() {
    let dies = FakeUpstream::start(Script {
        headers: vec![("content-type", "text/event-stream")],
        breaks_off: true,
        ..Script::default()
    })
    .await;
    let well = FakeUpstream::streaming(vec![HELLO, "data: [DONE]\n\n"]).await;
    let gateway = gateway(&group("gpt", &[&dies.base, &well.base]), "").await;
    let streamed = CHAT.replacen('{', r#"{"stream":true,"#, 1);
    for _ in 0..20 {
        let reply = ask(&gateway, post("/v1/chat/completions", streamed.clone())).await;
        assert_eq!(reply.body, [HELLO, "data: [DONE]\n\n"].concat());
    }
    assert!(!dies.arrivals().is_empty());
}

#[tokio::test]
async fn one_that_does_not_answer_in_time_is_followed_by_a_sibling() {
    let hangs = FakeUpstream::start(Script { hangs: true, ..Script::default() }).await;
    let well = FakeUpstream::answering(ANSWER).await;
    let entries = group("gpt", &[&hangs.base]).replace("timeout: 5", "order: 1, timeout: 0.05")
        + &group("gpt", &[&well.base])
            .replace("gpt-0", "gpt-9")
            .replace("timeout", "order: 2, timeout");
    let gateway = gateway(&entries, "").await;
    assert_eq!(asked(&gateway, 1).await, [200]);
    assert_eq!(hangs.arrivals().len(), 1);
}
