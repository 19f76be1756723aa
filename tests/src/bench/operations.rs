//! What each operation of the API costs with more and more leases out, for both kinds of window.

use std::time::Duration;

use anyhow::Context as _;
use quota_api::{
    AcquireItem, Ask, Batch, DeploymentSpec, GiveBackItem, LeasePolicy, UsedItem, Which,
    WindowKind, limits, routes,
};
use serde::Deserialize;

use super::rounds::median;
use crate::clock;
use crate::harness::QuotaServer;

/// Leases out when it begins.
const OUT: [usize; 3] = [1, 1_000, 1_000_000];
/// Entries of a call: as many as it may have, so that the call itself and its commit weigh little.
const ENTRIES: usize = limits::MAX_BATCH_ITEMS;
/// Times that each call is measured, each time on a deployment that nothing was measured on, where
/// the deployment is quickly filled.
const SAMPLES: usize = 15;
/// As long as may be: so they stay out.
const LIFE_MS: u64 = 30_000;
/// So much of a minute is needed for all of it.
const ROOM_S: u64 = 50;
const HOLDER: &str = "bench";
/// A limit that a single ask can be above of what is left, and that so many leases of one token
/// never fill.
const LIMIT: u64 = limits::MAX_LEASE_TOKENS;

/// What is measured, in the order of the calls on one deployment.
const OPERATIONS: [&str; 6] = [
    "acquire",
    "acquire, repeated",
    "use",
    "return",
    "denial",
    "page of one lease (of one, not 1 024)",
];

/// The place of the page, which is a call of its own.
const PAGE: usize = OPERATIONS.len() - 1;

/// A deployment with leases out, and the latest of them.
struct Filled {
    id: String,
    leases: Vec<String>,
}

/// What a batch is answered, as far as it is of use here.
#[derive(Deserialize)]
struct Answer {
    acquire: Vec<Entry>,
    give_back: Vec<Entry>,
    used: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    status: u16,
    body: Option<serde_json::Value>,
}

/// Each operation in batches of 1 024 on one deployment with 1, 1 000 and 1 000 000 leases out, as
/// a gateway that asks for nothing else sees it.
///
/// # Errors
/// The server does not come up, or answers otherwise than it should.
pub async fn operations() -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    for kind in [WindowKind::Minute, WindowKind::Rolling] {
        let server = server(kind).await?;
        let minute = clock::minute_with_room(ROOM_S).await;
        let filled = fill(&server).await?;
        let mut took = OPERATIONS.map(|_| OUT.map(|_| Vec::new()));
        for sample in 0..SAMPLES {
            for (size, deployments) in filled.iter().enumerate() {
                let deployment = &deployments[sample % deployments.len()];
                let times = measure(&server, deployment, sample).await?;
                for (operation, time) in times.into_iter().enumerate() {
                    took[operation][size]
                        .push(time.as_secs_f64() * 1e6 / entries(operation) as f64);
                }
            }
        }
        anyhow::ensure!(clock::unix_minute() == minute, "all of it has to be in one minute");
        lines.push(format!(
            "{kind:?}: µs an entry of {ENTRIES}, with {OUT:?} leases out; largest / smallest"
        ));
        lines.extend(OPERATIONS.iter().zip(took).map(|(name, took)| line(name, took)));
    }
    Ok(lines)
}

/// How many of an operation are in its call.
fn entries(operation: usize) -> usize {
    if operation == PAGE { 1 } else { ENTRIES }
}

fn line(name: &str, took: [Vec<f64>; OUT.len()]) -> String {
    let medians = took.map(|samples| median(samples.into_iter()));
    let smallest = medians.iter().copied().fold(f64::INFINITY, f64::min);
    let largest = medians.iter().copied().fold(0.0, f64::max);
    let [one, thousand, million] = medians;
    format!("| {name} | {one:.2} | {thousand:.2} | {million:.2} | {:.2} |", largest / smallest)
}

/// How many deployments have so many leases: one where filling it takes long.
fn deployments(out: usize) -> usize {
    if out > ENTRIES { 1 } else { SAMPLES }
}

async fn server(kind: WindowKind) -> anyhow::Result<QuotaServer> {
    let spec = DeploymentSpec {
        tpm_limit: Some(LIMIT),
        window: kind,
        lease: LeasePolicy { life_ms: Some(LIFE_MS), ..LeasePolicy::default() },
        ..DeploymentSpec::default()
    };
    let ids = OUT.iter().flat_map(|&out| (0..deployments(out)).map(move |no| id(out, no)));
    let builder = QuotaServer::builder().flag("--log-level=warn");
    Ok(ids.fold(builder, |builder, id| builder.deployment(id, spec.clone())).start().await?)
}

