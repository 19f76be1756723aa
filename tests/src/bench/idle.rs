//! What deployments cost that nobody uses: in memory, and in the time of a grant.

use std::fs;

use super::Effort;
use super::load;
use super::rounds::Figure;
use super::server;
use crate::harness::{QuotaServer, QuotaServerBuilder};

const CROWD: usize = 100_000;

/// The memory of an idle deployment in the server.
///
/// # Errors
/// The server does not come up.
pub async fn memory() -> anyhow::Result<Vec<String>> {
    let (alone, crowded) = (server::start().await?, crowded().start().await?);
    let bytes = (resident_bytes(&crowded)? - resident_bytes(&alone)?) / CROWD as f64;
    Ok(vec![format!("memory of an idle deployment: {bytes:.0} bytes (of {CROWD})")])
}

/// Single acquires beside 100 000 idle deployments, and alone.
///
/// # Errors
/// A server does not come up, or refuses something.
pub async fn crowd(effort: Effort) -> anyhow::Result<Vec<String>> {
    let (alone, crowded) = (server::start().await?, crowded().start().await?);
    let mut figure = Figure::new(
        "single acquires beside 100 000 deployments",
        "requests/s",
        "with 1 deployment",
    );
    for round in 0..effort.rounds {
        let ours = load::run(&server::singles(crowded.address(), effort, round)).await?;
        let floor = load::run(&server::singles(alone.address(), effort, round)).await?;
        figure.round(server::all_good(ours)?.per_second(), server::all_good(floor)?.per_second());
    }
    Ok(vec![figure.line()])
}

fn crowded() -> QuotaServerBuilder {
    let idle = (0..CROWD).map(|number| format!("idle-{number}"));
    let all = idle.chain([server::DEPLOYMENT.to_owned()]);
    let builder = QuotaServer::builder().flag("--log-level=warn");
    all.fold(builder, |builder, id| builder.deployment(id, server::endless()))
}

fn resident_bytes(server: &QuotaServer) -> anyhow::Result<f64> {
    let path = format!("/proc/{}/statm", server.process.pid().as_raw_nonzero());
    let pages: u64 = fs::read_to_string(path)?.split(' ').nth(1).unwrap_or_default().parse()?;
    Ok(pages as f64 * rustix::param::page_size() as f64)
}
