//! Limited deployments, against a quota server in the same process.

use gateway_client::Amount;

use super::quota::FakeQuotaServer;
use super::upstream::{FakeUpstream, Script};
use super::*;

/// `CHAT` reserves this: 8 tokens of input, and what it allows as output.
const RESERVED: u64 = 8 + 92;
const LIMIT: u64 = 1_000;
const STREAM_USAGE: &str = "data: {\"choices\":[],\"usage\":{\"total_tokens\":30}}\n\n";

struct Site {
    gateway: Router,
    client: QuotaClient,
    server: FakeQuotaServer,
}

impl Site {
    async fn new(upstream_base: &str) -> Self {
        let server = FakeQuotaServer::start(LIMIT).await;
        let limited = entry("gpt", upstream_base).replace("timeout", "tpm: 1000, timeout");
        let rest = format!(
            "quota_server: {{url: '{}', default_max_output_tokens: 92, max_wait_ms: 5000}}\n",
            server.url
        );
        let (gateway, client) = gateway_and_client(&limited, &rest).await;
        Self { gateway, client, server }
    }

    async fn ask(&self, body: &str) -> Reply {
        ask(&self.gateway, post("/v1/chat/completions", body.to_owned())).await
    }

    /// What the book has as used once all is told, tokens.
    async fn used_tokens(self) -> u64 {
        let used = self.used().await;
        assert_eq!(used.requests(), u64::from(used.tokens() > 0));
        used.tokens()
    }

    async fn used(self) -> Amount {
        self.client.shutdown().await.unwrap();
        self.server.used().into()
    }
}

