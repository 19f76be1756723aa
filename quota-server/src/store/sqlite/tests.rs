//! What only files can do: be in use, lost, newer, or broken.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use quota_core::{Amount, Limit, PeriodLimits, Policy, RequestKey, Settlement, WindowKind, Wish};
use sqlx::Connection;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connect;
use crate::clock::manual::ManualClock;
use crate::ledger::journaled::{JournaledConfig, JournaledLedger, OpenError, RecoveryError};
use crate::ledger::{Caller, Ledger, Op, OpError, Put, Reply, Unavailable};
use crate::verify::{VerifyError, verify};

async fn open(folder: &Path, shards: u32) -> Result<JournaledLedger, OpenError> {
    let config = JournaledConfig { shards, ..JournaledConfig::new(folder) };
    let clock = Arc::new(ManualClock::new());
    JournaledLedger::open(&config, clock, &TaskTracker::new(), CancellationToken::new()).await
}

async fn error(folder: &Path, shards: u32) -> OpenError {
    open(folder, shards).await.err().expect("it must not open")
}

/// A folder with three commits of grants.
async fn used(shards: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path(), shards).await.unwrap();
    use_up_most(&ledger, "a").await;
    ledger.stop().await;
    folder
}

/// Makes a deployment, and grants 300 of its 500.
async fn use_up_most(ledger: &JournaledLedger, id: &str) {
    let limit = Limit::new(Some(500), None);
    let (life_ms, guard_ms) = (2_000, 200);
    let (kind, settlement) = (WindowKind::Minute, Settlement::Refund);
    let policy =
        Policy { limit, kind, life_ms, guard_ms, settlement, periods: PeriodLimits::default() };
    let (put, details) = (Arc::from(id), Arc::from("{}"));
    ledger.put(Put { id: put, policy, details, expected: None }).await.unwrap();
    let caller = Caller { credential: "token".into(), holder: "gw-1/5f".into() };
    for request in 0..3 {
        let (min, want) = (Amount::new(100, 1), Amount::new(100, 1));
        let wish = Wish { request: RequestKey(request), min, want, ahead: false };
        let op = Op::Acquire { deployment: id.into(), wish };
        assert!(ledger.run(caller.clone(), vec![op]).await[0].is_ok());
    }
}

async fn sql(folder: &Path, statement: &'static str) {
    let mut connection = connect(&folder.join("ledger-00.sqlite")).await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn nobody_else_reads_the_files() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("data");
    let ledger = open(&folder, 2).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() >= 5, "two journals, each with a log, and the lock: {files:?}");
    for file in &files {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    ledger.stop().await;
}

#[tokio::test]
async fn two_servers_do_not_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path(), 1).await.unwrap();
    assert!(matches!(error(folder.path(), 1).await, OpenError::InUse(_)));
    first.stop().await;
    open(folder.path(), 1).await.unwrap();
}

#[tokio::test]
async fn the_number_of_shards_is_fixed() {
    let folder = used(2).await;
    for shards in [1, 3] {
        let error = error(folder.path(), shards).await;
        assert!(matches!(error, OpenError::ShardsDiffer { stored_of: 2, .. }), "{error}");
    }
    assert!(matches!(error(folder.path(), 65).await, OpenError::Shards(65)));
    open(folder.path(), 2).await.unwrap().stop().await;
    std::fs::remove_file(folder.path().join("ledger-01.sqlite")).unwrap();
    assert!(matches!(error(folder.path(), 2).await, OpenError::Missing(_)));
    assert!(!folder.path().join("ledger-01.sqlite").exists(), "not made anew");
}

#[tokio::test]
async fn a_newer_schema_is_left_alone() {
    let folder = used(1).await;
    sql(
        folder.path(),
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'newer', 1, x'00', 0)",
    )
    .await;
    let error = error(folder.path(), 1).await;
    assert!(matches!(error, OpenError::NewerSchema { version: 9_999, .. }), "{error}");
}

/// Acquires exactly this of `a`.
async fn take(ledger: &JournaledLedger, tokens: u64) -> Result<Reply, OpError> {
    take_of(ledger, "a", tokens).await
}

async fn take_of(ledger: &JournaledLedger, id: &str, tokens: u64) -> Result<Reply, OpError> {
    let caller = Caller { credential: "token".into(), holder: "gw-1/5f".into() };
    let (min, want) = (Amount::new(tokens, 1), Amount::new(tokens, 1));
    let wish = Wish { request: RequestKey(u128::from(tokens)), min, want, ahead: false };
    let op = Op::Acquire { deployment: id.into(), wish };
    ledger.run(caller, vec![op]).await.remove(0)
}

/// Nothing is granted for two windows, all of it in the next.
async fn is_quarantined(folder: &Path) {
    are_quarantined(folder, 1, &["a"]).await;
}

async fn are_quarantined(folder: &Path, shards: u32, ids: &[&str]) {
    let (clock, tracker) = (ManualClock::new(), TaskTracker::new());
    let config = JournaledConfig { shards, ..JournaledConfig::new(folder) };
    let reads = Arc::new(clock.clone());
    let stop = CancellationToken::new();
    let ledger = JournaledLedger::open(&config, reads, &tracker, stop).await.unwrap();
    for _ in 0..2 {
        for id in ids {
            let refused = take_of(&ledger, id, 7).await;
            assert!(
                matches!(refused, Err(OpError::Unavailable(Unavailable::CannotWrite))),
                "{id}: {refused:?}"
            );
        }
        clock.advance(60_000);
    }
    for id in ids {
        take_of(&ledger, id, 500).await.unwrap();
    }
    ledger.stop().await;
}

