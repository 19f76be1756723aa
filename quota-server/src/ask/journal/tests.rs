//! The commands on embedded ledgers that were stopped.

use std::path::Path;
use std::sync::Arc;

use clap::Parser;
use quota_core::{Amount, Limit, PeriodLimits, Policy, RequestKey, Settlement, WindowKind, Wish};
use sqlx::Connection;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::*;
use crate::clock::manual::ManualClock;
use crate::ledger::journaled::{JournaledConfig, JournaledLedger};
use crate::ledger::{Caller, Ledger, Op, Put};
use crate::store::sqlite;

#[derive(clap::Parser)]
struct Line {
    #[command(subcommand)]
    journal: Journal,
}

async fn says(folder: &TempDir, line: &str) -> Result<String, String> {
    let data_dir = folder.path().display().to_string();
    let words = ["journal"].into_iter().chain(line.split(' ')).chain(["--data-dir", &data_dir]);
    let said = Line::parse_from(words).journal.run(|_| None).await;
    said.map_err(|refusal| refusal.to_string())
}

/// A ledger of so many shards in which each of these was asked for a lease, one after another.
async fn ledger(shards: u32, ids: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = JournaledConfig { shards, ..JournaledConfig::new(folder.path()) };
    let (clock, tracker) = (Arc::new(ManualClock::new()), TaskTracker::new());
    let ledger =
        JournaledLedger::open(&config, clock, &tracker, CancellationToken::new()).await.unwrap();
    for (number, id) in ids.iter().copied().enumerate() {
        let limit = Limit::new(Some(500), None);
        let (kind, settlement) = (WindowKind::Minute, Settlement::Refund);
        let policy = Policy {
            limit,
            kind,
            life_ms: 2_000,
            guard_ms: 200,
            settlement,
            periods: PeriodLimits::default(),
        };
        let put = Put { id: id.into(), policy, details: "{}".into(), expected: None };
        ledger.put(put).await.unwrap();
        let caller = Caller { credential: "token".into(), holder: "gw-1".into() };
        let wish = Wish {
            request: RequestKey(number as u128),
            min: Amount::new(10, 1),
            want: Amount::new(10, 1),
            ahead: false,
        };
        let op = Op::Acquire { deployment: id.into(), wish };
        ledger.run(caller, vec![op]).await.remove(0).unwrap();
    }
    ledger.stop().await;
    folder
}

/// Changes a byte of the last entry.
async fn damage(file: &Path) {
    let mut connection = sqlite::connect(file).await.unwrap();
    let last = "SELECT seq, entry FROM journal ORDER BY seq DESC LIMIT 1";
    let (seq, mut entry): (i64, Vec<u8>) =
        sqlx::query_as(last).fetch_one(&mut connection).await.unwrap();
    entry[9] ^= 1;
    let damage = sqlx::query("UPDATE journal SET entry = ? WHERE seq = ?").bind(entry).bind(seq);
    damage.execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn shards_without_entries_are_nothing_to_quarantine() {
    let folder = ledger(4, &["a"]).await;
    let told = says(&folder, "quarantine --all").await.unwrap();
    assert_eq!(told.lines().count(), 4, "{told}");
    assert_eq!(told.matches("quarantines all deployments").count(), 1, "{told}");
    assert_eq!(told.matches("the journal has no entry").count(), 3, "{told}");
    let nothing = says(&ledger(2, &[]).await, "quarantine --all").await.unwrap_err();
    assert_eq!(nothing.matches("the journal has no entry").count(), 2, "{nothing}");
}

#[tokio::test]
async fn a_shard_that_cannot_be_quarantined_stops_no_other() {
    let ids = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let folder = ledger(2, &ids).await;
    damage(&folder.path().join("ledger-00.sqlite")).await;
    let told = says(&folder, "quarantine --all").await.unwrap_err();
    assert_eq!(told.lines().count(), 2, "{told}");
    assert_eq!(told.matches("quarantines all deployments").count(), 1, "{told}");
    assert_eq!(told.matches("cannot be read").count(), 1, "{told}");
    let told = says(&folder, &format!("quarantine {}", ids.join(" "))).await.unwrap_err();
    assert_eq!(told.lines().count(), ids.len(), "{told}");
    assert!(told.contains("quarantines ") && told.contains("cannot be read"), "{told}");
    assert!(says(&folder, "quarantine a another").await.unwrap_err().contains("no deployment"));
}

#[tokio::test]
async fn entries_that_have_nothing_of_a_deployment_take_no_place() {
    let folder = ledger(1, &["a", "b", "c", "b"]).await;
    for which in ["--count 1", "--count 20", "--count 1 --from 1"] {
        let told = says(&folder, &format!("show --deployment a {which}")).await.unwrap();
        assert_eq!(told.matches("Granted").count(), 1, "{which}: {told}");
        assert!(told.contains(r#""deployment":"a""#) && !told.contains(r#""b""#), "{told}");
    }
    let last = says(&folder, "show --deployment b --count 1").await.unwrap();
    assert!(last.lines().count() == 1 && last.contains("Granted"), "{last}");
    let unknown = says(&folder, "show --deployment another").await.unwrap_err();
    assert_eq!(unknown, "there is no deployment `another`");
}

/// As the chart sets it.
#[test]
fn the_password_of_a_database_may_be_in_a_file() {
    #[derive(clap::Parser)]
    struct Named {
        #[command(flatten)]
        store: JournalSource,
    }
    let place = |words: &[&str], url: &'static str| {
        let env = |name: &str| match name {
            "QUOTA_DATABASE_URL" => Some(url.to_owned()),
            "QUOTA_DATABASE_PASSWORD_FILE" => Some("/etc/password".to_owned()),
            _ => None,
        };
        Named::parse_from(["named"].iter().chain(words)).store.place(env).unwrap()
    };
    let with = |url: &str, file: Option<&str>| {
        Place::Postgres(DatabaseUrl::new(url, file.map(|file| PasswordSource::File(file.into()))))
    };
    let file = Some("/etc/password");
    assert_eq!(place(&[], "postgres://me@h/q"), with("postgres://me@h/q", file));
    assert_eq!(place(&[], "postgres://me:hush@h/q"), with("postgres://me:hush@h/q", None));
    let flag = ["--database-url", "postgres://you@h/q"];
    assert_eq!(place(&flag, "postgres://me@h/q"), with("postgres://you@h/q", file));
}
