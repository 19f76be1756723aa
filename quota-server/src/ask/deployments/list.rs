use quota_api::{Declared, Deployment};

use super::{Output, Refusal, json, limit};
use crate::ask::call::AskedServer;
use crate::ask::table::{columns, or_dash, word};

pub(super) async fn list(server: &AskedServer, output: Output) -> Result<String, Refusal> {
    let list = server.deployments().await?;
    Ok(match output {
        Output::Table => columns(HEAD, 2..4, list.deployments.iter().map(row)),
        Output::Json => json(&list),
    })
}

const HEAD: [&str; 8] = ["ID", "WINDOW", "TPM", "RPM", "LIMITS", "GROUP", "VERSION", "DECLARED"];

fn row(deployment: &Deployment) -> [String; 8] {
    let spec = &deployment.spec;
    let limits = spec.limits.iter().map(limit::word).collect::<Vec<_>>().join(" ");
    [
        deployment.id.clone(),
        word(&spec.window),
        or_dash(spec.tpm_limit),
        or_dash(spec.rpm_limit),
        or_dash((!limits.is_empty()).then_some(limits)),
        or_dash(spec.model_group.as_ref()),
        deployment.version.to_string(),
        or_dash(deployment.declared.as_ref().map(stands)),
    ]
}

/// How a deployment stands to the servers' deployments file.
fn stands(declared: &Declared) -> String {
    match &*declared.drift {
        _ if !declared.in_file => "once".to_owned(),
        [] => "yes".to_owned(),
        drift => format!("drift:{}", drift.join(",")),
    }
}
