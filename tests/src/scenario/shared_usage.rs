//! LiteLLM's lowest usage: a model group of two deployments, one twice as large as the other, and
//! the one that all gateways together have used less of in this minute takes the next request, if
//! it has room. The quota server is killed and started again in between.

use std::time::Duration;

use quota_api::DeploymentSpec;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;
use upstream::{Arrival, AuditReport, Fate};

use super::{Options, Report, Row, Watch, minute, report::Counted, slow_stream::of_minute};
use crate::{
    clock::MINUTE_MS,
    harness::{HarnessError, Site, SiteBuilder},
    load::{self, Answer, Call, Offer, Targets},
};

const GROUP: &str = "s5-group";
const MODEL: &str = "text-embedding-3-small";
const PATH: &str = "/v1/embeddings";

/// A deployment with its limits in tokens and in requests a minute.
const DEPLOYMENTS: [(&str, u64, u64); 2] = [("s5-1", 100_000, 500), ("s5-2", 200_000, 1_000)];
const GATEWAYS: usize = 8;
const MINUTES: u64 = 2;
/// Tokens of a request, as likely as each other: 250 in the mean, so that tokens run out before
/// requests do.
const SIZES: [usize; 5] = [50, 100, 200, 300, 600];
/// 1.4 times what fits.
const SPACE: Duration = Duration::from_millis(36);
const SPAN: Duration = Duration::from_secs(59);
/// When the server is killed, ms from the first minute's beginning.
const KILLED_AT_MS: u64 = 10_000;
/// The two may be so far apart: what all gateways use in some four seconds, which is how old their
/// news may be when the server was away.
const APART: u64 = 25_000;

fn site() -> SiteBuilder {
    let spec = |tpm, rpm| DeploymentSpec {
        tpm_limit: Some(tpm),
        rpm_limit: Some(rpm),
        model_group: Some(GROUP.to_owned()),
        ..DeploymentSpec::default()
    };
    let site = Site::builder()
        .upstream_latency("const:100ms")
        .router_settings(json!({"routing_strategy": "usage-based-routing-v2"}));
    DEPLOYMENTS
        .iter()
        .fold(site, |site, &(id, tpm, rpm)| site.deployment(GROUP, id, MODEL, spec(tpm, rpm)))
}

pub(super) async fn play(options: &Options, watch: &Watch) -> Result<Report, HarnessError> {
    let gateways = options.gateways.unwrap_or(GATEWAYS);
    let minutes = options.minutes.unwrap_or(MINUTES);
    watch.enter("starting");
    let mut site = site().gateways(gateways).servers(options.rung, options.servers).open().await?;
    let targets = Targets::of(&site)?;
    let first = minute::begin(watch).await;
    let kill = async {
        minute::at(first, KILLED_AT_MS).await;
        site.servers.seats[0].server.kill_and_start_again().await
    };
    let offer = async {
        let mut answers = Vec::new();
        for index in 0..minutes {
            watch.enter(format!("minute {} of {minutes} on {gateways} gateways", index + 1));
            minute::at(first + index, 0).await;
            let calls = calls(options.seed.wrapping_add(index));
            answers.extend(Offer::to(&targets, &watch.progress).send(calls).await);
        }
        answers
    };
    let (answers, killed) = tokio::join!(offer, kill);
    killed?;
    let (audit, arrivals) = (site.upstream.audit().await?, site.upstream.arrivals().await?);
    let mut report = Report::new(format!(
        "shared-usage: two deployments by usage, {gateways} gateways, {}",
        options.stage()
    ));
    report
        .notes
        .push(format!("quota server killed and started again {KILLED_AT_MS} ms into minute 1"));
    for index in 0..minutes {
        judge(&mut report, &audit, &arrivals, &answers, (first + index, index));
    }
    report.demand_polite(&answers);
    let failures = answers.iter().filter(|answer| answer.is_failure()).count();
    report.demand(
        "every request is answered with 200, 429 or 503",
        failures == 0,
        failures.to_string(),
    );
    Ok(report)
}

fn calls(seed: u64) -> Vec<Call> {
    let mut rng = StdRng::seed_from_u64(seed);
    let bodies = load::embedding_sized(GROUP, SIZES);
    let calls = load::every(SPACE, SPAN, PATH, &bodies[0].1);
    calls
        .map(|call| Call { body: bodies[rng.random_range(0..bodies.len())].1.clone(), ..call })
        .collect()
}

fn judge(
    report: &mut Report,
    audit: &AuditReport,
    arrivals: &[Arrival],
    answers: &[Answer],
    (minute, index): (u64, u64),
) {
    let counted = Counted::of_minute(answers, minute);
    for (id, tpm, rpm) in DEPLOYMENTS {
        let tally = of_minute(audit, id, minute);
        let span = format!("minute {}, {id}", index + 1);
        let (tokens, requests) = (tally.used_tokens, tally.requests);
        let found = format!("{tokens} tokens, {requests} requests");
        let holds = tokens <= tpm && requests <= rpm;
        report.demand(
            format!("{span}: never above {tpm} tokens, {rpm} requests"),
            holds,
            found.clone(),
        );
        report.demand(format!("{span}: at least 97 % are used"), tokens * 100 >= tpm * 97, found);
        report.rows.push(Row {
            span,
            offered: counted.offered,
            admitted: requests,
            denied: counted.denied,
            unserved: counted.unserved,
            limit: tpm,
            used: tokens,
            counted_apart: 0,
        });
    }
    let apart = apart(arrivals, minute);
    report.demand(
        format!(
            "minute {}: as long as both have room they are less than {APART} tokens apart",
            index + 1
        ),
        apart < APART,
        apart.to_string(),
    );
}

/// How far the two were apart at most, in tokens used, as long as the smaller had a tenth left.
fn apart(arrivals: &[Arrival], minute: u64) -> u64 {
    let [(smaller, limit, _), _] = DEPLOYMENTS;
    let (mut used, mut apart) = ([0_u64; 2], 0);
    let of_minute = arrivals.iter().filter(|it| it.at_unix_ms / MINUTE_MS == minute);
    for arrival in of_minute.filter(|arrival| arrival.fate == Fate::Served) {
        used[usize::from(arrival.key != smaller)] += arrival.used_tokens;
        if used[0] > limit / 10 * 9 {
            break;
        }
        apart = apart.max(used[0].abs_diff(used[1]));
    }
    apart
}
