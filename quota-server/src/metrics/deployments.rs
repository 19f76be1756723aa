//! Metrics of each deployment, written at a scrape from what the ledger shows: nothing is counted
//! for them while leases are taken, and a deployment that is gone is gone from the metrics too.
//!
//! Every server of one ledger shows the same deployments, so over servers they are to be
//! aggregated by `max`, never by `sum`. How many there are is bounded by `--metrics-deployments`.

use std::fmt::Write;
use std::sync::Arc;

use quota_api::LimitSpec;
use quota_core::{Amount, Overview, PeriodStanding, State, Unit};

use crate::ledger::Stored;

type DeploymentStanding = (Stored, Overview);

/// Name, help, and what is shown.
type ShownMetric<T> = (&'static str, &'static str, fn(&Overview) -> T);

/// What is shown in tokens and in requests.
const AMOUNTS: &[ShownMetric<Amount>] = &[
    (
        "quota_deployment_outstanding",
        "Granted minus given back, in the open window or the last 60 s",
        |seen| seen.standing.outstanding,
    ),
    (
        "quota_deployment_overrun",
        "Used above what was reserved, in the open window or the last 60 s",
        |seen| seen.standing.overrun,
    ),
    ("quota_deployment_granted", "Granted in this minute", |seen| seen.page.granted),
    ("quota_deployment_given_back", "Given back of it", |seen| seen.page.given_back),
    ("quota_deployment_used", "Reported as used of it", |seen| seen.page.used),
    ("quota_deployment_held", "Of it in leases that have not ended", |seen| seen.page.held),
    (
        "quota_deployment_burnt",
        "Of it in leases that ended without word so far, running requests included",
        |seen| seen.page.burnt,
    ),
    ("quota_deployment_denied", "Denied in this minute, as far as known", |seen| seen.page.denied),
];

/// What is shown as one number.
const NUMBERS: &[ShownMetric<u64>] = &[
    ("quota_deployment_leases", "Leases that may still be drawn from", |seen| seen.leases),
    ("quota_deployment_holders", "Holders that asked in the last 10 s", |seen| seen.holders),
    ("quota_deployment_state", "0 ok, 1 endgame, 2 exhausted, 3 quarantined", |seen| {
        match seen.standing.state {
            State::Ok => 0,
            State::Endgame => 1,
            State::Exhausted => 2,
            State::Quarantined => 3,
        }
    }),
];

/// Appends the deployments to what a scrape is answered, `most` of them at most: those with traffic
/// in this minute first, then by id.
pub fn write_deployments(text: &mut String, all: &[DeploymentStanding], most: usize) {
    let mut shown: Vec<&DeploymentStanding> = all.iter().collect();
    shown.sort_by_key(|(stored, seen)| (!has_traffic(seen), Arc::clone(&stored.id)));
    shown.truncate(most);
    let shown: Vec<(String, &Overview)> =
        shown.into_iter().map(|(stored, seen)| (escaped(&stored.id), seen)).collect();
    whole(text, "quota_deployments", "Deployments that there are", all.len());
    let left_out = all.len() - shown.len();
    let help = "Deployments that have no metrics of their own: see --metrics-deployments";
    whole(text, "quota_deployments_left_out", help, left_out);
    limits(text, &shown);
    periods(text, &shown);
    for (name, help, amount) in AMOUNTS {
        head(text, name, help);
        for (id, seen) in &shown {
            let amount = amount(seen);
            Unit::ALL.into_iter().for_each(|unit| line(text, name, id, unit.name(), amount[unit]));
        }
    }
    for (name, help, number) in NUMBERS {
        head(text, name, help);
        for (id, seen) in &shown {
            put(text, format_args!("{name}{{deployment=\"{id}\"}} {}\n", number(seen)));
        }
    }
}

/// A unit without a limit has no series.
fn limits(text: &mut String, shown: &[(String, &Overview)]) {
    let name = "quota_deployment_limit";
    head(text, name, "The limit of a window");
    for (id, seen) in shown {
        for unit in Unit::ALL {
            let limit = seen.standing.limit.get(unit);
            limit.inspect(|most| line(text, name, id, unit.name(), *most));
        }
    }
}

/// One series for each limit over a longer period, and what counts against it.
fn periods(text: &mut String, shown: &[(String, &Overview)]) {
    type Figure = fn(&PeriodStanding) -> u64;
    let figures: [(&str, &str, Figure); 2] = [
        (
            "quota_deployment_period_limit",
            "A limit over a longer period than the window",
            |standing| standing.limit.most,
        ),
        (
            "quota_deployment_period_charged",
            "What counts against a limit over a longer period",
            |standing| standing.charged,
        ),
    ];
    for (name, help, figure) in figures {
        head(text, name, help);
        for (id, seen) in shown {
            for standing in &seen.periods {
                let limit = LimitSpec::from(&standing.limit);
                let (unit, per) = (limit.unit.name(), &limit.per);
                let offset = limit.offset.as_deref().unwrap_or("");
                put(
                    text,
                    format_args!(
                        "{name}{{deployment=\"{id}\",unit=\"{unit}\",per=\"{per}\",offset=\"{offset}\"}} {}\n",
                        figure(standing)
                    ),
                );
            }
        }
    }
}

