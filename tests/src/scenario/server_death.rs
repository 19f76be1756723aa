//! `slow-stream`'s deployment at 10 requests a second, while all quota servers are killed and stay
//! away for a minute; with one Redis, it too. Four minutes:
//!
//! 1. all is well; at its middle the server is killed, with the quota already spent;
//! 2. no server and no lease, so 503; at its middle the server is back, and all of the quota goes;
//! 3. killed again when the minute has hardly begun, with leases in hand: they are used up;
//! 4. back again, as early in the minute.

use std::time::Duration;

use upstream::Arrival;

use super::{
    Options, Report, Watch, minute,
    slow_stream::{self, FITTING},
};
use crate::{
    clock::{self, MINUTE_MS},
    harness::{HarnessError, Live, Site},
    load::{self, Answer, Offer, Outcome, Targets},
};

const GATEWAYS: usize = 5;
const MINUTES: u64 = 4;
const SPACE: Duration = Duration::from_millis(100);
/// When the server is killed in a minute, and is back in the next, in ms.
const IN_THE_MIDDLE_MS: u64 = 30_000;
const WHILE_DRAWING_MS: u64 = 1_500;
/// "Within a second of the server": to the next admitted request's arrival.
const BACK_WITHIN_MS: u64 = 1_000;

pub(super) async fn play(options: &Options, watch: &Watch) -> Result<Report, HarnessError> {
    let gateways = options.gateways.unwrap_or(GATEWAYS);
    watch.enter("starting");
    let site = slow_stream::site().gateways(gateways).servers(options.rung, options.servers);
    let mut site = site.open().await?;
    let targets = Targets::of(&site)?;
    let first = minute::begin(watch).await;
    let body = load::embedding(slow_stream::GROUP, 15);
    let calls =
        load::every(SPACE, Duration::from_millis(MINUTES * MINUTE_MS), slow_stream::PATH, &body);
    let (answers, returns) = tokio::join!(
        Offer::to(&targets, &watch.progress).send(calls),
        outages(&mut site, first, watch),
    );
    let mut report = Report::new(format!(
        "server-death: away for a minute, {gateways} gateways, {}",
        options.stage()
    ));
    judge_minutes(&mut report, &site, &answers, first).await?;
    let arrivals = site.upstream.arrivals().await?;
    for back_unix_ms in returns? {
        judge_return(&mut report, &arrivals, back_unix_ms);
    }
    judge_answers(&mut report, &answers);
    Ok(report)
}

/// Gives the moments at which the server was back.
async fn outages(site: &mut Site, first: u64, watch: &Watch) -> Result<Vec<u64>, HarnessError> {
    let mut returns = Vec::new();
    for (number, at_ms) in [(first, IN_THE_MIDDLE_MS), (first + 2, WHILE_DRAWING_MS)] {
        watch.enter("the quota server is there");
        minute::at(number, at_ms).await;
        site.servers.kill()?;
        if let Some(Live::Single(redis)) = &mut site.servers.store.live {
            redis.process.kill()?;
        }
        watch.enter("the quota server is away");
        minute::at(number + 1, at_ms).await;
        if let Some(Live::Single(redis)) = &mut site.servers.store.live {
            redis.start_again().await?;
        }
        site.servers.start_again().await?;
        returns.push(clock::unix_ms());
    }
    watch.enter("the quota server is back");
    Ok(returns)
}

async fn judge_minutes(
    report: &mut Report,
    site: &Site,
    answers: &[Answer],
    first: u64,
) -> Result<(), HarnessError> {
    let audit = site.upstream.audit().await?;
    let gateways = site.gateways.len() as u64;
    for number in first..first + MINUTES {
        let index = number - first + 1;
        let tally = slow_stream::of_minute(&audit, slow_stream::DEPLOYMENT, number);
        let (text, holds) = match index {
            3 => (
                "never over 33, and the leases in hand are used",
                (1..=FITTING).contains(&tally.requests),
            ),
            _ => ("exactly 33 admitted", tally.requests == FITTING),
        };
        report.demand(format!("minute {index}: {text}"), holds, tally.requests.to_string());
        report.rows.push(slow_stream::row(
            &format!("minute {index}"),
            tally,
            answers,
            number,
            gateways,
        ));
    }
    Ok(())
}

fn judge_return(report: &mut Report, arrivals: &[Arrival], back_unix_ms: u64) {
    let mut after =
        arrivals.iter().map(|arrival| arrival.at_unix_ms).filter(|at| *at >= back_unix_ms);
    let took_ms = after.next().map(|at| at - back_unix_ms);
    let found = took_ms.map_or("never".to_owned(), |ms| format!("after {ms} ms"));
    let holds = took_ms.is_some_and(|ms| ms <= BACK_WITHIN_MS);
    report.demand("service is back within a second of the server", holds, found);
}

fn judge_answers(report: &mut Report, answers: &[Answer]) {
    report.demand_polite(answers);
    let failed = answers.iter().filter(|answer| answer.is_failure()).count();
    report.demand(
        "every request is answered with 200, 429 or 503",
        failed == 0,
        format!("{failed} are not"),
    );
    let unavailable =
        answers.iter().filter(|answer| answer.outcome == Outcome::Unavailable).count();
    report.demand(
        "without server and lease the answer is 503",
        unavailable > 0,
        format!("{unavailable} times"),
    );
}
