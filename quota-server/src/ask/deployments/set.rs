use quota_api::{Deployment, DeploymentSpec};

use super::change::Change;
use super::show::settings;
use super::{Output, Refusal, json};
use crate::ask::call::{AskedServer, Expect};

/// Reads, changes, and puts what was read, changed: bound to its version, so that nothing that
/// somebody else did in between is lost.
pub(super) async fn set(
    server: &AskedServer,
    id: &str,
    change: &Change,
    if_version: Option<u64>,
    output: Output,
) -> Result<String, Refusal> {
    let before = match server.deployment(id).await {
        Ok(deployment) => Some(deployment),
        Err(refusal) if refusal.is_not_found() => None,
        Err(refusal) => return Err(refusal),
    };
    let version = before.as_ref().map_or(0, |before| before.version);
    let expect = match if_version.unwrap_or(version) {
        0 => Expect::Nothing,
        version => Expect::Version(version),
    };
    let spec = change.of(before.as_ref().map(|before| before.spec.clone()).unwrap_or_default());
    let after = server.put(id, &spec, expect).await?;
    Ok(match output {
        Output::Table => told(before.as_ref(), &after),
        Output::Json => json(&after),
    })
}

/// What has changed, a line each.
pub(super) fn told(before: Option<&Deployment>, after: &Deployment) -> String {
    let id = &after.id;
    let Some(before) = before else {
        return format!("{id}: made, version {}\n", after.version);
    };
    let lines = changes(&before.spec, &after.spec);
    if lines.is_empty() {
        return format!("{id}: as it was, version {}\n", after.version);
    }
    let lines = lines.iter().map(|line| format!("{id}: {line}\n"));
    lines.chain([format!("{id}: version {}\n", after.version)]).collect()
}

fn changes(before: &DeploymentSpec, after: &DeploymentSpec) -> Vec<String> {
    let (before, after) = (settings(before), settings(after));
    let value = |rows: &[[String; 2]], name: &str| {
        let row = rows.iter().find(|[field, _]| field == name);
        row.map_or_else(|| "none".to_owned(), |[_, value]| value.clone())
    };
    let mut names: Vec<&str> = before.iter().chain(&after).map(|[name, _]| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let changes = names.into_iter().map(|name| (name, value(&before, name), value(&after, name)));
    let changes = changes.filter(|(_, before, after)| before != after);
    changes.map(|(name, before, after)| format!("{name} {before} -> {after}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(version: u64, tpm: u64, rpm: Option<u64>) -> Deployment {
        let spec =
            DeploymentSpec { tpm_limit: Some(tpm), rpm_limit: rpm, ..DeploymentSpec::default() };
        Deployment { id: "a".to_owned(), spec, version, declared: None }
    }

    #[test]
    fn what_changed_is_told_and_nothing_else() {
        let before = deployment(1, 500, Some(5));
        assert_eq!(told(None, &before), "a: made, version 1\n");
        assert_eq!(told(Some(&before), &before), "a: as it was, version 1\n");
        assert_eq!(
            told(Some(&before), &deployment(2, 600, None)),
            "a: rpm_limit 5 -> none\na: tpm_limit 500 -> 600\na: version 2\n"
        );
    }
}
