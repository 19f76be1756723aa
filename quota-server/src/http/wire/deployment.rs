//! Deployments. What the book needs to know goes into its policy; the rest is one JSON text that
//! the ledger keeps and does not read. No field is in both, save what a lease's life was *asked* to
//! be, since the policy only has what became of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use quota_api::{Declared, Deployment, DeploymentSpec, LeasePolicy, Refused, Reservation};
use quota_core::{Limit, Policy, Settlement, WindowKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::bounds;
use crate::declared::DeclaredMemory;
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    declared: Option<DeclaredMemory>,
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
        declared: None,
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
pub(crate) fn shown(stored: &Stored) -> Result<Deployment, Failure> {
    let details = read(&stored.details).map_err(|error| {
        tracing::error!(deployment = &*stored.id, %error, "a deployment's details cannot be read");
        Failure::internal()
    })?;
    let memory = details.declared.clone();
    let spec = whole(&stored.policy, details);
    let declared = memory.and_then(|memory| declared(&memory, &spec));
    Ok(Deployment { id: stored.id.to_string(), spec, version: stored.version, declared })
}

/// What is set of a deployment, each value where it has one.
pub(crate) fn spec(policy: &Policy, details: &str) -> serde_json::Result<DeploymentSpec> {
    Ok(whole(policy, read(details)?))
}

/// The same, as a deployment that it was put of shows it; `None`: a value is out of its bounds.
pub(crate) fn normal(spec: DeploymentSpec) -> Option<DeploymentSpec> {
    let put = put("normal".into(), spec, None).ok()?;
    self::spec(&put.policy, &put.details).ok()
}

/// What the deployments file said of a deployment with these details.
pub(crate) fn memory(details: &str) -> Option<DeclaredMemory> {
    read(details).ok()?.declared
}

/// The same put, with this memory instead of the one that it has.
pub(crate) fn remembering(put: Put, memory: DeclaredMemory) -> Put {
    let mut details = read(&put.details).expect("they were read before");
    details.declared = Some(memory);
    let details = serde_json::to_string(&details).expect("names and numbers can be written");
    Put { details: details.into(), ..put }
}

fn read(details: &str) -> serde_json::Result<Details> {
    serde_json::from_str(details)
}

fn whole(policy: &Policy, details: Details) -> DeploymentSpec {
    DeploymentSpec {
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
    }
}

/// What the file said, beside what is so now.
fn declared(memory: &DeclaredMemory, now: &DeploymentSpec) -> Option<Declared> {
    let (spec, in_file) = (normal(memory.spec()?)?, memory.is_in_file());
    let drift = if in_file { drift(&spec, now) } else { Vec::new() };
    Some(Declared { spec, in_file, drift })
}

/// The names of what differs.
fn drift(said: &DeploymentSpec, now: &DeploymentSpec) -> Vec<String> {
    if said == now {
        return Vec::new();
    }
    let fields = |spec| match serde_json::to_value(spec) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let (said, now) = (fields(said), fields(now));
    let names: BTreeSet<&String> = said.keys().chain(now.keys()).collect();
    names.into_iter().filter(|name| said.get(*name) != now.get(*name)).cloned().collect()
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
