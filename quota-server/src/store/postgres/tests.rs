//! What only a database with many clients can do: be taken over, be slow, be newer.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};

use super::migrate::MIGRATIONS;
use super::testing::TestDatabase;
use super::{Me, PostgresHistory, PostgresJournal, elect, look};
use crate::ledger::journaled::{Commit, Journal, JournalError, JournalFault, OpenError};
use crate::store::sqlite;

const TERM: Duration = Duration::from_secs(2);

fn me(server: &str) -> Me {
    Me { server: server.into(), advertise_url: format!("http://{server}").into() }
}

/// An empty ledger.
async fn empty() -> TestDatabase {
    let database = TestDatabase::new().await;
    database.database.migrate().await.unwrap();
    database
}

/// Elected whoever else is alive.
async fn elected(on: &TestDatabase, server: &str) -> PostgresJournal {
    let mut connection = on.database.connect().await.unwrap();
    let term = elect(&mut connection, &me(server), Duration::ZERO).await.unwrap().unwrap();
    let history = Arc::new(PostgresHistory::new(&on.database).unwrap());
    PostgresJournal::elected(on.database.clone(), me(server), term, connection, history)
}

async fn run(connection: &mut PgConnection, server: &str) -> Option<i64> {
    elect(connection, &me(server), TERM).await.unwrap().map(|term| term.epoch)
}

fn commit(seq: u64) -> Commit {
    Commit { seq, entry: vec![1, 2, 3], steady_ms: 1_000 * seq, changes: Vec::new() }
}

async fn entries(on: &TestDatabase) -> Vec<i64> {
    let sql = "SELECT seq FROM journal ORDER BY seq";
    sqlx::query_scalar(sql).fetch_all(&mut on.connect().await).await.unwrap()
}

