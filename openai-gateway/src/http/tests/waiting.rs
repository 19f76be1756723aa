//! Requests that wait for room.

use tokio::task::yield_now;

use super::quota::FakeQuotaServer;
use super::upstream::FakeUpstream;
use super::*;

const STREAM: &str = "data: {\"choices\":[{}]}\n\n";
const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"total_tokens\":30}}\n\n";

/// Of two requests that need nearly all of the limit the second is denied; what the first then
/// doesn't use would be enough. How the second ends.
async fn second_of_two(wait_for_room_ms: u64) -> Reply {
    let upstream = FakeUpstream::streaming(vec![STREAM, USAGE, "data: [DONE]\n\n"]).await;
    let server = FakeQuotaServer::start(1_000).await;
    let limited = entry("gpt", &upstream.base).replace("timeout", "tpm: 1000, timeout");
    let rest = format!(
        "quota_server: {{url: '{}', max_wait_ms: 5000, wait_for_room_ms: {wait_for_room_ms}}}\n",
        server.url
    );
    let gateway = gateway(&limited, &rest).await;
    let large = CHAT.replacen('{', r#"{"stream":true,"max_tokens":900,"#, 1);
    let asked = gateway.clone().oneshot(post("/v1/chat/completions", large.clone()));
    let first = asked.await.unwrap();
    let settled = async {
        while server.denials() == 0 {
            yield_now().await;
        }
        first.into_body().collect().await.unwrap();
    };
    let second = ask(&gateway, post("/v1/chat/completions", large));
    tokio::join!(second, settled).0
}

#[tokio::test]
async fn what_another_does_not_use_is_waited_for() {
    assert_eq!(second_of_two(60_000).await.status, 200);
}

#[tokio::test]
async fn nobody_waits_unless_told_to() {
    let denied = second_of_two(0).await;
    assert_eq!((denied.status.as_u16(), denied.error()["type"].as_str()), (429, Some("tokens")));
}
