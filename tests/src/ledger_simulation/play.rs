//! Playing a plan to its end.

use std::collections::BTreeMap;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use quota_core::{Amount, Limit, RequestKey, WindowKind, Wish};
use quota_server::ledger::{Caller, Op, OpError};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use tokio::time::{Duration, Instant, sleep, sleep_until, timeout};

use super::checker::{Rule, Violation};
use super::coverage::Coverage;
use super::gateways;
use super::holders::id;
use super::people;
use super::plan::Plan;
use super::site::{Site, World};
use super::steps;
use super::talk;

/// Holders of a run.
pub(super) const HOLDERS: usize = 4;

/// Deployments of a run; the next one is made at its end.
pub(super) const DEPLOYMENTS: usize = 3;

/// What is under way when the steps are over has so long to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where writes were lost, the ledger serves again within two windows, each of which a stepped
/// clock may make nearly twice as long.
const CLEAN_BY: Duration = Duration::from_secs(245);

/// After faults that lose nothing.
const SETTLED: Duration = Duration::from_secs(6);

/// Until a standby has taken over.
const TAKEN_OVER: Duration = Duration::from_secs(5);

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Played {
    /// What it went through.
    pub coverage: Coverage,
    /// What was broken.
    pub violations: Vec<Violation>,
}

/// Plays a plan: the same plan gives the same run.
#[must_use]
pub fn play(plan: &Plan) -> Played {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without IO needs nothing");
    runtime.block_on(run(plan))
}

async fn run(plan: &Plan) -> Played {
    let site = World::new(plan, HOLDERS);
    let began = site.began;
    for server in 0..plan.servers {
        site.start(server).await;
    }
    let mut under_way = FuturesUnordered::new();
    for number in gateways::used(plan) {
        under_way.push(gateways::run(site.clone(), number).boxed_local());
    }
    for step in &plan.steps {
        let at = began + Duration::from_millis(step.at_ms);
        while Instant::now() < at {
            tokio::select! {
                biased;
                Some(()) = under_way.next() => {}
                () = sleep_until(at) => {}
            }
        }
        under_way.push(steps::take(site.clone(), *step).boxed_local());
    }
    let end = sleep_until(began + Duration::from_millis(plan.length_ms));
    tokio::join!(end, timeout(PATIENCE, async { while under_way.next().await.is_some() {} }))
        .1
        .ok();
    drop(under_way);
    calm(&site).await;
    site.checker.borrow_mut().judge_draws();
    for server in &site.servers {
        let has_spun = server.machine.has_spun();
        let mut checker = site.checker.borrow_mut();
        checker.expect(Rule::Rests, !has_spun, || "it reads the time without end".to_owned());
    }
    let mut coverage = site.coverage.take();
    coverage.runs = 1;
    coverage.ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut checker = site.checker.borrow_mut();
    let checks = std::mem::take(&mut checker.checks);
    coverage.rules = checks.into_iter().map(|(rule, count)| (rule.into(), count)).collect();
    Played { coverage, violations: std::mem::take(&mut checker.violations) }
}

/// All is well again: the ledger serves, and once more after a restart or a take-over, from the
/// same books.
async fn calm(site: &Site) {
    site.is_calm.set(true);
    site.store.heal();
    for server in 0..site.servers.len() {
        site.start(server).await;
    }
    let has_lost = !site.checker.borrow().losses.is_empty();
    sleep(if has_lost { CLEAN_BY } else { SETTLED }).await;
    serves(site, "all is well again").await;
    early_in_window(site).await;
    let active = site.aim.get();
    let before = books(site, active).await;
    sleep(Duration::from_millis(600)).await;
    for other in (0..site.servers.len()).filter(|other| *other != active) {
        same(site, "a standby's", &before, &books(site, other).await);
    }
    site.server(active).kill().await;
    if site.servers.len() == 1 {
        site.start(active).await;
    } else {
        sleep(TAKEN_OVER).await;
    }
    people::look(site.clone()).await;
    serves(site, "a restart").await;
    same(site, "a restart's", &before, &books(site, site.aim.get()).await);
}

/// Waits until the open window has time left.
async fn early_in_window(site: &Site) {
    for _ in 0..200 {
        let Some((ledger, _)) = site.server(site.aim.get()).ledger() else { return };
        match ledger.health().await {
            Ok(now) if now.window_ends_in_ms() < 10_000 => sleep(Duration::from_secs(1)).await,
            _ => return,
        }
    }
}

/// The books are the same, unless another window is open.
fn same(site: &Site, whose: &str, before: &Option<Books>, after: &Option<Books>) {
    let mut checker = site.checker.borrow_mut();
    checker.looks_at(Rule::SameBooks);
    let (Some(before), Some(after)) = (before, after) else { return };
    if before.0 == after.0 && before.1 != after.1 {
        checker.breaks(Rule::SameBooks, format!("{before:?}, {whose}: {after:?}"));
    }
}

/// The open window, and how each deployment stands in it.
type Books = (u64, BTreeMap<String, Book>);

type Book = (Limit, Option<(Amount, Amount)>);

async fn books(site: &Site, server: usize) -> Option<Books> {
    let (ledger, _) = site.server(server).ledger()?;
    let window = ledger.health().await.ok()?.window.number;
    let overview = ledger.overview().await.ok()?;
    let judged = overview.into_iter().filter(|(stored, _)| *stored.id != *id(DEPLOYMENTS));
    let books = judged.map(|(stored, seen)| {
        let standing = seen.standing;
        // What the last 60 s hold changes between two looks.
        let sums = (standing.kind == WindowKind::Minute)
            .then_some((standing.outstanding, standing.overrun));
        (stored.id.to_string(), (standing.limit, sums))
    });
    Some((window, books.collect()))
}

/// A deployment is made, and granted from.
async fn serves(site: &Site, after: &str) {
    let spare = Some(people::setting(1_000_000, None, false));
    let mut is_made = false;
    for _ in 0..2 * site.servers.len() {
        let rng = SmallRng::seed_from_u64(0);
        is_made = people::put(site.clone(), DEPLOYMENTS, spare, rng).await;
        if is_made {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    let caller = Caller { credential: "the end".into(), holder: "the end".into() };
    let wish = Wish {
        request: RequestKey(u128::try_from(after.len()).unwrap_or(0)),
        min: Amount::new(1, 1),
        want: Amount::new(1, 1),
        ahead: false,
    };
    let op = Op::Acquire { deployment: id(DEPLOYMENTS), wish };
    let granted = talk::run(site, caller, op).await;
    let mut checker = site.checker.borrow_mut();
    checker.looks_at(Rule::ServesAgain);
    if !is_made || !matches!(granted, Some(Ok(_))) {
        let what: Option<Result<(), OpError>> = granted.map(|granted| granted.map(drop));
        checker.breaks(Rule::ServesAgain, format!("after {after}: made {is_made}, {what:?}"));
    }
}
