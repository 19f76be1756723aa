//! 300 requests at once, from cold: embeddings, then chat with `max_tokens`. As many as fit, and
//! not one more.

use std::time::Duration;

use bytes::Bytes;
use quota_api::DeploymentSpec;
use upstream::Arrival;

use super::{
    Options, Report, Row, Watch,
    faults::{self, Fault},
    report::Counted,
    slow_stream::{self, FITTING, LIMIT, REQUEST_TOKENS},
};
use crate::{
    clock,
    harness::{HarnessError, Site},
    load::{self, Answer, Call, Offer, Targets},
};

const CHAT_DEPLOYMENT: &str = "s6-chat";
const CHAT_GROUP: &str = "chat";
const CHAT_PATH: &str = "/v1/chat/completions";
const GATEWAYS: usize = 5;
const AT_ONCE: usize = 300;
/// "Within the second": from the first request sent to the last admitted one's arrival.
const SECOND_MS: u64 = 1_000;
/// What a burst needs of a minute, in seconds.
const ROOM_S: u64 = 10;

struct Burst {
    what: &'static str,
    deployment: &'static str,
    path: &'static str,
    body: Bytes,
    /// What befalls a server in the moment before, if servers are to suffer.
    fault: Fault,
}

pub(super) async fn play(options: &Options, watch: &Watch) -> Result<Report, HarnessError> {
    let gateways = options.gateways.unwrap_or(GATEWAYS);
    watch.enter("starting");
    let spec = DeploymentSpec { model_group: Some(CHAT_GROUP.to_owned()), ..slow_stream::spec() };
    let builder = slow_stream::site().deployment(CHAT_GROUP, CHAT_DEPLOYMENT, "gpt-4o", spec);
    let builder = builder.gateways(gateways).servers(options.rung, options.servers);
    let mut site = builder.open().await?;
    let stage = options.stage();
    let mut report = Report::new(format!(
        "cold-burst: {AT_ONCE} requests at once, {gateways} gateways, {stage}"
    ));
    for burst in bursts() {
        fire(&burst, &mut site, watch, &mut report, options).await?;
    }
    Ok(report)
}

/// Both kinds of request reserve 15 tokens: the chat's form costs 7, its text 1, its answer 7.
fn bursts() -> [Burst; 2] {
    [
        Burst {
            what: "embeddings",
            deployment: slow_stream::DEPLOYMENT,
            path: slow_stream::PATH,
            body: load::embedding(slow_stream::GROUP, 15),
            fault: Fault::Killed,
        },
        Burst {
            what: "chat with max_tokens",
            deployment: CHAT_DEPLOYMENT,
            path: CHAT_PATH,
            body: load::chat(CHAT_GROUP, 1, 7),
            fault: Fault::Paused,
        },
    ]
}

async fn fire(
    burst: &Burst,
    site: &mut Site,
    watch: &Watch,
    report: &mut Report,
    options: &Options,
) -> Result<(), HarnessError> {
    let targets = Targets::of(site)?;
    watch.enter(format!("{AT_ONCE} at once: {}", burst.what));
    let number = clock::minute_with_room(ROOM_S).await;
    let strike = faults::strike(&mut site.servers, burst.fault, options)?;
    report.notes.extend(strike.as_ref().map(|strike| strike.to_string()));
    let call = |turn| Call { at: Duration::ZERO, turn, path: burst.path, body: burst.body.clone() };
    let answers = Offer::to(&targets, &watch.progress).send((0..AT_ONCE).map(call)).await;
    if let Some(strike) = strike {
        strike.end(&mut site.servers).await?;
    }
    judge(burst, site, (number, &answers), report, options).await
}

async fn judge(
    burst: &Burst,
    site: &Site,
    (number, answers): (u64, &[Answer]),
    report: &mut Report,
    options: &Options,
) -> Result<(), HarnessError> {
    let audit = site.upstream.audit().await?;
    let tally = slow_stream::of_minute(&audit, burst.deployment, number);
    let counted = Counted::of(answers);
    report.rows.push(Row {
        span: burst.what.to_owned(),
        offered: counted.offered,
        admitted: tally.requests,
        denied: counted.denied,
        unserved: counted.unserved,
        limit: LIMIT,
        used: tally.reserved_tokens,
        counted_apart: counted.offered.min(site.gateways.len() as u64 * FITTING) * REQUEST_TOKENS,
    });
    let total = audit.keys.get(burst.deployment).map_or(0, |audit| audit.total.requests);
    if options.faults {
        judge_with_faults(burst, total, answers, report);
    } else {
        let last_unix_ms = last(&site.upstream.arrivals().await?, burst.deployment);
        judge_exactly(burst, (total, tally.requests), last_unix_ms, answers, report);
    }
    report.demand_polite(answers);
    Ok(())
}

fn judge_exactly(
    burst: &Burst,
    (total, of_minute): (u64, u64),
    last_unix_ms: u64,
    answers: &[Answer],
    report: &mut Report,
) {
    report.demand(
        format!("{}: exactly {FITTING} admitted", burst.what),
        total == FITTING && of_minute == FITTING,
        total.to_string(),
    );
    let begin = answers.iter().map(|answer| answer.sent_unix_ms).min().unwrap_or_default();
    let took_ms = last_unix_ms.saturating_sub(begin);
    report.demand(
        format!("{}: all of them within the second", burst.what),
        took_ms <= SECOND_MS,
        format!("{took_ms} ms"),
    );
    let counted = Counted::of(answers);
    let others = counted.offered - FITTING.min(counted.offered);
    report.demand(
        format!("{}: all others get 429", burst.what),
        counted.denied == others,
        format!("{} of {others}", counted.denied),
    );
}

/// A gateway whose server suffers in this very moment may answer 503.
fn judge_with_faults(burst: &Burst, total: u64, answers: &[Answer], report: &mut Report) {
    report.demand(
        format!("{}: at most {FITTING} admitted", burst.what),
        total <= FITTING,
        total.to_string(),
    );
    let failed = answers.iter().filter(|answer| answer.is_failure()).count();
    report.demand(
        format!("{}: every request is answered with 200, 429 or 503", burst.what),
        failed == 0,
        format!("{failed} are not"),
    );
}

fn last(arrivals: &[Arrival], deployment: &str) -> u64 {
    let of_deployment = arrivals.iter().filter(|arrival| arrival.key == deployment);
    of_deployment.map(|arrival| arrival.at_unix_ms).max().unwrap_or_default()
}
