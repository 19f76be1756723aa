//! Tells the quota server the deployments' limits, when told to. Registering is an upsert: every
//! replica does it, with the same outcome.

use std::time::Duration;

use gateway_client::api::DeploymentSpec;
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

async fn put(client: &QuotaClient, id: &str, spec: &DeploymentSpec) {
    let mut told = false;
    loop {
        let error = match client.put_deployment(id, spec).await {
            Ok(_) => return tracing::info!(deployment = id, "registered"),
            Err(error) => error,
        };
        if !may_pass(&error) {
            return tracing::error!(deployment = id, %error, "not registered");
        }
        if !std::mem::replace(&mut told, true) {
            tracing::warn!(deployment = id, %error, "not registered yet");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether the same call may go well later.
fn may_pass(error: &CallError) -> bool {
    match error {
        CallError::Problem(problem) => problem.code.is_retryable(),
        CallError::Status(status) => *status >= 500,
        CallError::Unreachable(_) => true,
        CallError::Unreadable(_) => false,
    }
}

fn spec(deployment: &DeploymentConfig, quota: &QuotaConfig) -> Option<DeploymentSpec> {
    let limits = deployment.limits?;
    Some(DeploymentSpec {
        tpm_limit: limits.tpm,
        rpm_limit: limits.rpm,
        model_group: Some(deployment.model_group.clone()),
        window: quota.window,
        reservation: quota.reservation.into(),
        settlement: quota.settlement,
        ..DeploymentSpec::default()
    })
}
