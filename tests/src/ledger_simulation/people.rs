//! What people and programs do to deployments.

use std::cell::Cell;
use std::sync::Arc;

use quota_core::{
    Limit, Period, PeriodLimit, PeriodLimits, Policy, Settlement, State, Unit, WindowKind,
};
use quota_server::ledger::{Ledger, Put, PutError};
use rand::rngs::SmallRng;

use super::checker::SPAN_SECS;
use super::checker::{Rule, Setting};
use super::coverage::Boundary;
use super::holders::id;
use super::site::Site;
use super::talk::{Fate, change, send};

/// Makes, changes or deletes a deployment.
pub(super) async fn put(
    site: Site,
    deployment: usize,
    setting: Option<Setting>,
    mut rng: SmallRng,
) -> bool {
    if let Some((sum, limit)) = site.checker.borrow().fullness(deployment)
        && sum >= limit
    {
        site.hit(Boundary::LimitChangesEmpty);
    }
    let number = site.checker.borrow_mut().change(deployment, setting);
    let is_made = Cell::new(false);
    let hear = |answer: &Result<(), PutError>| {
        if answer.is_ok() {
            is_made.set(true);
            site.checker.borrow_mut().changed(deployment, number);
        }
    };
    let fates = send(&site, &mut rng, || ask(&site, deployment, setting), hear).await;
    let is_refused = fates.iter().all(|fate| match fate {
        Fate::Lost => true,
        Fate::Unheard(answer) => answer.as_ref().is_some_and(is_refusal),
        Fate::Heard(answer) => is_refusal(answer),
    });
    site.checker.borrow_mut().change_over(deployment, number, is_refused);
    is_made.get()
}

async fn ask(
    site: &Site,
    deployment: usize,
    setting: Option<Setting>,
) -> Option<Result<(), PutError>> {
    let Some(setting) = setting else {
        let delete =
            async |ledger: Arc<dyn Ledger>| ledger.delete(id(deployment), None).await.map(drop);
        return change(site, delete).await;
    };
    let put =
        Put { id: id(deployment), policy: policy(setting), details: "{}".into(), expected: None };
    let put = async |ledger: Arc<dyn Ledger>| ledger.put(put.clone()).await.map(drop);
    change(site, put).await
}

fn is_refusal(answer: &Result<(), PutError>) -> bool {
    matches!(answer, Err(PutError::KindIsFixed | PutError::Unexpected))
}

pub(super) fn setting(tokens: u64, requests: Option<u64>, rolling: bool) -> Setting {
    let kind = if rolling { WindowKind::Rolling } else { WindowKind::Minute };
    Setting { limit: Limit::new(Some(tokens), requests), kind, most_in_span: None }
}

fn policy(setting: Setting) -> Policy {
    let span = Period::Rolling { secs: SPAN_SECS };
    let in_span = |most| PeriodLimit { unit: Unit::Tokens, period: span, most };
    let limits = setting.most_in_span.map(in_span).into_iter().collect();
    let life_ms = if setting.kind == WindowKind::Rolling { 1_000 } else { 2_000 };
    Policy {
        limit: setting.limit,
        kind: setting.kind,
        life_ms,
        guard_ms: 200,
        settlement: Settlement::Refund,
        periods: PeriodLimits::new(limits).expect("one limit over ten minutes"),
    }
}

/// Somebody looks at the dashboard.
pub(super) async fn look(site: Site) {
    let Some((ledger, _)) = site.server(0).ledger() else { return };
    let Ok(overview) = ledger.overview().await else { return };
    let mut checker = site.checker.borrow_mut();
    let quarantined = |state| state == State::Quarantined;
    let is_quarantined = overview.iter().any(|(_, seen)| quarantined(seen.standing.state));
    checker.looks_at(Rule::NoNeedlessQuarantine);
    if is_quarantined && checker.losses.is_empty() {
        checker.breaks(Rule::NoNeedlessQuarantine, "a deployment is quarantined".to_owned());
    }
}
