//! One trace leads from a caller of a gateway to the commit of the lease that its request was drawn
//! from.

use std::{collections::BTreeMap, sync::Arc};

use quota_api::DeploymentSpec;
use tests::{
    harness::{Gateway, Process, QuotaServer, Route, wait},
    load::embedding,
    otlp::{Collector, Span},
};

use super::{town::LARGE, traffic::acquire};

const TRACE: &str = "0123456789abcdef0123456789abcdef";
const CALLER: &str = "89abcdef01234567";

async fn server(collector: &Collector) -> QuotaServer {
    let spec = DeploymentSpec { tpm_limit: Some(1_000_000), ..DeploymentSpec::default() };
    let builder = QuotaServer::builder().deployment(LARGE, spec);
    builder.flag(format!("--otlp-endpoint={}", collector.url())).start().await.unwrap()
}

#[tokio::test]
async fn a_trace_leads_from_the_caller_to_the_commit_and_to_the_provider() {
    let collector = Collector::start().await.unwrap();
    let server = server(&collector).await;
    let route = Route {
        group: LARGE.to_owned(),
        deployment: LARGE.to_owned(),
        model: "text-embedding-3-small".to_owned(),
        tpm: Some(1_000_000),
        rpm: None,
        base: None,
    };
    // The collector is the provider too, and tells which trace its callers are of.
    let gateway = Gateway::builder("gw", server.process.url(), &collector.url());
    let gateway = gateway.routes(&[route]).flag(format!("--otlp-endpoint={}", collector.url()));
    let gateway = gateway.start().await.unwrap();
    ask(&gateway.process).await;

    let chain = ["request", "wait", "batch", "request", "ledger", "commit"];
    let spans = wait::until("a trace from caller to commit", wait::START, || {
        let spans = collector.spans_of(TRACE);
        async move { (chain_of(&spans).as_deref() == Some(&chain[..])).then_some(spans) }
    });
    let spans = spans.await.unwrap_or_else(|why| panic!("{why}: {:#?}", collector.spans_of(TRACE)));
    let of = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    assert_eq!(of("commit")[0].service, "quota-server");
    assert_eq!(of("batch")[0].service, "openai-gateway");
    let [upstream] = of("upstream")[..] else { panic!("{spans:#?}") };
    let provider = format!("00-{TRACE}-{}-01", upstream.id);
    assert_eq!(collector.provider_was_told(), [provider]);
}

/// The names on the way from the caller to the commit.
fn chain_of(spans: &[Span]) -> Option<Vec<&str>> {
    let by_id: BTreeMap<&str, &Span> = spans.iter().map(|span| (span.id.as_str(), span)).collect();
    let mut at = spans.iter().find(|span| span.name == "commit")?;
    let mut names = vec![at.name.as_str()];
    while at.parent != CALLER {
        at = by_id.get(at.parent.as_str())?;
        names.push(&at.name);
    }
    names.reverse();
    Some(names)
}

async fn ask(gateway: &Process) {
    let call = reqwest::Client::new()
        .post(format!("{}/v1/embeddings", gateway.url()))
        .header("content-type", "application/json")
        .header("traceparent", format!("00-{TRACE}-{CALLER}-01"));
    call.body(embedding(LARGE, 20)).send().await.unwrap().error_for_status().unwrap();
}

/// More spans than may wait for a collector.
const CALLS: u64 = 1_500;

#[tokio::test]
async fn nobody_waits_for_a_collector_that_hangs() {
    let collector = Collector::start().await.unwrap();
    collector.hang();
    let server = server(&collector).await;
    let http = Arc::new(reqwest::Client::new());
    for number in 0..CALLS {
        let call = http.post(format!("{}/v1/leases", server.process.url()));
        let answer = call.json(&acquire(LARGE, number, 1)).send().await.unwrap();
        assert_eq!(answer.status(), 201);
    }
    let lost = wait::until("spans that are dropped", wait::START, || async {
        let text = reqwest::get(format!("{}/metrics", server.process.url())).await.ok()?;
        let text = text.text().await.ok()?;
        let dropped = text.lines().find_map(|line| {
            line.strip_prefix("trace_spans_total{outcome=\"dropped\"} ")?.parse::<u64>().ok()
        })?;
        (dropped > 0).then_some(dropped)
    });
    assert!(lost.await.unwrap() < CALLS * 3);
}
