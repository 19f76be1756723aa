//! What becomes of deployments that the servers' deployments file names, or named.

use quota_api::{Declared, Deployment};

use super::set::told;
use super::{Output, Refusal, json};
use crate::ask::call::{AskedServer, Expect};

/// Puts what the file said last over what was put by hand, bound to the version that was read.
pub(super) async fn revert(
    server: &AskedServer,
    id: &str,
    output: Output,
) -> Result<String, Refusal> {
    let before = server.deployment(id).await?;
    let Some(Declared { spec, .. }) = &before.declared else {
        return Err(Refusal::No(format!("{id}: no deployments file ever named it")));
    };
    let after = server.put(id, spec, Expect::Version(before.version)).await?;
    Ok(match output {
        Output::Table => told(Some(&before), &after),
        Output::Json => json(&after),
    })
}

/// Removes what the file named once and does not name any more, each bound to the version that was
/// read.
pub(super) async fn prune(server: &AskedServer, dry_run: bool) -> Result<String, Refusal> {
    let all = server.deployments().await?.deployments;
    let mut text = String::new();
    for Deployment { id, version, .. } in all.iter().filter(|one| has_left(one)) {
        if dry_run {
            text += &format!("{id}: would be removed\n");
            continue;
        }
        server.delete(id, Some(Expect::Version(*version))).await?;
        text += &format!("{id}: removed\n");
    }
    Ok(if text.is_empty() { "there is none that was declared once\n".to_owned() } else { text })
}

fn has_left(deployment: &Deployment) -> bool {
    deployment.declared.as_ref().is_some_and(|declared| !declared.in_file)
}
