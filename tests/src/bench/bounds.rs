//! The memory of a server that callers fill with all that they may, under the limit that the chart
//! gives its pod.

use std::fs;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use quota_api::{AcquireItem, Ask, Batch, DeploymentSpec, Which, WindowKind, limits, routes};
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::clock;
use crate::harness::QuotaServer;

/// The pod's limit in the chart's values (`server.resources.limits.memory`).
const CHART_MIB: u64 = 1_024;
/// Credentials that ask for leases, each for all that it gets.
const CREDENTIALS: usize = 3;
/// Connections that send all of a body but its last bytes.
const HALF_SENT: usize = 600;
/// So many bytes: one is sent each second, to see whether the connection is still there.
const MISSING: usize = 100;
/// Connections that ask for pages, one request after another, and read nothing.
const UNREAD: usize = 300;
/// Requests that each of them sends.
const PIPELINED: usize = 200;
/// Deployments that have metrics of their own, so that the page of metrics is a long one.
const DEPLOYMENTS: usize = 1_000;
/// Before a server that answers 503 is asked again.
const BUSY: Duration = Duration::from_millis(50);
const MIB: f64 = 1_048_576.0;

#[derive(Deserialize)]
struct Answer {
    acquire: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    status: u16,
}

/// Leases until no credential gets another, in this minute and the next, while bodies stay half
/// sent and answers unread; then `kill -9`, and a start that reads all of it again. Prints the most
/// memory of both processes.
///
/// # Errors
/// The server does not come up, or goes down.
pub async fn bounds() -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    for kind in [WindowKind::Minute, WindowKind::Rolling] {
        let mut server = server(kind).await?;
        let address = server.address();
        let mut besides = JoinSet::new();
        (0..HALF_SENT).for_each(|_| keep_at(&mut besides, move || half_sent(address)));
        (0..UNREAD).for_each(|_| keep_at(&mut besides, move || unread(address)));
        let mut leases = 0;
        for _ in 0..2 {
            leases += fill(&server).await?;
            clock::sleep_until_unix_ms((clock::unix_minute() + 1) * clock::MINUTE_MS).await;
        }
        drop(besides);
        let filled = peak_mib(&server)?;
        server.kill_and_start_again().await?;
        let again = peak_mib(&server)?;
        lines.push(format!(
            "{kind:?}: {leases} leases in two minutes, {HALF_SENT} bodies half sent, {UNREAD} x {PIPELINED} answers unread: \
             {filled:.0} MiB at most; {again:.0} MiB while starting on its journal; the chart allows {CHART_MIB}"
        ));
    }
    Ok(lines)
}

async fn server(kind: WindowKind) -> anyhow::Result<QuotaServer> {
    let spec = DeploymentSpec {
        tpm_limit: Some(limits::MAX_LIMIT),
        window: kind,
        ..DeploymentSpec::default()
    };
    let mut builder = QuotaServer::builder()
        .flag(format!("--memory-mib={CHART_MIB}"))
        .flag("--log-level=error")
        .flag("--max-connections-per-ip=10000");
    for number in 0..CREDENTIALS {
        builder = builder.token(&token(number), "gateway", &token(number));
    }
    let ids = (0..DEPLOYMENTS).map(|number| format!("deployment-{number}"));
    Ok(ids.fold(builder, |builder, id| builder.deployment(id, spec.clone())).start().await?)
}

fn token(number: usize) -> String {
    format!("bench-credential-{number}")
}

/// Leases by all credentials until none of them gets another; how many that were.
async fn fill(server: &QuotaServer) -> anyhow::Result<usize> {
    let minute = clock::unix_minute();
    let mut credentials = JoinSet::new();
    for number in 0..CREDENTIALS {
        let url = format!("{}{}", server.process.url(), routes::BATCH);
        credentials.spawn(take_all(server.http().clone(), url, number, minute));
    }
    let mut sum = 0;
    while let Some(taken) = credentials.join_next().await {
        sum += taken??;
    }
    Ok(sum)
}

async fn take_all(
    http: reqwest::Client,
    url: String,
    number: usize,
    minute: u64,
) -> anyhow::Result<usize> {
    let mut taken = 0;
    for turn in 0.. {
        if clock::unix_minute() > minute {
            break;
        }
        let item = |index: usize| AcquireItem {
            deployment: format!("deployment-{}", (turn + index) % DEPLOYMENTS),
            request_id: format!("{minute}-{turn}-{index}"),
            tokens: Ask { min: 1, want: 1 },
            requests: Ask { min: 1, want: 1 },
            window: Which::Current,
        };
        let batch = Batch {
            holder: format!("bench-{number}"),
            acquire: (0..limits::MAX_BATCH_ITEMS).map(item).collect(),
            ..Batch::default()
        };
        let request = http.post(&url).bearer_auth(token(number)).json(&batch);
        let answer = request.send().await?;
        if answer.status().as_u16() == 503 {
            tokio::time::sleep(BUSY).await;
            continue;
        }
        let answer: Answer = answer.error_for_status()?.json().await?;
        let got = answer.acquire.iter().filter(|entry| entry.status == 201).count();
        taken += got;
        if got == 0 {
            break;
        }
    }
    Ok(taken)
}

/// Does it again and again: the server gives up such connections.
fn keep_at<F>(besides: &mut JoinSet<()>, what: impl Fn() -> F + Send + 'static)
where
    F: Future<Output = std::io::Result<()>> + Send,
{
    besides.spawn(async move {
        loop {
            if what().await.is_err() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    });
}

async fn half_sent(address: SocketAddr) -> std::io::Result<()> {
    let mut connection = TcpStream::connect(address).await?;
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        routes::BATCH,
        token(0),
        limits::MAX_BODY_BYTES
    );
    connection.write_all(head.as_bytes()).await?;
    connection.write_all(&vec![b' '; limits::MAX_BODY_BYTES - MISSING]).await?;
    until_closed(connection).await
}

async fn unread(address: SocketAddr) -> std::io::Result<()> {
    let mut connection = TcpStream::connect(address).await?;
    let request = format!("GET {} HTTP/1.1\r\nhost: localhost\r\n\r\n", routes::METRICS);
    connection.write_all(request.repeat(PIPELINED).as_bytes()).await?;
    until_closed(connection).await
}

/// Reads nothing; a reset shows when writing is tried.
async fn until_closed(mut connection: TcpStream) -> std::io::Result<()> {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        connection.write_all(b" ").await?;
    }
}

/// The most that the process had resident so far.
fn peak_mib(server: &QuotaServer) -> anyhow::Result<f64> {
    let path = format!("/proc/{}/status", server.process.pid().as_raw_nonzero());
    let status = fs::read_to_string(path)?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: f64 = line.and_then(|line| line.split_whitespace().next()).unwrap_or("0").parse()?;
    Ok(kib * 1_024.0 / MIB)
}
