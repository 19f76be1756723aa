//! 300 requests at once, from cold: embeddings, then chat with `max_tokens`. As many as fit, and
//! not one more.

use std::time::Duration;

use bytes::Bytes;
use quota_api::DeploymentSpec;

use super::{
    Options, Report, Row, Watch,
    report::Counted,
    s1::{self, FITTING, LIMIT, REQUEST_TOKENS},
};
use crate::{
    clock,
    harness::{HarnessError, Site},
    load::{self, Call, Offer, Targets},
    upstream::Arrival,
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
}

pub(super) async fn play(options: &Options, watch: &Watch) -> Result<Report, HarnessError> {
    let gateways = options.gateways.unwrap_or(GATEWAYS);
    watch.enter("starting");
    let spec = DeploymentSpec { model_group: Some(CHAT_GROUP.to_owned()), ..s1::spec() };
    let builder = s1::site().deployment(CHAT_GROUP, CHAT_DEPLOYMENT, "gpt-4o", spec);
    let site = builder.gateways(gateways).open().await?;
    let mut report = Report::new(format!("S6: {AT_ONCE} requests at once, {gateways} gateways"));
    for burst in bursts() {
        fire(&burst, &site, watch, &mut report).await?;
    }
    Ok(report)
}

/// Both kinds of request reserve 15 tokens: the chat's form costs 7, its text 1, its answer 7.
fn bursts() -> [Burst; 2] {
    [
        Burst {
            what: "embeddings",
            deployment: s1::DEPLOYMENT,
            path: s1::PATH,
            body: load::embedding(s1::GROUP, 15),
        },
        Burst {
            what: "chat with max_tokens",
            deployment: CHAT_DEPLOYMENT,
            path: CHAT_PATH,
            body: load::chat(CHAT_GROUP, 1, 7),
        },
    ]
}

async fn fire(
    burst: &Burst,
    site: &Site,
    watch: &Watch,
    report: &mut Report,
) -> Result<(), HarnessError> {
    let targets = Targets::of(site)?;
    watch.enter(format!("{AT_ONCE} at once: {}", burst.what));
    let number = clock::minute_with_room(ROOM_S).await;
    let call = |turn| Call { at: Duration::ZERO, turn, path: burst.path, body: burst.body.clone() };
    let answers = Offer::to(&targets, &watch.progress).send((0..AT_ONCE).map(call)).await;
    let audit = site.upstream.audit().await?;
    let tally = s1::of_minute(&audit, burst.deployment, number);
    let counted = Counted::of(&answers);
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
    report.demand(
        format!("{}: exactly {FITTING} admitted", burst.what),
        total == FITTING && tally.requests == FITTING,
        total.to_string(),
    );
    let begin = answers.iter().map(|answer| answer.sent_unix_ms).min().unwrap_or_default();
    let took_ms = last(&site.upstream.arrivals().await?, burst.deployment).saturating_sub(begin);
    report.demand(
        format!("{}: all of them within the second", burst.what),
        took_ms <= SECOND_MS,
        format!("{took_ms} ms"),
    );
    let others = counted.offered - FITTING.min(counted.offered);
    report.demand(
        format!("{}: all others get 429", burst.what),
        counted.denied == others,
        format!("{} of {others}", counted.denied),
    );
    report.demand_polite(&answers);
    Ok(())
}

fn last(arrivals: &[Arrival], deployment: &str) -> u64 {
    let of_deployment = arrivals.iter().filter(|arrival| arrival.key == deployment);
    of_deployment.map(|arrival| arrival.at_unix_ms).max().unwrap_or_default()
}
