//! LiteLLM's issue 27736: a limit of 500 tokens, 15 tokens a request, one request every 0.67 s on
//! all gateways in turn. 33 fit in a minute.

use std::time::Duration;

use quota_api::DeploymentSpec;
use upstream::{AuditReport, Tally};

use super::{Options, Report, Row, Watch, faults, kills, minute, report::Counted};
use crate::{
    clock::MINUTE_MS,
    harness::{HarnessError, Site, SiteBuilder},
    load::{self, Answer, Offer, Targets},
};

pub(super) const DEPLOYMENT: &str = "s1-embeddings";
pub(super) const GROUP: &str = "embeddings";
pub(super) const MODEL: &str = "text-embedding-3-small";
pub(super) const PATH: &str = "/v1/embeddings";
pub(super) const LIMIT: u64 = 500;
pub(super) const REQUEST_TOKENS: u64 = 15;
/// As many as fit.
pub(super) const FITTING: u64 = LIMIT / REQUEST_TOKENS;

const SPACE: Duration = Duration::from_millis(670);
const GATEWAYS: usize = 5;
const MINUTES: u64 = 2;

/// `slow-stream`'s deployment and upstream, for `cold-burst` and `server-death` too.
pub(super) fn site() -> SiteBuilder {
    Site::builder().upstream_latency("const:500ms").deployment(GROUP, DEPLOYMENT, MODEL, spec())
}

pub(super) fn spec() -> DeploymentSpec {
    DeploymentSpec {
        tpm_limit: Some(LIMIT),
        rpm_limit: Some(600_000),
        model_group: Some(GROUP.to_owned()),
        ..DeploymentSpec::default()
    }
}

pub(super) async fn play(options: &Options, watch: &Watch) -> Result<Report, HarnessError> {
    let gateways = options.gateways.unwrap_or(GATEWAYS);
    let minutes = options.minutes.unwrap_or(MINUTES);
    watch.enter("starting");
    let site = site().gateways(gateways).servers(options.rung, options.servers);
    let mut site = site.open().await?;
    let targets = Targets::of(&site)?;
    let first = minute::begin(watch).await;
    watch.enter(format!("{minutes} min on {gateways} gateways"));
    let body = load::embedding(GROUP, 15);
    let calls = load::every(SPACE, Duration::from_secs(60 * minutes), PATH, &body);
    let mishaps = async {
        let mut notes = kills::run(&mut site, &targets, (first, minutes), options, watch).await?;
        let until_unix_ms = (first + minutes) * MINUTE_MS;
        notes.extend(faults::run(&mut site.servers, until_unix_ms, options, watch).await?);
        Ok::<_, HarnessError>(notes)
    };
    let (answers, notes) = tokio::join!(Offer::to(&targets, &watch.progress).send(calls), mishaps);
    let audit = site.upstream.audit().await?;
    let stage = options.stage();
    let mut report =
        Report::new(format!("slow-stream: 500 tokens a minute, {gateways} gateways, {stage}"));
    report.notes = notes?;
    for number in first..first + minutes {
        let least = least(&site, options, number == first, number).await?;
        judge(&mut report, &audit, &answers, (first, number), least, gateways as u64);
    }
    report.demand_polite(&answers);
    demand_nothing_lost(&mut report, options, &answers);
    Ok(report)
}

/// All that fit; less what ended without word where a gateway was killed, or servers suffered. None
/// of a minute that nothing vouches for.
async fn least(
    site: &Site,
    options: &Options,
    is_first: bool,
    number: u64,
) -> Result<u64, HarnessError> {
    if options.fail_over && is_first {
        return Ok(0);
    }
    if !(options.kill_gateway && is_first || options.faults) {
        return Ok(FITTING);
    }
    let burnt = site.servers.book(DEPLOYMENT, number).await?.map_or(0, |book| book.burnt.tokens);
    Ok(LIMIT.saturating_sub(burnt) / REQUEST_TOKENS)
}

fn judge(
    report: &mut Report,
    audit: &AuditReport,
    answers: &[Answer],
    (first, number): (u64, u64),
    least: u64,
    gateways: u64,
) {
    let tally = of_minute(audit, DEPLOYMENT, number);
    let row = row(&format!("minute {}", number - first + 1), tally, answers, number, gateways);
    let text = if least == FITTING {
        format!("{}: exactly {FITTING} admitted", row.span)
    } else {
        format!(
            "{}: from {least} to {FITTING} admitted (33 less what ended without word)",
            row.span
        )
    };
    report.demand(text, (least..=FITTING).contains(&tally.requests), tally.requests.to_string());
    report.rows.push(row);
}

/// A minute of `slow-stream`'s deployment.
pub(super) fn row(span: &str, tally: Tally, answers: &[Answer], number: u64, gateways: u64) -> Row {
    let counted = Counted::of_minute(answers, number);
    Row {
        span: span.to_owned(),
        offered: counted.offered,
        admitted: tally.requests,
        denied: counted.denied,
        unserved: counted.unserved,
        limit: LIMIT,
        used: tally.used_tokens,
        counted_apart: counted.offered.min(gateways * FITTING) * REQUEST_TOKENS,
    }
}

/// What reached the upstream for a deployment in a minute.
pub(super) fn of_minute(audit: &AuditReport, deployment: &str, number: u64) -> Tally {
    let minutes = audit.keys.get(deployment).map(|audit| &audit.minutes);
    minutes.and_then(|minutes| minutes.get(&number)).copied().unwrap_or_default()
}

/// As long as no gateway was killed, each answers everything.
fn demand_nothing_lost(report: &mut Report, options: &Options, answers: &[Answer]) {
    let lost = answers.iter().filter(|answer| answer.is_failure()).count();
    if !options.kill_gateway {
        report.demand(
            "every request is answered with 200, 429 or 503",
            lost == 0,
            format!("{lost} are not"),
        );
    }
}
