//! Tells the quota server the deployments' limits, when told to. Registering is an upsert: every
//! replica does it, with the same outcome.

use std::time::Duration;

use gateway_client::api::{Code, DeploymentSpec, LimitSpec, PeriodKind, Unit};
use gateway_client::{CallError, QuotaClient};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, DeploymentConfig, QuotaConfig};

/// Between two tries while the server is away.
const PAUSE: Duration = Duration::from_millis(500);

/// Registers all deployments that have limits. While the server is away it is tried again, until
/// the stop; a deployment that the server refuses is told and left.
pub(crate) async fn register(client: &QuotaClient, config: &Config, stop: &CancellationToken) {
    for deployment in &config.deployments {
        let Some(spec) = spec(deployment, &config.quota) else {
            continue;
        };
        let registering = put(client, &deployment.id, &spec);
        if stop.run_until_cancelled(registering).await.is_none() {
            return;
        }
    }
}

/// Says which deployments the quota server doesn't know, where it isn't told to register them:
/// every request to one of these would be refused, and nobody else would say why.
pub(crate) async fn tell_unknown(client: &QuotaClient, config: &Config, stop: &CancellationToken) {
    let limited = config.deployments.iter().filter(|deployment| deployment.limits.is_some());
    let mut unknown = Vec::new();
    for deployment in limited {
        match stop.run_until_cancelled(is_known(client, &deployment.id)).await {
            Some(true) => {}
            Some(false) => unknown.push(deployment.id.as_str()),
            None => return,
        }
    }
    if !unknown.is_empty() {
        tracing::warn!(
            deployments = unknown.join(", "),
            "the quota server does not know these deployments, so requests to them are refused: start with \
             --register and an admin's token, or make them there under these ids"
        );
    }
}

/// While the server is away it is asked again; a server that doesn't say is left alone.
async fn is_known(client: &QuotaClient, id: &str) -> bool {
    loop {
        match client.deployment_on_server(id).await {
            Err(CallError::Problem(problem)) if problem.code == Code::DeploymentNotFound => {
                return false;
            }
            Err(error) if may_pass(&error) => tokio::time::sleep(PAUSE).await,
            _ => return true,
        }
    }
}

async fn put(client: &QuotaClient, id: &str, spec: &DeploymentSpec) {
    let mut told = false;
    let mut spec = spec.clone();
    loop {
        keep_limits(client, id, &mut spec).await;
        let error = match client.put_deployment(id, &spec).await {
            Ok(_) => return tracing::info!(deployment = id, "registered"),
            Err(error) => error,
        };
        // Not every ledger counts days, and an older server knows no such field: minutes are kept
        // all the same.
        let has_others = spec.tpm_limit.is_some() || spec.rpm_limit.is_some();
        if has_others && !spec.limits.is_empty() && is_of_limits(&error) {
            tracing::error!(deployment = id, %error, "the day's limits are not kept");
            spec.limits.clear();
            continue;
        }
        if !may_pass(&error) {
            return tracing::error!(deployment = id, %error, "not registered");
        }
        if !std::mem::replace(&mut told, true) {
            tracing::warn!(deployment = id, %error, "not registered yet");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Limits over longer periods that an operator gave the deployment stay, where the file says
/// nothing of any.
async fn keep_limits(client: &QuotaClient, id: &str, spec: &mut DeploymentSpec) {
    if spec.limits.is_empty()
        && let Ok(known) = client.deployment_on_server(id).await
    {
        spec.limits = known.spec.limits;
    }
}

/// Whether limits over longer periods are what the server does not take.
fn is_of_limits(error: &CallError) -> bool {
    let codes = [Code::InvalidValue, Code::MalformedBody];
    let is_of = |problem: &gateway_client::api::Problem| {
        codes.contains(&problem.code) && problem.detail.contains("`limits")
    };
    matches!(error, CallError::Problem(problem) if is_of(problem))
}

/// Whether the same call may go well later.
fn may_pass(error: &CallError) -> bool {
    match error {
        CallError::Problem(problem) => problem.code.is_retryable(),
        CallError::Status(status) => *status >= 500,
        CallError::Unreachable(_) | CallError::Standby { .. } => true,
        CallError::Unreadable(_) => false,
    }
}

fn spec(deployment: &DeploymentConfig, quota: &QuotaConfig) -> Option<DeploymentSpec> {
    let limits = deployment.limits?;
    let days = [(Unit::Tokens, limits.tpd), (Unit::Requests, limits.rpd)];
    let days = days.into_iter().filter_map(|(unit, most)| Some(a_day(unit, most?)));
    Some(DeploymentSpec {
        tpm_limit: limits.tpm,
        rpm_limit: limits.rpm,
        limits: days.collect(),
        model_group: Some(deployment.model_group.clone()),
        window: quota.window,
        reservation: quota.reservation.into(),
        settlement: quota.settlement,
        refused: quota.refused,
        ..DeploymentSpec::default()
    })
}

/// So much a day, of the calendar in UTC.
fn a_day(unit: Unit, most: u64) -> LimitSpec {
    LimitSpec { unit, per: "day".to_owned(), kind: PeriodKind::Aligned, most, offset: None }
}

#[cfg(test)]
mod tests {
    use gateway_client::api::{Problem, Reservation};

    use super::*;
    use crate::config::Environment;

    const FILE: &str = "
model_list:
  - {model_name: limited, litellm_params: {model: gpt-4o, api_key: k, rpm: 5, tpd: 900}}
  - {model_name: unlimited, litellm_params: {model: gpt-4o, api_key: k}}
quota_server: {reservation: input}
";

    #[test]
    fn what_has_limits_is_registered() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), FILE).unwrap();
        let config = Config::load(file.path(), &Environment::default()).unwrap();
        let specs = config.deployments.iter().map(|deployment| spec(deployment, &config.quota));
        let expected = DeploymentSpec {
            rpm_limit: Some(5),
            limits: vec![a_day(Unit::Tokens, 900)],
            model_group: Some("limited".to_owned()),
            reservation: Reservation::Input,
            ..DeploymentSpec::default()
        };
        assert_eq!(specs.collect::<Vec<_>>(), [Some(expected), None]);
    }

    #[test]
    fn a_refusal_is_not_tried_again() {
        let problem = |code| CallError::Problem(Box::new(Problem::new(code, "")));
        assert!(!may_pass(&problem(Code::Forbidden)));
        assert!(may_pass(&problem(Code::LedgerUnavailable)));
        assert!(may_pass(&CallError::Status(502)));
        assert!(!may_pass(&CallError::Status(404)));
    }
}
