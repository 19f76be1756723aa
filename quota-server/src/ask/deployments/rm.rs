use super::Refusal;
use crate::ask::call::{Expect, Server};

pub(super) async fn rm(
    server: &Server,
    id: &str,
    if_version: Option<u64>,
) -> Result<String, Refusal> {
    server.delete(id, if_version.map(Expect::Version)).await?;
    Ok(format!("{id}: removed\n"))
}
