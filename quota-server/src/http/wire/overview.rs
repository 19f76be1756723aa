use quota_api::{DeploymentOverview, LedgerKind, LimitStanding, ServerRole};
use quota_core::{Overview, PeriodStanding};

use super::{deployment, state, usage};
use crate::config;
use crate::http::Failure;
use crate::ledger::{Role, Stored};

/// Deployments at a glance.
pub(in crate::http) fn overviews(
    all: &[(Stored, Overview)],
) -> Result<Vec<DeploymentOverview>, Failure> {
    all.iter().map(|(stored, seen)| overview(stored, seen)).collect()
}

fn overview(stored: &Stored, seen: &Overview) -> Result<DeploymentOverview, Failure> {
    let shown = deployment::shown(stored)?;
    let Overview { standing, page, .. } = seen;
    Ok(DeploymentOverview {
        id: shown.id,
        model_group: shown.spec.model_group,
        labels: shown.spec.labels,
        version: shown.version,
        window: shown.spec.window,
        drift: shown.declared.map(|declared| declared.drift).unwrap_or_default(),
        state: state(standing.state),
        usage: usage(standing),
        granted: page.granted.into(),
        given_back: page.given_back.into(),
        used: page.used.into(),
        held: page.held.into(),
        burnt: page.burnt.into(),
        denied: page.denied.into(),
        leases: seen.leases,
        holders: seen.holders,
        limits: seen.periods.iter().map(limit_standing).collect(),
    })
}

fn limit_standing(standing: &PeriodStanding) -> LimitStanding {
    LimitStanding::new(&standing.limit, standing.charged, standing.resets_in_ms)
}

/// What a server is among others.
pub(in crate::http) const fn role(role: Role) -> ServerRole {
    match role {
        Role::Active => ServerRole::Active,
        Role::Standby => ServerRole::Standby,
    }
}

/// Who keeps the book.
pub(in crate::http) const fn ledger_kind(kind: config::LedgerKind) -> LedgerKind {
    match kind {
        config::LedgerKind::Embedded => LedgerKind::Embedded,
        config::LedgerKind::Postgres => LedgerKind::Postgres,
        config::LedgerKind::Redis => LedgerKind::Redis,
    }
}