fn streamed() -> String {
    CHAT.replacen('{', r#"{"stream":true,"#, 1)
}

#[tokio::test]
async fn an_answer_is_settled_by_its_usage() {
    let upstream = FakeUpstream::answering(r#"{"usage":{"total_tokens":30}}"#).await;
    let site = Site::new(&upstream.base).await;
    let reply = site.ask(CHAT).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers["x-ratelimit-limit-tokens"], "1000");
    assert!(reply.headers.contains_key("x-ratelimit-remaining-tokens"));
    assert!(!reply.headers.contains_key("x-ratelimit-limit-requests"));
    assert_eq!(reply.headers["ratelimit-policy"], r#""tokens";q=1000;w=60"#);
    assert!(reply.headers["ratelimit"].to_str().unwrap().starts_with(r#""tokens";r="#));
    assert_eq!(site.used_tokens().await, 30);
}

#[tokio::test]
async fn every_answer_says_what_is_left_and_none_mixes_it_with_the_provider_s() {
    for (status, limit) in [(200, "1000"), (400, "1000"), (503, "1000"), (429, "7")] {
        let upstream = FakeUpstream::start(Script {
            status: StatusCode::from_u16(status).unwrap(),
            headers: vec![("x-ratelimit-limit-tokens", "7"), ("x-ratelimit-other", "7")],
            chunks: vec!["{}"],
            ..Script::default()
        })
        .await;
        let site = Site::new(&upstream.base).await;
        let reply = site.ask(CHAT).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.headers["x-ratelimit-limit-tokens"]),
            (status, &limit.parse().unwrap())
        );
        assert_eq!(reply.headers.contains_key("x-ratelimit-other"), status == 429);
        assert_eq!(reply.headers.contains_key("ratelimit"), status != 429);
    }
}

#[tokio::test]
async fn a_stream_is_settled_by_its_usage() {
    let upstream = FakeUpstream::streaming(vec![STREAM_USAGE, "data: [DONE]\n\n"]).await;
    let site = Site::new(&upstream.base).await;
    assert_eq!(site.ask(&streamed()).await.status, 200);
    assert_eq!(site.used_tokens().await, 30);
}

#[tokio::test]
async fn usage_that_comes_with_the_pieces_counts_at_the_end() {
    let piece = "data: {\"choices\":[{}],\"usage\":{\"total_tokens\":20}}\n\n";
    let last = "data: {\"choices\":[{}],\"usage\":{\"total_tokens\":25}}\n\n";
    let upstream = FakeUpstream::streaming(vec![piece, last, "data: [DONE]\n\n"]).await;
    let site = Site::new(&upstream.base).await;
    assert_eq!(site.ask(&streamed()).await.status, 200);
    assert_eq!(site.used_tokens().await, 25);
}

#[tokio::test]
async fn unknown_usage_is_charged_in_full() {
    let upstream = FakeUpstream::answering("{}").await;
    let site = Site::new(&upstream.base).await;
    assert_eq!(site.ask(CHAT).await.status, 200);
    assert_eq!(site.used_tokens().await, RESERVED);
}

#[tokio::test]
async fn an_upstream_s_error_is_charged_in_full() {
    let upstream = FakeUpstream::start(Script {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        chunks: vec!["{}"],
        ..Script::default()
    })
    .await;
    let site = Site::new(&upstream.base).await;
    assert_eq!(site.ask(CHAT).await.status, 500);
    assert_eq!(site.used_tokens().await, RESERVED);
}

#[tokio::test]
async fn a_request_that_the_upstream_refuses_costs_no_tokens() {
    for (status, tokens) in
        [(400, 0), (401, 0), (422, 0), (429, 0), (409, RESERVED), (503, RESERVED)]
    {
        let status = StatusCode::from_u16(status).unwrap();
        let upstream =
            FakeUpstream::start(Script { status, chunks: vec!["{}"], ..Script::default() }).await;
        let site = Site::new(&upstream.base).await;
        assert_eq!(site.ask(CHAT).await.status, status);
        assert_eq!(site.used().await, Amount::new(tokens, 1), "{status}");
    }
}

#[tokio::test]
async fn one_deployment_of_a_group_is_asked_for_a_lease_and_not_all() {
    let upstream = FakeUpstream::answering(r#"{"usage":{"total_tokens":30}}"#).await;
    let server = FakeQuotaServer::start(LIMIT).await;
    let limited = entry("gpt", &upstream.base).replace("timeout", "tpm: 1000, timeout");
    let entries: String = (1..5).map(|no| limited.replace("gpt-1", &format!("gpt-{no}"))).collect();
    let rest = format!(
        "quota_server: {{url: '{}', default_max_output_tokens: 92, max_wait_ms: 5000}}\n",
        server.url
    );
    let (gateway, client) = gateway_and_client(&entries, &rest).await;
    assert_eq!(ask(&gateway, post("/v1/chat/completions", CHAT)).await.status, 200);
    client.shutdown().await.unwrap();
    assert_eq!(server.leases(), 1);
}

#[tokio::test]
async fn a_stream_without_usage_is_charged_in_full() {
    let upstream =
        FakeUpstream::streaming(vec!["data: {\"choices\":[{}]}\n\n", "data: [DONE]\n\n"]).await;
    let site = Site::new(&upstream.base).await;
    assert_eq!(site.ask(&streamed()).await.status, 200);
    assert_eq!(site.used_tokens().await, RESERVED);
}

#[tokio::test]
async fn a_caller_that_hangs_up_is_charged_in_full() {
    let piece = "data: {\"choices\":[{}],\"usage\":{\"total_tokens\":20}}\n\n";
    let upstream = FakeUpstream::streaming(vec![piece, STREAM_USAGE]).await;
    let site = Site::new(&upstream.base).await;
    let response = site.gateway.clone().oneshot(post("/v1/chat/completions", streamed()));
    let mut body = response.await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    assert_eq!(site.used_tokens().await, RESERVED);
}

#[tokio::test]
async fn what_was_never_sent_is_not_charged() {
    let site = Site::new("http://127.0.0.1:1").await;
    assert_eq!(site.ask(CHAT).await.status, 502);
    assert_eq!(site.used_tokens().await, 0);
}

#[tokio::test]
async fn when_the_window_is_used_up_it_is_openai_s_429() {
    let upstream = FakeUpstream::answering(r#"{"usage":{"total_tokens":500}}"#).await;
    let site = Site::new(&upstream.base).await;
    let body = CHAT.replacen('{', r#"{"max_tokens":492,"#, 1);
    assert_eq!(site.ask(&body).await.status, 200);
    assert_eq!(site.ask(&body).await.status, 200);
    let reply = site.ask(&body).await;
    assert_eq!(reply.status, 429);
    assert_eq!(reply.error()["type"], "tokens");
    assert_eq!(reply.error()["code"], "rate_limit_exceeded");
    let after_ms: u64 = reply.headers["retry-after-ms"].to_str().unwrap().parse().unwrap();
    // Up to a tenth later, but 2 s at most.
    assert!((1..=32_000).contains(&after_ms), "{after_ms}");
    assert_eq!(reply.headers["x-ratelimit-limit-tokens"], "1000");
    assert_eq!(upstream.arrivals().len(), 2);
}

#[tokio::test]
async fn a_request_above_the_limit_is_400() {
    let site = Site::new("http://127.0.0.1:1").await;
    let reply = site.ask(&CHAT.replacen('{', r#"{"max_tokens":993,"#, 1)).await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.error()["code"], "request_too_large");
}

#[tokio::test]
async fn without_a_quota_server_it_is_503_with_retry_after() {
    let limited = entry("gpt", "http://127.0.0.1:1").replace("timeout", "tpm: 1000, timeout");
    let rest = "quota_server: {url: 'http://127.0.0.1:1', max_wait_ms: 5000}\n";
    let gateway = gateway(&limited, rest).await;
    let reply = ask(&gateway, post("/v1/chat/completions", CHAT)).await;
    assert_eq!(reply.status, 503);
    assert_eq!(reply.error()["code"], "quota_unavailable");
    assert!(reply.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn what_one_deployment_has_no_room_for_another_takes() {
    let upstream = FakeUpstream::answering(r#"{"usage":{"total_tokens":30}}"#).await;
    let server = FakeQuotaServer::start(0).await;
    server.forget("gpt-2");
    let limited = entry("gpt", "http://127.0.0.1:1").replace("timeout", "tpm: 1000, timeout");
    let entries = limited + &entry("gpt", &upstream.base).replace("gpt-1", "gpt-2");
    let rest = format!("quota_server: {{url: '{}'}}\n", server.url);
    let gateway = gateway(&entries, &rest).await;
    for _ in 0..10 {
        let reply = ask(&gateway, post("/v1/chat/completions", CHAT)).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.headers["x-tokenlease-deployment"], "gpt-2");
    }
}

/// Half as much as `CHAT` reserves is left of the server's limit once it is drawn from.
#[tokio::test]
async fn an_entry_that_names_no_limits_has_those_of_the_server_as_soon_as_there_are_any() {
    let upstream = FakeUpstream::answering(r#"{"choices":[]}"#).await;
    let server = FakeQuotaServer::start(RESERVED + RESERVED / 2).await;
    server.forget("gpt-1");
    let rest = format!(
        "quota_server: {{url: '{}', default_max_output_tokens: 92, max_wait_ms: 5000}}\n",
        server.url
    );
    let (gateway, client) = gateway_and_client(&entry("gpt", &upstream.base), &rest).await;
    let chat = || ask(&gateway, post("/v1/chat/completions", CHAT));
    for _ in 0..5 {
        let reply = chat().await;
        assert_eq!(reply.status, 200, "it has no limits: {:?}", reply.body);
        assert!(!reply.headers.contains_key("x-ratelimit-limit-tokens"));
    }
    assert_eq!(server.leases(), 0);
    server.make("gpt-1");
    // Requests go on and find out; from then on the limit is kept.
    let mut tries = 0;
    while server.leases() == 0 {
        chat().await;
        tries += 1;
        assert!(tries < 10_000, "nobody asks again");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let told = loop {
        let reply = chat().await;
        if reply.status != 200 {
            break reply;
        }
        tries += 1;
        assert!(tries < 10_000, "there is a limit");
    };
    assert_eq!(told.error()["code"], "rate_limit_exceeded");
    client.shutdown().await.unwrap();
    assert!(server.used().tokens <= RESERVED + RESERVED / 2);
}
