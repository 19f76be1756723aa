//! Deployments. What the book needs to know goes into its policy; the rest is one JSON text that
//! the ledger keeps and does not read. No field is in both, save what a lease's life was *asked* to
//! be, since the policy only has what became of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use quota_api::{Deployment, DeploymentSpec, LeasePolicy, Refused, Reservation};
use quota_core::{Limit, Policy, Settlement, WindowKind};
use serde::{Deserialize, Serialize};

use super::bounds;
use crate::http::Failure;
use crate::ledger::{Expected, Put, Stored};

const LIFE_MS: u64 = 2_000;
const ROLLING_LIFE_MS: u64 = 1_000;
const GUARD_MS: u64 = 200;

#[derive(Serialize, Deserialize)]
struct Details {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model_group: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    lease: LeasePolicy,
    #[serde(default, skip_serializing_if = "is_default")]
    reservation: Reservation,
    #[serde(default, skip_serializing_if = "is_default")]
    refused: Refused,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A wish to make or change a deployment.
///
/// # Errors
/// A value is out of its bounds.
pub fn put(id: Arc<str>, spec: DeploymentSpec, expected: Option<Expected>) -> Result<Put, Failure> {
    bounds::name("id", &id)?;
    bounds::spec(&spec)?;
    let policy = policy(&spec)?;
    let details = Details {
        model_group: spec.model_group,
        lease: spec.lease,
        reservation: spec.reservation,
        refused: spec.refused,
        labels: spec.labels,
    };
    let details = serde_json::to_string(&details).map_err(|_| Failure::internal())?;
    Ok(Put { id, policy, details: details.into(), expected })
}

fn policy(spec: &DeploymentSpec) -> Result<Policy, Failure> {
    let (kind, life_ms) = match spec.window {
        quota_api::WindowKind::Minute => (WindowKind::Minute, LIFE_MS),
        quota_api::WindowKind::Rolling => (WindowKind::Rolling, ROLLING_LIFE_MS),
    };
    Ok(Policy {
        limit: Limit::new(spec.tpm_limit, spec.rpm_limit),
        kind,
        life_ms: spec.lease.life_ms.unwrap_or(life_ms),
        guard_ms: spec.lease.guard_ms.unwrap_or(GUARD_MS),
        settlement: match spec.settlement {
            quota_api::Settlement::Refund => Settlement::Refund,
            quota_api::Settlement::None => Settlement::None,
        },
        periods: bounds::limits(&spec.limits)?,
    })
}

/// A deployment, as the API shows it.
pub(in crate::http) fn shown(stored: &Stored) -> Result<Deployment, Failure> {
    let details: Details = serde_json::from_str(&stored.details).map_err(|error| {
        tracing::error!(deployment = &*stored.id, %error, "a deployment's details cannot be read");
        Failure::internal()
    })?;
    let policy = &stored.policy;
    let spec = DeploymentSpec {
        tpm_limit: policy.limit.tokens(),
        rpm_limit: policy.limit.requests(),
        limits: policy.periods.as_slice().iter().map(Into::into).collect(),
        model_group: details.model_group,
        window: kind_shown(policy.kind),
        lease: details.lease,
        reservation: details.reservation,
        settlement: match policy.settlement {
            Settlement::Refund => quota_api::Settlement::Refund,
            Settlement::None => quota_api::Settlement::None,
        },
        refused: details.refused,
        labels: details.labels,
    };
    Ok(Deployment { id: stored.id.to_string(), spec, version: stored.version })
}

pub(super) const fn kind_shown(kind: WindowKind) -> quota_api::WindowKind {
    match kind {
        WindowKind::Minute => quota_api::WindowKind::Minute,
        WindowKind::Rolling => quota_api::WindowKind::Rolling,
    }
}

#[cfg(test)]
mod tests {
    use quota_api::LimitSpec;

    use super::*;

    fn stored(spec: DeploymentSpec) -> Stored {
        let Put { id, policy, details, .. } = put("d".into(), spec, None).unwrap();
        Stored { id, policy, details, version: 3, created: false }
    }

    #[test]
    fn what_was_put_is_shown() {
        let full = DeploymentSpec {
            tpm_limit: Some(500),
            rpm_limit: None,
            limits: vec![LimitSpec {
                unit: quota_api::Unit::Requests,
                per: "day".to_owned(),
                kind: quota_api::PeriodKind::Aligned,
                most: 10_000,
                offset: Some("-08:00".to_owned()),
            }],
            model_group: Some("gpt-4o".to_owned()),
            window: quota_api::WindowKind::Rolling,
            lease: LeasePolicy { life_ms: Some(700), guard_ms: None },
            reservation: Reservation::Input,
            settlement: quota_api::Settlement::None,
            refused: Refused::Refund,
            labels: [("team".to_owned(), "search".to_owned())].into(),
        };
        let bare = DeploymentSpec { rpm_limit: Some(1), ..Default::default() };
        for spec in [full, bare] {
            let shown = shown(&stored(spec.clone())).unwrap();
            assert_eq!((shown.spec, &*shown.id, shown.version), (spec, "d", 3));
        }
    }

    #[test]
    fn lives_have_defaults() {
        let life = |window| {
            let spec = DeploymentSpec { tpm_limit: Some(1), window, ..Default::default() };
            let policy = stored(spec).policy;
            (policy.life_ms, policy.guard_ms)
        };
        assert_eq!(life(quota_api::WindowKind::Minute), (2_000, 200));
        assert_eq!(life(quota_api::WindowKind::Rolling), (1_000, 200));
    }

    #[test]
    fn a_bare_deployment_costs_no_details() {
        let bare = DeploymentSpec { rpm_limit: Some(1), ..Default::default() };
        assert_eq!(&*stored(bare).details, "{}");
    }
}