fn has_traffic(seen: &Overview) -> bool {
    seen.page.granted != Amount::ZERO || seen.page.denied != Amount::ZERO
}

fn whole(text: &mut String, name: &str, help: &str, value: usize) {
    head(text, name, help);
    put(text, format_args!("{name} {value}\n"));
}

fn head(text: &mut String, name: &str, help: &str) {
    put(text, format_args!("# HELP {name} {help}\n# TYPE {name} gauge\n"));
}

fn line(text: &mut String, name: &str, id: &str, unit: &str, value: u64) {
    put(text, format_args!("{name}{{deployment=\"{id}\",unit=\"{unit}\"}} {value}\n"));
}

fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.write_fmt(line).expect("a string takes everything");
}

/// As the text format wants label values.
fn escaped(id: &str) -> String {
    id.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use quota_core::{
        BookPage, CalendarSpan, Limit, Period, PeriodLimit, PeriodLimits, Policy, Settlement,
        Standing, WindowKind,
    };

    use super::*;

    fn seen(id: &str, granted: u64) -> DeploymentStanding {
        let limit = Limit::new(Some(500), None);
        let granted = Amount::new(granted, 1);
        let zero = Amount::ZERO;
        let page = BookPage {
            window: 1,
            minute: 1,
            kind: WindowKind::Minute,
            limit,
            granted: if granted.tokens() == 0 { zero } else { granted },
            given_back: zero,
            used: zero,
            held: zero,
            burnt: zero,
            overrun: zero,
            denied: zero,
            over: false,
        };
        let standing = Standing {
            kind: WindowKind::Minute,
            limit,
            outstanding: page.granted,
            overrun: zero,
            state: State::Exhausted,
        };
        let stored = Stored {
            id: id.into(),
            policy: Policy {
                limit,
                kind: WindowKind::Minute,
                life_ms: 2_000,
                guard_ms: 200,
                settlement: Settlement::Refund,
                periods: PeriodLimits::default(),
            },
            details: "".into(),
            version: 1,
            created: false,
        };
        let period = Period::Calendar { span: CalendarSpan::Day, offset_min: -480 };
        let limit = PeriodLimit { unit: Unit::Tokens, period, most: 9_000 };
        let periods = vec![PeriodStanding { limit, charged: 700, resets_in_ms: 1 }];
        (stored, Overview { standing, periods, page, leases: 3, holders: 2, ends_in_ms: 1 })
    }

    fn written(all: &[DeploymentStanding], most: usize) -> String {
        let mut text = String::new();
        write_deployments(&mut text, all, most);
        text
    }

    #[test]
    fn a_deployment_has_its_series() {
        let text = written(&[seen("a", 100)], 10);
        for line in [
            "quota_deployments 1",
            "quota_deployments_left_out 0",
            r#"quota_deployment_limit{deployment="a",unit="tokens"} 500"#,
            r#"quota_deployment_outstanding{deployment="a",unit="tokens"} 100"#,
            r#"quota_deployment_granted{deployment="a",unit="requests"} 1"#,
            r#"quota_deployment_period_limit{deployment="a",unit="tokens",per="day",offset="-08:00"} 9000"#,
            r#"quota_deployment_period_charged{deployment="a",unit="tokens",per="day",offset="-08:00"} 700"#,
            r#"quota_deployment_state{deployment="a"} 2"#,
            r#"quota_deployment_holders{deployment="a"} 2"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        assert!(!text.contains(r#"limit{deployment="a",unit="requests"}"#), "{text}");
    }

    #[test]
    fn those_with_traffic_come_first_and_the_rest_is_counted() {
        let all = [seen("a", 0), seen("b", 5), seen("c", 0)];
        let text = written(&all, 2);
        assert!(text.contains("quota_deployments_left_out 1"));
        assert!(text.contains(r#""b""#) && text.contains(r#""a""#) && !text.contains(r#""c""#));
        let none = written(&all, 0);
        assert!(none.contains("quota_deployments_left_out 3") && !none.contains("{deployment="));
    }

    #[test]
    fn a_hostile_id_stays_within_its_quotes() {
        let text = written(&[seen("x\"} 1\n\\", 1)], 1);
        assert!(text.contains(r#"{deployment="x\"} 1\n\\"}"#), "{text}");
    }
}
