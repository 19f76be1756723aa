//! LiteLLM's multi-instance load test: two deployments of 100 requests a minute in one model group,
//! batches of 600 concurrent chat requests at random gateways, sent by OpenAI's own client.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    process::Stdio,
};

use quota_api::DeploymentSpec;
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{ChildStdout, Command},
};
use upstream::AuditReport;

use super::{Options, Report, Row, Watch, faults, minute, slow_stream::of_minute};
use crate::{
    clock::MINUTE_MS,
    harness::{Gateway, HarnessError, Site},
};

const GROUP: &str = "chat";
const DEPLOYMENTS: [&str; 2] = ["s3-chat-a", "s3-chat-b"];
const LIMIT: u64 = 100;
const GATEWAYS: usize = 2;
const BATCHES: u64 = 10;
const CONCURRENCY: u64 = 600;
const EVERY_MS: u64 = 10_000;
/// Batches begin this long after a minute does, so that none of them straddles two.
const OFFSET_MS: u64 = 2_000;

/// Names a Python that has `tests/requirements.txt` installed.
const PYTHON: &str = "TOKENLEASE_PYTHON";
const TESTS: &str = env!("CARGO_MANIFEST_DIR");

/// What OpenAI's client makes of 503: a gateway whose server suffers may have no lease left.
const UNAVAILABLE: &str = "InternalServerError";

/// A line of `s3.py`.
#[derive(Debug, Deserialize)]
struct Batch {
    batch: u64,
    outcomes: BTreeMap<String, u64>,
}

pub(super) async fn play(options: &Options, watch: &Watch) -> Result<Report, HarnessError> {
    let python = python()?;
    let gateways = options.gateways.unwrap_or(GATEWAYS);
    watch.enter("starting");
    let Site { mut servers, gateways: asked, upstream } = site(gateways, options).await?;
    let first = minute::begin(watch).await;
    let until_unix_ms = first * MINUTE_MS + OFFSET_MS + BATCHES * EVERY_MS;
    let (batches, notes) = tokio::try_join!(
        run(&python, &asked, first, options.seed, watch),
        faults::run(&mut servers, until_unix_ms, options, watch),
    )?;
    let audit = upstream.audit().await?;
    let stage = options.stage();
    let mut report = Report::new(format!(
        "stock-client: two deployments of 100 requests a minute, {gateways} gateways, {stage}"
    ));
    report.notes = notes;
    for index in 0..minutes() {
        judge_minute(&mut report, &audit, &batches, first, index, gateways as u64);
    }
    judge_outcomes(&mut report, &batches, options.faults);
    Ok(report)
}

async fn site(gateways: usize, options: &Options) -> Result<Site, HarnessError> {
    let spec = DeploymentSpec {
        rpm_limit: Some(LIMIT),
        model_group: Some(GROUP.to_owned()),
        ..DeploymentSpec::default()
    };
    let builder = Site::builder().upstream_latency("const:500ms").gateways(gateways);
    let builder = builder.servers(options.rung, options.servers);
    let with_both = DEPLOYMENTS
        .iter()
        .fold(builder, |site, id| site.deployment(GROUP, id, "gpt-4o", spec.clone()));
    with_both.open().await
}

fn python() -> Result<PathBuf, HarnessError> {
    let of_venv = || Path::new(TESTS).join("../target/venv/bin/python");
    let path = env::var_os(PYTHON).map_or_else(of_venv, PathBuf::from);
    if path.exists() {
        return Ok(path);
    }
    let hint = format!(
        "python3 -m venv target/venv && target/venv/bin/pip install -r tests/requirements.txt, \
         or name a Python in {PYTHON}"
    );
    Err(HarnessError::Missing { path, hint })
}

