//! A gateway whose providers fail, as processes: a group of two, one of which is of no use.

use serde_json::json;
use tests::harness::{Gateway, QuotaServer, Route, Upstream};

const GROUP: &str = "pair";
const GOOD: &str = "pair-good";
const DEAD: &str = "pair-dead";
const REQUESTS: u64 = 1_000;

fn route(deployment: &str, base: Option<&str>) -> Route {
    Route {
        group: GROUP.to_owned(),
        deployment: deployment.to_owned(),
        model: "gpt-4o".to_owned(),
        tpm: None,
        rpm: None,
        base: base.map(str::to_owned),
    }
}

/// Asks one gateway a thousand times, eight requests at a time. Answers with how many failed, and
/// how many reached the dead deployment.
async fn ask(upstream: &Upstream, dead_base: Option<&str>) -> (u64, u64) {
    let server = QuotaServer::builder().start().await.unwrap();
    let gateway = Gateway::builder("gw", server.process.url(), upstream.process.url());
    let routes = [route(GOOD, None), route(DEAD, dead_base)];
    let gateway = gateway.routes(&routes).start().await.unwrap();
    let url = format!("{}/v1/chat/completions", gateway.process.url());
    let http = reqwest::Client::new();
    let body = json!({"model": GROUP, "messages": [{"role": "user", "content": "hello"}]});
    let mut failed = 0;
    for _ in 0..REQUESTS / 8 {
        let asks = (0..8).map(|_| http.post(&url).json(&body).send());
        for answer in futures_util::future::join_all(asks).await {
            failed += u64::from(!answer.unwrap().status().is_success());
        }
    }
    let audit = upstream.audit().await.unwrap();
    (failed, audit.keys.get(DEAD).map_or(0, |key| key.total.requests))
}

#[tokio::test]
async fn none_of_a_thousand_fails_where_one_of_two_refuses_connections() {
    let upstream = Upstream::builder().start().await.unwrap();
    assert_eq!(ask(&upstream, Some("http://127.0.0.1:1/v1")).await.0, 0);
}

#[tokio::test]
async fn none_of_a_thousand_fails_where_one_of_two_denies_all_and_is_left_alone() {
    let upstream = Upstream::builder().flag(format!("--deny={DEAD}=20")).start().await.unwrap();
    let (failed, wasted) = ask(&upstream, None).await;
    assert_eq!(failed, 0);
    // Those of the first eight that were under way when the first was denied, and the trials since.
    assert!((1..=8 + 3).contains(&wasted), "{wasted}");
}
