//! A burst that offers 5.5 million tokens a minute against a limit of 1.5 million.

use std::time::Duration;

use hdrhistogram::Histogram;
use http::header::CONTENT_TYPE;
use quota_api::DeploymentSpec;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{Options, Report, Row, Watch, faults, minute, report::Counted, slow_stream::of_minute};
use crate::{
    clock::{self, MINUTE_MS},
    harness::{HarnessError, Site},
    load::{self, Answer, Call, Offer, Outcome, Targets},
};

const DEPLOYMENT: &str = "s2-embeddings";
const GROUP: &str = "embeddings";
const PATH: &str = "/v1/embeddings";
const MODEL: &str = "text-embedding-3-small";
const GATEWAYS: usize = 5;
const MINUTES: u64 = 3;
const LIMIT: u64 = 1_500_000;
const OFFERED_TOKENS_A_MINUTE: u64 = 5_500_000;
/// Sizes of the requests, in tokens: 1 000 on average.
const SIZES: std::ops::RangeInclusive<usize> = 500..=1_500;
/// At least this share of the limit must be used, in percent.
const LEAST_PERCENT: u64 = 99;
/// When in a minute its quota is surely spent, and the next one not asked for yet, in ms.
const SPENT_MS: std::ops::Range<u64> = 30_000..58_000;
/// A gateway whose draws are denied asks so often whether they must be, however many they are: a
/// limit may have been raised.
const ASKS_EVERY_MS: u64 = 1_500;
/// Bare answers that are measured while the quota is spent, and the space between two.
const BARE: u32 = 500;
const BARE_SPACE: Duration = Duration::from_millis(40);
/// At the median a denial takes so many times as long as a bare answer at most.
const MOST_TIMES_BARE: u64 = 2;

pub(super) async fn play(options: &Options, watch: &Watch) -> Result<Report, HarnessError> {
    let gateways = options.gateways.unwrap_or(GATEWAYS);
    let minutes = options.minutes.unwrap_or(MINUTES);
    watch.enter("starting");
    let mut site = site(gateways, options).await?;
    let targets = Targets::of(&site)?;
    let calls = calls(minutes, options.seed);
    let sizes: Vec<(Duration, u64)> =
        calls.iter().map(|(tokens, call)| (call.at, *tokens)).collect();
    let first = minute::begin(watch).await;
    watch.enter(format!("{minutes} min on {gateways} gateways"));
    let (answers, trips) = tokio::join!(
        Offer::to(&targets, &watch.progress).send(calls.into_iter().map(|(_, call)| call)),
        meanwhile(&mut site, (first, minutes), options, watch),
    );
    let stage = options.stage();
    let mut report = Report::new(format!(
        "overload: 5.5 M tokens a minute against 1.5 M, {gateways} gateways, {stage}"
    ));
    let (spent, notes) = trips?;
    report.notes = notes;
    judge_minutes(&mut report, &site, &answers, &sizes, (first, minutes)).await?;
    judge_answers(&mut report, &answers, options.faults);
    if let Some(spent) = spent {
        judge_denials(&mut report, &answers, &spent, gateways as u64 * minutes);
    }
    Ok(report)
}

/// What was seen while the quota was spent, in all minutes together.
struct Spent {
    /// Acquires that reached the server.
    trips: u64,
    /// How long bare answers of a gateway took, in µs.
    bare: Histogram<u64>,
}

/// Counts the trips, if servers keep their counters, or has the servers suffer.
async fn meanwhile(
    site: &mut Site,
    (first, minutes): (u64, u64),
    options: &Options,
    watch: &Watch,
) -> Result<(Option<Spent>, Vec<String>), HarnessError> {
    if options.faults {
        let until_unix_ms = (first + minutes) * MINUTE_MS;
        let notes = faults::run(&mut site.servers, until_unix_ms, options, watch).await?;
        return Ok((None, notes));
    }
    Ok((Some(when_spent(site, first, minutes).await?), Vec::new()))
}

async fn site(gateways: usize, options: &Options) -> Result<Site, HarnessError> {
    let spec = DeploymentSpec { tpm_limit: Some(LIMIT), ..DeploymentSpec::default() };
    Site::builder()
        .upstream_latency("lognormal:1400ms,2500ms")
        .deployment(GROUP, DEPLOYMENT, MODEL, spec)
        .gateways(gateways)
        .servers(options.rung, options.servers)
        .open()
        .await
}

/// Requests of random sizes at even spaces.
fn calls(minutes: u64, seed: u64) -> Vec<(u64, Call)> {
    let mut rng = StdRng::seed_from_u64(seed);
    let bodies = load::embedding_sized(GROUP, SIZES.step_by(50));
    let mean = bodies.iter().map(|(tokens, _)| tokens).sum::<u64>() / bodies.len() as u64;
    let space = Duration::from_mins(1) * u32::try_from(mean).expect("small")
        / u32::try_from(OFFERED_TOKENS_A_MINUTE).expect("below 2^32");
    let mut call = |(turn, at)| {
        let (tokens, body) = bodies[rng.random_range(0..bodies.len())].clone();
        (tokens, Call { at, turn, path: PATH, body })
    };
    let moments = (0_u32..).map(|turn| (turn as usize, space * turn));
    moments.take_while(|(_, at)| *at < Duration::from_secs(60 * minutes)).map(&mut call).collect()
}

