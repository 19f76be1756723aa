//! A full disk, made by a limit on the size of the files that the server may write.

use std::path::Path;

use quota_api::{Code, Lease};
use rustix::process::{Resource, Rlimit, prlimit};
use tests::harness::{QuotaServer, wait};

use crate::support::{Caller, DEPLOYMENT, spec};

/// A server that writes beyond a limit gets an error, not a signal that kills it.
async fn server() -> QuotaServer {
    let builder = QuotaServer::builder().deployment(DEPLOYMENT, spec());
    builder.with_signal_ignored("XFSZ").start().await.unwrap()
}

/// No file of the server may grow beyond this.
fn limit_files(server: &QuotaServer, bytes: Option<u64>) {
    let limit = Rlimit { current: bytes, maximum: None };
    prlimit(Some(server.process.pid()), Resource::Fsize, limit).unwrap();
}

/// The size of the journal's write-ahead log: no room for another commit, but for the lines that
/// the server logs.
fn journal_size(server: &QuotaServer) -> u64 {
    let files = std::fs::read_dir(server.data_dir()).unwrap().map(Result::unwrap);
    let is_wal = |path: &Path| path.to_string_lossy().ends_with("-wal");
    let sizes =
        files.filter(|file| is_wal(&file.path())).map(|file| file.metadata().unwrap().len());
    sizes.max().unwrap()
}

#[tokio::test]
async fn a_full_disk_refuses_grants_and_is_survived() {
    let mut server = server().await;
    let caller = Caller::of(&server);
    let before: Lease = caller.acquire("before", 10, 1).await.done(201);
    assert_eq!(before.usage.tokens.outstanding, 10);

    limit_files(&server, Some(journal_size(&server)));
    let said = caller.acquire("full", 20, 1).await;
    let problem = said.problem(Code::LedgerUnavailable);
    assert!(problem.retry_after_ms.is_some() && said.headers.contains_key("retry-after"));
    assert_eq!(caller.get("/readyz").await.status, 503);
    assert_eq!(caller.get("/healthz").await.status, 200);

    limit_files(&server, None);
    let again: Lease = retried(&caller, "full", 20).await;
    let outstanding = again.usage.tokens.outstanding;
    assert_eq!(outstanding, 30, "what was refused may count as spent, but only once");
    server.kill_and_start_again().await.unwrap();
    let after: Lease = caller.acquire("after", 1, 1).await.done(201);
    assert_eq!(after.usage.tokens.outstanding, 31);
}

/// The disk has room again; the server may take a moment to notice.
async fn retried(caller: &Caller, request_id: &str, tokens: u64) -> Lease {
    let look = || async {
        let said = caller.acquire(request_id, tokens, 1).await;
        (said.status == 201).then(|| said.json())
    };
    wait::until("a grant after the full disk", wait::START, look).await.unwrap()
}

#[tokio::test]
async fn reads_go_on_while_the_disk_is_full() {
    let server = server().await;
    let caller = Caller::of(&server);
    limit_files(&server, Some(journal_size(&server)));
    caller.acquire("full", 20, 1).await.problem(Code::LedgerUnavailable);
    for path in ["/v1/deployments", "/metrics"] {
        assert_eq!(caller.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_log_that_cannot_be_written_kills_nothing() {
    let server = server().await;
    let caller = Caller::of(&server);
    limit_files(&server, Some(0));
    caller.acquire("full", 20, 1).await.problem(Code::LedgerUnavailable);
    limit_files(&server, None);
    let lease: Lease = retried(&caller, "full", 20).await;
    assert_eq!(lease.usage.tokens.outstanding, 20);
}