/// Until a session waits for a lock that another one has.
async fn until_one_waits(on: &TestDatabase) {
    let mut connection = on.connect().await;
    for _ in 0..400 {
        let sql = "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let waiting: i64 = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
        if waiting > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("nobody waits");
}

async fn begin(on: &TestDatabase, statement: &'static str) -> PgConnection {
    let mut connection = on.connect().await;
    connection.execute("BEGIN").await.unwrap();
    connection.execute(statement).await.unwrap();
    connection
}

#[tokio::test]
async fn the_first_to_run_is_elected_and_the_others_wait_for_its_silence() {
    let on = empty().await;
    let mut connection = on.connect().await;
    assert!(!look(&mut connection, TERM).await.unwrap().is_alive);
    assert_eq!(run(&mut connection, "a").await, Some(1));
    assert_eq!(run(&mut connection, "b").await, None);
    let leader = look(&mut connection, TERM).await.unwrap();
    assert_eq!((leader.is_alive, &*leader.server, leader.epoch), (true, "a", 1));
    on.sql("UPDATE leader SET renewed_at = renewed_at - interval '2.1 s'").await;
    assert_eq!(run(&mut connection, "b").await, Some(2));
    // PostgreSQL's clock was set back an hour.
    on.sql("UPDATE leader SET renewed_at = renewed_at + interval '1 h'").await;
    assert_eq!(run(&mut connection, "c").await, Some(3));
}

#[tokio::test]
async fn of_many_at_once_one_is_elected() {
    let on = empty().await;
    let all = (0..8).map(|number| {
        let on = &on;
        async move {
            let mut connection = on.connect().await;
            run(&mut connection, &number.to_string()).await
        }
    });
    let elected = futures_util::future::join_all(all).await;
    assert_eq!(elected.into_iter().flatten().collect::<Vec<_>>(), [1]);
}

#[tokio::test]
async fn who_was_taken_over_writes_nothing_more() {
    let on = empty().await;
    let mut old = elected(&on, "a").await;
    old.append(commit(1)).await.unwrap();
    let mut new = elected(&on, "b").await;
    assert!(matches!(old.append(commit(2)).await, Err(JournalError::Fenced)));
    assert!(matches!(old.probe().await, Err(JournalError::Fenced)));
    assert!(matches!(old.load().await, Err(JournalError::Fenced)));
    new.append(commit(2)).await.unwrap();
    assert_eq!(entries(&on).await, [1, 2]);
}

#[tokio::test]
async fn a_commit_that_was_held_up_until_after_a_take_over_does_not_happen() {
    let on = empty().await;
    // At the journal: it has not looked at the epoch yet. At the epoch: it waits for the row that
    // is being changed, and must look again.
    let at_the_journal = "LOCK TABLE journal IN SHARE MODE";
    let at_the_epoch = "SELECT * FROM leader FOR UPDATE";
    for (seq, held_up_at) in [(1, at_the_journal), (1, at_the_epoch)] {
        let mut old = elected(&on, "a").await;
        let mut holder = begin(&on, held_up_at).await;
        let late = tokio::join!(old.append(commit(seq)), async {
            until_one_waits(&on).await;
            let sql = "UPDATE leader SET epoch = epoch + 1, server = 'b'";
            if held_up_at == at_the_epoch {
                holder.execute(sql).await.unwrap();
            } else {
                on.sql(sql).await;
            }
            holder.execute("COMMIT").await.unwrap();
        });
        assert!(matches!(late.0, Err(JournalError::Fenced)), "{:?}", late.0);
        assert_eq!(entries(&on).await, [0; 0]);
    }
}

#[tokio::test]
async fn a_take_over_waits_for_a_commit_that_is_being_made() {
    let on = empty().await;
    let mut old = elected(&on, "a").await;
    on.sql("UPDATE leader SET renewed_at = renewed_at - interval '1 h'").await;
    let sql = "WITH fence AS (UPDATE leader SET renewed_at = clock_timestamp() RETURNING epoch)
        INSERT INTO journal SELECT 1, '' FROM fence";
    let mut commit = begin(&on, sql).await;
    let mut connection = on.connect().await;
    let (b, run) = (me("b"), async {
        until_one_waits(&on).await;
        commit.execute("COMMIT").await.unwrap();
    });
    let (elected, ()) = tokio::join!(elect(&mut connection, &b, TERM), run);
    assert_eq!(elected.unwrap(), None, "it shows that its writer lives");
    old.append(super::tests::commit(2)).await.unwrap();
    assert_eq!(entries(&on).await, [1, 2]);
}

#[tokio::test]
async fn a_hung_commit_is_given_up_and_decided_before_the_journal_is_read_again() {
    let on = empty().await;
    let mut journal = elected(&on, "a").await;
    let mut holder = begin(&on, "LOCK TABLE journal IN SHARE MODE").await;
    let error = journal.append(commit(1)).await.unwrap_err();
    assert!(!error.is_fenced(), "{error}");
    holder.execute("COMMIT").await.unwrap();
    journal.load().await.unwrap();
    assert_eq!(entries(&on).await, [0; 0], "what was given up does not come later");
    journal.append(commit(1)).await.unwrap();
}

fn faults(seqs: std::ops::Range<u64>) -> Vec<JournalFault> {
    let fault = |seq| JournalFault {
        seq,
        deployment: None,
        why: format!("{seq} is unreadable").into(),
        entry: vec![1, 2, 3].into(),
    };
    seqs.map(fault).collect()
}

#[tokio::test]
async fn faults_are_put_aside_in_one_statement_and_up_to_a_bound() {
    let on = empty().await;
    let mut journal = elected(&on, "a").await;
    on.sql(
        "CREATE TABLE statements (no INT);
         CREATE FUNCTION counted() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN INSERT INTO statements VALUES (1); RETURN NULL; END $$;
         CREATE TRIGGER counted AFTER INSERT ON quarantine FOR EACH STATEMENT EXECUTE FUNCTION counted()",
    )
    .await;
    let first = [faults(1..65), faults(7..8)].concat();
    journal.put_aside(&first).await.unwrap();
    journal.put_aside(&faults(60..4_000)).await.unwrap();
    let counts = "SELECT (SELECT count(*) FROM statements), count(*), max(seq) FROM quarantine";
    let counts: (i64, i64, i64) =
        sqlx::query_as(counts).fetch_one(&mut on.connect().await).await.unwrap();
    assert_eq!(counts, (2, 2_048, 2_048));
}

#[tokio::test]
async fn what_cannot_be_put_aside_leaves_the_journal_as_it_is() {
    let on = empty().await;
    let mut journal = elected(&on, "a").await;
    let mut holder = begin(&on, "LOCK TABLE quarantine IN ACCESS EXCLUSIVE MODE").await;
    journal.put_aside(&faults(1..65)).await.unwrap_err();
    journal.append(commit(1)).await.unwrap();
    holder.execute("COMMIT").await.unwrap();
    on.sql("DROP TABLE quarantine").await;
    journal.put_aside(&faults(1..65)).await.unwrap_err();
    journal.append(commit(2)).await.unwrap();
    assert_eq!(entries(&on).await, [1, 2]);
}

#[tokio::test]
async fn a_writer_that_is_paused_in_a_transaction_holds_nobody_up() {
    let on = empty().await;
    let _old = elected(&on, "a").await;
    let mut paused = on.database.connect().await.unwrap();
    let mut transaction = paused.begin().await.unwrap();
    transaction.execute("UPDATE leader SET renewed_at = clock_timestamp()").await.unwrap();
    // `lock_timeout` may end a run; PostgreSQL ends the paused session.
    let mut elected = None;
    for _ in 0..5 {
        let mut connection = on.database.connect().await.unwrap();
        elected = elect(&mut connection, &me("b"), Duration::ZERO).await.ok().flatten();
        if elected.is_some() {
            break;
        }
    }
    assert_eq!(elected.map(|term| term.epoch), Some(2));
    assert!(transaction.commit().await.is_err());
}

#[tokio::test]
async fn a_promoted_database_is_vouched_for_by_nobody_until_its_writer_does() {
    let on = empty().await;
    let mut journal = elected(&on, "a").await;
    assert!(journal.is_vouched_for());
    on.sql("UPDATE leader SET timeline = 'other'").await;
    assert!(!elected(&on, "b").await.is_vouched_for());
    let mut journal_again = elected(&on, "a").await;
    journal_again.load().await.unwrap();
    assert!(!journal_again.is_vouched_for());
    assert!(matches!(journal.vouch().await, Err(JournalError::Fenced)));
    journal_again.vouch().await.unwrap();
    assert!(journal_again.is_vouched_for());
    assert!(elected(&on, "c").await.is_vouched_for());
}

#[tokio::test]
async fn commits_are_durable_whatever_the_session_would_do() {
    let on = empty().await;
    on.sql(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off',
        current_database()); END $$",
    )
    .await;
    let mut connection = on.database.connect().await.unwrap();
    let sql = "SELECT current_setting('synchronous_commit')";
    let setting: String = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
    assert_eq!(setting, "on");
    assert_eq!(on.database.doubts(&mut connection).await.unwrap(), []);
}