fn id(out: usize, number: usize) -> String {
    format!("out-{out}-{number}")
}

async fn fill(server: &QuotaServer) -> anyhow::Result<Vec<Vec<Filled>>> {
    let mut filled = Vec::new();
    for out in OUT {
        let mut of_size = Vec::new();
        for number in 0..deployments(out) {
            let id = id(out, number);
            let mut leases = Vec::new();
            for first in (0..out).step_by(ENTRIES) {
                let names = (first..out.min(first + ENTRIES)).map(|name| format!("before-{name}"));
                leases = granted(&post(server, &acquire(&id, names, 1)).await?.0)?;
            }
            of_size.push(Filled { id, leases });
        }
        filled.push(of_size);
    }
    Ok(filled)
}

/// One call of each of [`OPERATIONS`], and how long it took.
async fn measure(
    server: &QuotaServer,
    on: &Filled,
    sample: usize,
) -> anyhow::Result<[Duration; OPERATIONS.len()]> {
    let names =
        |what: &'static str| (0..ENTRIES).map(move |name| format!("{what}-{sample}-{name}"));
    let asked = acquire(&on.id, names("new"), 1);
    let (answer, acquire_took) = post(server, &asked).await?;
    let new = granted(&answer)?;
    let (answer, repeat_took) = post(server, &asked).await?;
    anyhow::ensure!(granted(&answer)? == new, "a repeat gets the same leases");
    // Of the leases that were there before, as many times as there are entries.
    let leases = || on.leases.iter().cycle().take(ENTRIES).cloned();
    let used = leases().map(|lease_id| UsedItem {
        lease_id,
        tokens: 1,
        requests: 1,
        overrun: quota_api::Amount::default(),
    });
    let (answer, use_took) = post(server, &Batch { used: used.collect(), ..empty() }).await?;
    anyhow::ensure!(answer.used.iter().all(|entry| entry.status == 200), "every use is taken");
    let back = new.into_iter().map(|lease_id| GiveBackItem {
        lease_id,
        tokens: 1,
        requests: 1,
        closed: true,
    });
    let (answer, return_took) =
        post(server, &Batch { give_back: back.collect(), ..empty() }).await?;
    anyhow::ensure!(
        answer.give_back.iter().all(|entry| entry.status == 200),
        "every return is taken"
    );
    let (answer, denial_took) = post(server, &acquire(&on.id, names("denied"), LIMIT)).await?;
    anyhow::ensure!(answer.acquire.iter().all(|entry| entry.status == 429), "none of it fits");
    let page_took = page(server, &on.id).await?;
    Ok([acquire_took, repeat_took, use_took, return_took, denial_took, page_took])
}

fn empty() -> Batch {
    Batch { holder: HOLDER.to_owned(), ..Batch::default() }
}

fn acquire(id: &str, names: impl Iterator<Item = String>, tokens: u64) -> Batch {
    let item = |request_id| AcquireItem {
        deployment: id.to_owned(),
        request_id,
        tokens: Ask { min: tokens, want: tokens },
        requests: Ask { min: 1, want: 1 },
        window: Which::Current,
    };
    Batch { acquire: names.map(item).collect(), ..empty() }
}

async fn post(server: &QuotaServer, batch: &Batch) -> anyhow::Result<(Answer, Duration)> {
    let body = serde_json::to_vec(batch)?;
    let began = clock::instant();
    let request = server.http().post(format!("{}{}", server.process.url(), routes::BATCH));
    let answer = request.header("content-type", "application/json").body(body).send().await?;
    let bytes = answer.error_for_status()?.bytes().await?;
    let took = began.elapsed();
    Ok((serde_json::from_slice(&bytes)?, took))
}

async fn page(server: &QuotaServer, id: &str) -> anyhow::Result<Duration> {
    let path = routes::DEPLOYMENT_LEASES.replace("{id}", id);
    let began = clock::instant();
    let request = server.http().get(format!("{}{path}?limit=1", server.process.url()));
    request.send().await?.error_for_status()?.bytes().await?;
    Ok(began.elapsed())
}

fn granted(answer: &Answer) -> anyhow::Result<Vec<String>> {
    let ids = answer.acquire.iter().map(|entry| {
        let id = entry.body.as_ref().and_then(|body| body.get("lease_id")?.as_str());
        id.map(str::to_owned).with_context(|| format!("answered {}", entry.status))
    });
    ids.collect()
}
