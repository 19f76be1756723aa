use super::Refusal;
use crate::ask::call::{AskedServer, Expect};

/// Removes a deployment, and says so where it will come back.
pub(super) async fn rm(
    server: &AskedServer,
    id: &str,
    if_version: Option<u64>,
) -> Result<String, Refusal> {
    // Who may remove it may read it; if not, all that is missing is a hint.
    let before = server.deployment(id).await.ok();
    server.delete(id, if_version.map(Expect::Version)).await?;
    let declared = before.and_then(|before| before.declared);
    Ok(match declared.filter(|declared| declared.in_file) {
        None => format!("{id}: removed\n"),
        Some(_) => format!("{id}: removed; {COMES_BACK}\n"),
    })
}

const COMES_BACK: &str = "the servers' deployments file names it, so the next start makes it again: \
    take it out of the file, or set a limit of 0 to pause it";