#[tokio::test]
async fn tables_of_another_version_are_refused() {
    let on = TestDatabase::new().await;
    let error = on.database.check_schema().await.unwrap_err();
    assert!(matches!(error, OpenError::OldSchema { version: 1, .. }), "{error}");
    on.database.migrate().await.unwrap();
    on.database.check_schema().await.unwrap();
    on.sql(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'newer', true, '', 0)",
    )
    .await;
    for error in [on.database.migrate().await, on.database.check_schema().await] {
        let error = error.unwrap_err();
        assert!(matches!(error, OpenError::NewerSchema { version: 9_999, .. }), "{error}");
    }
}

#[tokio::test]
async fn servers_that_migrate_at_once_wait_for_each_other() {
    let on = TestDatabase::new().await;
    let all = futures_util::future::join_all((0..4).map(|_| on.database.migrate())).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
}

/// What has landed is in databases: its checksum stands here, and never changes.
#[test]
fn migrations_are_append_only() {
    let known = |checksums: &[&str]| -> Vec<(i64, String)> {
        (1..).zip(checksums.iter().copied().map(str::to_owned)).collect()
    };
    let landed = |migrator: &sqlx::migrate::Migrator| -> Vec<(i64, String)> {
        let short = |checksum: &[u8]| hex::encode(&checksum[..8]);
        migrator.iter().map(|it| (it.version, short(&it.checksum))).collect()
    };
    assert_eq!(
        landed(&MIGRATIONS),
        known(&[
            "97609a35aff79549",
            "301c24ddd3680c10",
            "af75ac33b5c0e548",
            "6ae8ac55b9ad3213",
            "d9bfae25bedd6b1d",
            "a92305b2abf97aa0",
            "b7bb72820c5dc8db",
        ])
    );
    assert_eq!(
        landed(&sqlite::MIGRATIONS),
        known(&[
            "4d71ca55682696ad",
            "39049289ecbdbc5c",
            "d6b5109527659c46",
            "d9bfae25bedd6b1d",
            "b7bb72820c5dc8db"
        ])
    );
}
