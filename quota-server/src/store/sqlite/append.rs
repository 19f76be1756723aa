//! Writing.

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Executor};

use crate::ledger::LateEntry;
use crate::ledger::journaled::{Change, Commit, DeploymentRow, Kept};
use crate::store::rows::{MOST, signed};
use quota_core::{BookPage, WindowKind};

const INSERT: &str = "INSERT INTO journal (seq, entry) VALUES (?, ?)";

/// How much the probe writes: more than a commit mostly does.
const PROBE_BYTES: i64 = 65_536;

/// One statement where nothing but the entry is written, which is then a transaction by itself.
pub(super) async fn append(connection: &mut SqliteConnection, commit: Commit) -> sqlx::Result<()> {
    if commit.changes.is_empty() {
        return insert(connection, commit.seq, commit.entry).await;
    }
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    insert(&mut transaction, commit.seq, commit.entry).await?;
    for change in commit.changes {
        make(&mut transaction, change).await?;
    }
    transaction.commit().await
}

async fn insert(connection: &mut SqliteConnection, seq: u64, entry: Vec<u8>) -> sqlx::Result<()> {
    sqlx::query(INSERT).bind(signed(seq)).bind(entry).execute(connection).await.map(drop)
}

async fn make(connection: &mut SqliteConnection, change: Change) -> sqlx::Result<()> {
    match change {
        Change::Deployment(row) => deployment(connection, row).await,
        Change::Forget { deployment } => sqlx::query("DELETE FROM deployments WHERE no = ?")
            .bind(deployment)
            .execute(connection)
            .await
            .map(drop),
        Change::Page { deployment, page } => close_window(connection, deployment, &page).await,
        Change::Late(late) => late_use(connection, late).await,
        Change::Keep(kept) => keep(connection, kept).await,
        Change::Prune { minute } => sqlx::query("DELETE FROM history WHERE minute < ?")
            .bind(signed(minute))
            .execute(connection)
            .await
            .map(drop),
    }
}

async fn deployment(connection: &mut SqliteConnection, row: DeploymentRow) -> sqlx::Result<()> {
    let policy =
        serde_json::to_string(&row.policy).map_err(|error| sqlx::Error::Encode(error.into()))?;
    sqlx::query(
        "INSERT INTO deployments (no, id, policy, details, version, deleted)
         VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (no) DO UPDATE SET policy = excluded.policy, details = excluded.details,
             version = excluded.version, deleted = excluded.deleted",
    )
    .bind(row.no)
    .bind(row.id)
    .bind(policy)
    .bind(row.details)
    .bind(signed(row.version))
    .bind(row.deleted)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO meta (key, value) VALUES ('last_deployment', ?)
         ON CONFLICT (key) DO UPDATE SET value = max(value, excluded.value)",
    )
    .bind(row.no)
    .execute(connection)
    .await
    .map(drop)
}

/// A page that is there already has late usage in it, so it stays.
async fn close_window(
    connection: &mut SqliteConnection,
    deployment: u32,
    page: &BookPage,
) -> sqlx::Result<()> {
    let amounts = [page.granted, page.given_back, page.used, page.burnt, page.overrun, page.denied];
    let mut insert = sqlx::query(
        "INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (deployment, window) DO NOTHING",
    )
    .bind(deployment)
    .bind(signed(page.window))
    .bind(signed(page.minute))
    .bind(page.kind == WindowKind::Rolling)
    .bind(page.limit.tokens.map(signed))
    .bind(page.limit.requests.map(signed));
    for amount in amounts {
        insert = insert.bind(signed(amount.tokens)).bind(signed(amount.requests));
    }
    insert.execute(connection).await.map(drop)
}

async fn late_use(connection: &mut SqliteConnection, entry: LateEntry) -> sqlx::Result<()> {
    let LateEntry { deployment, late } = entry;
    sqlx::query(
        "UPDATE history SET
             used_tokens = used_tokens + ?3, used_requests = used_requests + ?4,
             burnt_tokens = burnt_tokens - ?3, burnt_requests = burnt_requests - ?4,
             overrun_tokens = min(overrun_tokens + ?5, ?7),
             overrun_requests = min(overrun_requests + ?6, ?7)
         WHERE deployment = ?1 AND window = ?2",
    )
    .bind(deployment)
    .bind(signed(late.window))
    .bind(signed(late.used.tokens))
    .bind(signed(late.used.requests))
    .bind(signed(late.overrun.tokens))
    .bind(signed(late.overrun.requests))
    .bind(MOST)
    .execute(connection)
    .await
    .map(drop)
}

async fn keep(connection: &mut SqliteConnection, kept: Kept) -> sqlx::Result<()> {
    for (key, value) in [("floor", kept.floor), ("first_seq", kept.first_seq)] {
        sqlx::query("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)")
            .bind(key)
            .bind(signed(value))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Removes the entries before `seq`.
pub(super) async fn trim(connection: &mut SqliteConnection, seq: u64) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM journal WHERE seq < ?")
        .bind(signed(seq))
        .execute(connection)
        .await
        .map(drop)
}

/// Writes what means nothing, durably.
pub(super) async fn probe(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    sqlx::query("INSERT OR REPLACE INTO probe (id, room) VALUES (1, zeroblob(?))")
        .bind(PROBE_BYTES)
        .execute(connection)
        .await
        .map(drop)
}

/// Brings the WAL into the file, then closes.
pub(super) async fn close(mut connection: SqliteConnection) -> sqlx::Result<()> {
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").await?;
    connection.close().await
}