#[tokio::test]
async fn a_broken_entry_is_named_kept_and_quarantined() {
    let folder = used(1).await;
    sql(
        folder.path(),
        "UPDATE journal SET entry = CAST(substr(entry, 1, length(entry) - 1) AS BLOB)
         WHERE seq = 3",
    )
    .await;
    let found = verify(folder.path()).await.unwrap_err();
    assert!(matches!(found, VerifyError::Unreadable { .. }), "{found}");
    is_quarantined(folder.path()).await;
    let kept = folder.path().join("quarantine/ledger-00-3");
    assert!(!std::fs::read(kept.with_extension("entry")).unwrap().is_empty());
    let why = std::fs::read_to_string(kept.with_extension("txt")).unwrap();
    assert!(why.starts_with("journal entry 3 is unreadable"), "{why}");
}

#[tokio::test]
async fn a_lost_entry_is_quarantined() {
    let folder = used(1).await;
    sql(folder.path(), "DELETE FROM journal WHERE seq = 2").await;
    let found = verify(folder.path()).await.unwrap_err();
    let VerifyError::Unreadable { source, .. } = &found else { panic!("{found}") };
    assert!(matches!(source, RecoveryError::Gap { expected: 2, found: 3 }), "{found}");
    is_quarantined(folder.path()).await;
}

#[tokio::test]
async fn a_database_that_was_put_back_is_quarantined() {
    let folder = used(1).await;
    let last = "DELETE FROM journal WHERE seq = (SELECT max(seq) FROM journal)";
    sql(folder.path(), last).await;
    is_quarantined(folder.path()).await;
}

/// The time that windows are numbered by is that of all shards: one cannot go past what it lost
/// without the others.
#[tokio::test]
async fn of_several_databases_one_that_was_put_back_quarantines_all() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path(), 2).await.unwrap();
    let ids = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for id in ids {
        use_up_most(&ledger, id).await;
    }
    ledger.stop().await;
    let last = "DELETE FROM journal WHERE seq = (SELECT max(seq) FROM journal)";
    sql(folder.path(), last).await;
    are_quarantined(folder.path(), 2, &ids).await;
}

#[tokio::test]
async fn a_start_within_a_quarantine_is_quarantined_too() {
    let folder = used(1).await;
    let last = "DELETE FROM journal WHERE seq = (SELECT max(seq) FROM journal)";
    sql(folder.path(), last).await;
    // Meanwhile entries reach the number that the witness saw.
    for _ in 0..4 {
        let ledger = open(folder.path(), 1).await.unwrap();
        let refused = take(&ledger, 7).await;
        assert!(
            matches!(refused, Err(OpError::Unavailable(Unavailable::CannotWrite))),
            "{refused:?}"
        );
        ledger.stop().await;
        let another = "INSERT INTO journal (seq, entry) SELECT max(seq) + 1, x'' FROM journal";
        sql(folder.path(), another).await;
    }
}

#[tokio::test]
async fn a_database_without_its_witness_is_quarantined() {
    let (folder, restored) = (used(1).await, tempfile::tempdir().unwrap());
    let name = "ledger-00.sqlite";
    // All of it into the one file, as a backup does it.
    sql(folder.path(), "PRAGMA wal_checkpoint(TRUNCATE)").await;
    std::fs::copy(folder.path().join(name), restored.path().join(name)).unwrap();
    is_quarantined(restored.path()).await;
}

#[tokio::test]
async fn a_copy_that_is_put_back_reads_nothing_of_what_another_left() {
    let (folder, copies) = (used(1).await, tempfile::tempdir().unwrap());
    let (name, beside) = ("ledger-00.sqlite", folder.path().join("ledger-00.sqlite-wal"));
    super::copy_into(&folder.path().join(name), copies.path()).await.unwrap();
    std::fs::remove_file(folder.path().join(name)).unwrap();
    std::fs::write(&beside, "of another").unwrap();
    super::put_back(&copies.path().join(name), folder.path()).unwrap();
    assert!(!beside.exists());
    is_quarantined(folder.path()).await;
}

#[tokio::test]
async fn a_folder_that_is_a_copy_is_quarantined() {
    let (folder, copy) = (used(1).await, tempfile::tempdir().unwrap());
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    is_quarantined(copy.path()).await;
    let ledger = open(folder.path(), 1).await.unwrap();
    assert!(ledger.health().await.is_ok(), "the folder itself is vouched for");
    ledger.stop().await;
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ledger-00.sqlite"), "what is this?".repeat(99)).unwrap();
    let error = error(folder.path(), 1).await;
    assert!(matches!(error, OpenError::Store { .. }), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let no_folder = folder.path().join("file");
    std::fs::write(&no_folder, "").unwrap();
    assert!(matches!(super::FolderLock::take(&no_folder), Err(OpenError::Folder { .. })));
}

#[tokio::test]
async fn a_folder_is_verified_as_it_is() {
    let folder = used(3).await;
    let report = verify(folder.path()).await.unwrap();
    assert_eq!(report.grants.len(), 3);
    let holders: Vec<_> = report.grants.iter().map(|grant| &*grant.holder).collect();
    assert_eq!(holders, ["gw-1/5f"; 3]);
    let windows: Vec<_> = report.windows.iter().collect();
    let [((id, _), sums)] = windows.as_slice() else { panic!("{windows:?}") };
    assert_eq!((&**id, sums.granted), ("a", Amount::new(300, 3)));
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(verify(empty.path()).await, Err(VerifyError::Empty(_))));
}