async fn run(
    python: &Path,
    gateways: &[Gateway],
    first: u64,
    seed: u64,
    watch: &Watch,
) -> Result<Vec<Batch>, HarnessError> {
    let mut command = Command::new(python);
    command.arg(Path::new(TESTS).join("python/s3.py"));
    for gateway in gateways {
        command.args(["--gateway", gateway.process.url()]);
    }
    command
        .args(["--model", GROUP])
        .args(["--batches", &BATCHES.to_string()])
        .args(["--concurrency", &CONCURRENCY.to_string()])
        .args(["--first-at-unix-ms", &(first * MINUTE_MS + OFFSET_MS).to_string()])
        .args(["--seed", &seed.to_string()])
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(HarnessError::io("python"))?;
    let output = child.stdout.take().expect("its standard output is piped");
    let batches = read(BufReader::new(output).lines(), watch).await?;
    child.wait().await.map_err(HarnessError::io("python"))?;
    Ok(batches)
}

async fn read(
    mut lines: Lines<BufReader<ChildStdout>>,
    watch: &Watch,
) -> Result<Vec<Batch>, HarnessError> {
    let mut batches = Vec::new();
    watch.enter(format!("batch 1 of {BATCHES}"));
    while let Some(line) = lines.next_line().await.map_err(HarnessError::io("python"))? {
        let batch: Batch = serde_json::from_str(&line)
            .map_err(|why| HarnessError::io("a line of s3.py")(why.into()))?;
        watch.enter(format!("{} of {BATCHES} batches done: {:?}", batch.batch + 1, batch.outcomes));
        batches.push(batch);
    }
    Ok(batches)
}

/// In which of the minutes a batch begins.
fn minute_of(batch: u64) -> u64 {
    (OFFSET_MS + batch * EVERY_MS) / MINUTE_MS
}

fn minutes() -> u64 {
    minute_of(BATCHES - 1) + 1
}

fn judge_minute(
    report: &mut Report,
    audit: &AuditReport,
    batches: &[Batch],
    first: u64,
    index: u64,
    gateways: u64,
) {
    let in_minute = || batches.iter().filter(|batch| minute_of(batch.batch) == index);
    let count = |wanted: &dyn Fn(&str) -> bool| {
        let outcomes = in_minute().flat_map(|batch| &batch.outcomes);
        outcomes.filter(|(outcome, _)| wanted(outcome)).map(|(_, count)| count).sum::<u64>()
    };
    let mut total = 0;
    for id in DEPLOYMENTS {
        let admitted = of_minute(audit, id, first + index).requests;
        let span = format!("minute {}, {id}", index + 1);
        report.demand(format!("{span}: exactly {LIMIT}"), admitted == LIMIT, admitted.to_string());
        total += admitted;
    }
    let offered = count(&|_| true);
    report.rows.push(Row {
        span: format!("minute {}", index + 1),
        offered,
        admitted: total,
        denied: count(&|outcome| outcome.starts_with("denied")),
        unserved: count(&|outcome| !is_expected(outcome)),
        limit: LIMIT * DEPLOYMENTS.len() as u64,
        used: total,
        counted_apart: offered.min(gateways * LIMIT * DEPLOYMENTS.len() as u64),
    });
}

fn judge_outcomes(report: &mut Report, batches: &[Batch], faults: bool) {
    report.demand(
        "all batches are answered",
        batches.len() as u64 == BATCHES,
        batches.len().to_string(),
    );
    let outcomes = batches.iter().flat_map(|batch| &batch.outcomes);
    let is_strange = |outcome: &str| !(is_expected(outcome) || faults && outcome == UNAVAILABLE);
    let strange: Vec<_> = outcomes.filter(|(outcome, _)| is_strange(outcome)).collect();
    report.demand(
        "OpenAI's client gets an answer, or a RateLimitError with Retry-After and its code",
        strange.is_empty(),
        if strange.is_empty() { "nothing else".to_owned() } else { format!("{strange:?}") },
    );
}

fn is_expected(outcome: &str) -> bool {
    outcome == "denied" || DEPLOYMENTS.contains(&outcome)
}