async fn when_spent(site: &Site, first: u64, minutes: u64) -> Result<Spent, HarnessError> {
    let mut spent = Spent { trips: 0, bare: histogram() };
    for number in first..first + minutes {
        minute::at(number, SPENT_MS.start).await;
        let before = acquires(site).await?;
        measure_bare(site, &mut spent.bare).await?;
        minute::at(number, SPENT_MS.end).await;
        spent.trips += acquires(site).await? - before;
    }
    Ok(spent)
}

/// The floor of a denial: what the same gateway answers to a request with nothing in it, under the
/// same load, before it thinks of any quota.
async fn measure_bare(site: &Site, bare: &mut Histogram<u64>) -> Result<(), HarnessError> {
    let http = reqwest::Client::new();
    let url = format!("{}{PATH}", site.gateways[0].process.url());
    for _ in 0..BARE {
        tokio::time::sleep(BARE_SPACE).await;
        let begin = clock::instant();
        http.post(&url).header(CONTENT_TYPE, "application/json").body("{}").send().await?;
        bare.saturating_record(u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    Ok(())
}

async fn acquires(site: &Site) -> Result<u64, HarnessError> {
    let granted = site.servers.metric("quota_grants_total").await?;
    Ok(granted + site.servers.metric("quota_denied_total").await?)
}

async fn judge_minutes(
    report: &mut Report,
    site: &Site,
    answers: &[Answer],
    sizes: &[(Duration, u64)],
    (first, minutes): (u64, u64),
) -> Result<(), HarnessError> {
    let audit = site.upstream.audit().await?;
    for index in 0..minutes {
        let (number, span) = (first + index, format!("minute {}", index + 1));
        let tally = of_minute(&audit, DEPLOYMENT, number);
        let used = tally.used_tokens;
        report.demand(format!("{span}: at most {LIMIT} tokens"), used <= LIMIT, used.to_string());
        let enough = used * 100 >= LIMIT * LEAST_PERCENT;
        report.demand(
            format!("{span}: at least {LEAST_PERCENT} % of them used"),
            enough,
            used.to_string(),
        );
        let counted = Counted::of_minute(answers, number);
        report.rows.push(Row {
            span,
            offered: counted.offered,
            admitted: tally.requests,
            denied: counted.denied,
            unserved: counted.unserved,
            limit: LIMIT,
            used,
            counted_apart: offered_tokens(sizes, index).min(LIMIT * site.gateways.len() as u64),
        });
    }
    Ok(())
}

fn offered_tokens(sizes: &[(Duration, u64)], index: u64) -> u64 {
    let in_minute = sizes.iter().filter(|(at, _)| at.as_secs() / 60 == index);
    in_minute.map(|(_, tokens)| tokens).sum()
}

/// A gateway whose server suffers may run out of leases before it finds another.
fn judge_answers(report: &mut Report, answers: &[Answer], faults: bool) {
    let failed = answers.iter().filter(|answer| answer.is_failure()).count();
    report.demand(
        "no time-out, upstream or other",
        failed == 0,
        format!("{failed} of {}", answers.len()),
    );
    let unavailable =
        answers.iter().filter(|answer| answer.outcome == Outcome::Unavailable).count();
    if faults {
        report.notes.push(format!("answers with 503: {unavailable} of {}", answers.len()));
    } else {
        report.demand("no 503", unavailable == 0, unavailable.to_string());
    }
    report.demand_polite(answers);
}

/// `shares` is gateways times minutes.
fn judge_denials(report: &mut Report, answers: &[Answer], spent: &Spent, shares: u64) {
    let denials: Vec<&Answer> =
        answers.iter().filter(|answer| is_denial_when_spent(answer)).collect();
    let most = shares * ((SPENT_MS.end - SPENT_MS.start).div_ceil(ASKS_EVERY_MS) + 1);
    report.demand(
        format!(
            "once the quota is spent, a gateway asks each {ASKS_EVERY_MS} ms at most, not for each denial"
        ),
        spent.trips <= most,
        format!("{} acquires of at most {most}, {} denials", spent.trips, denials.len()),
    );
    let latencies = latencies(&denials);
    let p50_us = latencies.value_at_quantile(0.50);
    let bare_us = spent.bare.value_at_quantile(0.50);
    report.demand(
        format!(
            "such a denial takes at most {MOST_TIMES_BARE} times as long as a bare answer (p50)"
        ),
        p50_us <= bare_us * MOST_TIMES_BARE,
        format!("{p50_us} µs, bare {bare_us} µs"),
    );
    let [p90, p99] = [0.90, 0.99].map(|quantile| latencies.value_at_quantile(quantile));
    report.notes.push(format!(
        "such denials, seen from the client: p50 {p50_us} µs, p90 {p90} µs, p99 {p99} µs"
    ));
}

fn is_denial_when_spent(answer: &Answer) -> bool {
    answer.outcome == Outcome::Denied && SPENT_MS.contains(&(answer.sent_unix_ms % MINUTE_MS))
}

fn histogram() -> Histogram<u64> {
    Histogram::new(3).expect("three digits are allowed")
}

fn latencies(answers: &[&Answer]) -> Histogram<u64> {
    let mut histogram = histogram();
    for answer in answers {
        histogram.saturating_record(u64::try_from(answer.latency.as_micros()).unwrap_or(u64::MAX));
    }
    histogram
}
