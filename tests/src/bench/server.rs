//! A quota server to measure, and what is sent to it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use quota_api::{DeploymentSpec, limits, routes};

use super::Effort;
use super::load::{Load, Outcome};
use crate::harness::{HarnessError, QuotaServer, QuotaServerBuilder};

/// The one deployment that is acquired from.
pub(super) const DEPLOYMENT: &str = "bench";

/// Connections of single acquires, as the figure demands.
pub(super) const CONNECTIONS: usize = 64;

/// Connections of batches, and acquires in one.
pub(super) const BATCH_CONNECTIONS: usize = 8;
pub(super) const BATCH: usize = 512;

/// A server with one deployment that never runs out.
pub(super) async fn start() -> Result<QuotaServer, HarnessError> {
    builder().start().await
}

/// The same of another build.
pub(super) async fn start_other(program: &Path) -> Result<QuotaServer, HarnessError> {
    builder().program(program).start().await
}

fn builder() -> QuotaServerBuilder {
    QuotaServer::builder().deployment(DEPLOYMENT, endless()).flag("--log-level=warn")
}

/// A deployment that never runs out within a benchmark.
pub(super) fn endless() -> DeploymentSpec {
    DeploymentSpec {
        tpm_limit: Some(limits::MAX_LIMIT),
        rpm_limit: Some(limits::MAX_LIMIT),
        ..DeploymentSpec::default()
    }
}

fn item(connection: usize, turn: u64, index: usize) -> String {
    format!(
        r#"{{"deployment":"{DEPLOYMENT}","request_id":"{connection}-{turn}-{index}","tokens":{{"min":100,"want":100}},"requests":{{"min":1,"want":1}}"#
    )
}

/// One acquire a request.
pub(super) fn singles(server: SocketAddr, effort: Effort, round: usize) -> Load {
    Load {
        to: server,
        path: routes::LEASES,
        connections: CONNECTIONS,
        lasts: effort.round,
        turns: u64::MAX,
        body: Arc::new(move |connection, turn| {
            let acquire = item(connection, turn, round);
            Bytes::from(format!(r#"{acquire},"holder":"bench-{connection}"}}"#))
        }),
    }
}

/// [`BATCH`] acquires a request. No two loads on one ledger may have the same round: the same
/// requests get the same leases.
pub(super) fn batches(server: SocketAddr, effort: Effort, round: usize) -> Load {
    Load {
        to: server,
        path: routes::BATCH,
        connections: BATCH_CONNECTIONS,
        lasts: effort.round,
        turns: u64::MAX,
        body: Arc::new(move |connection, turn| {
            let items = (0..BATCH).map(|index| item(connection, turn, round * BATCH + index) + "}");
            let items = items.collect::<Vec<_>>().join(",");
            Bytes::from(format!(r#"{{"holder":"bench-{connection}","acquire":[{items}]}}"#))
        }),
    }
}

/// Nothing may have been refused: a refusal is cheaper than a grant.
pub(super) fn all_good(outcome: Outcome) -> anyhow::Result<Outcome> {
    anyhow::ensure!(outcome.bad == 0, "{} requests were refused", outcome.bad);
    Ok(outcome)
}
