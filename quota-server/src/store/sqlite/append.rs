//! Writing.

use sqlx::sqlite::{Sqlite, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Executor, QueryBuilder};

use crate::ledger::LateEntry;
use crate::ledger::journaled::{Change, Commit, DeploymentRow, JournalError, Kept};
use crate::store::rows::{MOST, signed};
use quota_core::{BookPage, WindowKind};

const INSERT: &str = "INSERT INTO journal (seq, entry) VALUES (?, ?)";

const PRUNE: &str = "DELETE FROM history WHERE (deployment, window) IN
     (SELECT deployment, window FROM history WHERE minute < ? LIMIT ?)";

/// Rows of the history in one statement; a statement takes 32 766 values.
const PAGES: usize = 1_000;

/// How much the probe writes: more than a commit mostly does.
const PROBE_BYTES: i64 = 65_536;

/// One statement where nothing but the entry is written, which is then a transaction by itself.
pub(super) async fn append(connection: &mut SqliteConnection, commit: Commit) -> sqlx::Result<()> {
    if commit.changes.is_empty() {
        return insert(connection, commit.seq, commit.entry).await;
    }
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    insert(&mut transaction, commit.seq, commit.entry).await?;
    let (mut pages, mut forgotten, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for change in commit.changes {
        match change {
            Change::Page { deployment, page } => pages.push((deployment, page)),
            Change::Forget { deployment } => forgotten.push(deployment),
            other => others.push(other),
        }
    }
    // Pages come first: late usage is added to one that is there.
    for pages in pages.chunks(PAGES) {
        close_windows(&mut transaction, pages).await?;
    }
    for forgotten in forgotten.chunks(PAGES) {
        forget(&mut transaction, forgotten).await?;
    }
    for change in others {
        make(&mut transaction, change).await?;
    }
    transaction.commit().await
}

/// Appends what `make` makes of the last entry, whoever writes this journal: its number. A writer
/// finds the number of its next entry taken, and reads the journal again.
pub(crate) async fn append_after_last<E>(
    connection: &mut SqliteConnection,
    make: impl FnOnce(Option<(u64, Vec<u8>)>) -> Result<(u64, Vec<u8>), E>,
) -> Result<Result<u64, E>, JournalError> {
    let call = async {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        let last = sqlx::query_as("SELECT seq, entry FROM journal ORDER BY seq DESC LIMIT 1");
        let last: Option<(i64, Vec<u8>)> = last.fetch_optional(&mut *transaction).await?;
        let (seq, entry) = match make(last.map(|(seq, entry)| (seq.unsigned_abs(), entry))) {
            Ok(made) => made,
            Err(why) => return Ok(Err(why)),
        };
        insert(&mut transaction, seq, entry).await?;
        transaction.commit().await?;
        Ok(Ok(seq))
    };
    call.await.map_err(|error: sqlx::Error| JournalError::new(error))
}

async fn insert(connection: &mut SqliteConnection, seq: u64, entry: Vec<u8>) -> sqlx::Result<()> {
    sqlx::query(INSERT).bind(signed(seq)).bind(entry).execute(connection).await.map(drop)
}

async fn make(connection: &mut SqliteConnection, change: Change) -> sqlx::Result<()> {
    match change {
        Change::Deployment(row) => deployment(connection, row).await,
        Change::Forget { deployment } => forget(connection, &[deployment]).await,
        Change::Page { deployment, page } => close_windows(connection, &[(deployment, page)]).await,
        Change::Late(late) => late_use(connection, late).await,
        Change::Keep(kept) => keep(connection, kept).await,
        Change::Prune { minute, most } => sqlx::query(PRUNE)
            .bind(signed(minute))
            .bind(i64::try_from(most).unwrap_or(MOST))
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

async fn forget(connection: &mut SqliteConnection, deployments: &[u32]) -> sqlx::Result<()> {
    let mut delete = QueryBuilder::<Sqlite>::new("DELETE FROM deployments WHERE no IN ");
    delete.push_tuples(deployments, |mut row, no| {
        row.push_bind(*no);
    });
    delete.build().persistent(false).execute(connection).await.map(drop)
}

/// A page that is there already has late usage in it, so it stays.
async fn close_windows(
    connection: &mut SqliteConnection,
    pages: &[(u32, BookPage)],
) -> sqlx::Result<()> {
    let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO history ");
    insert.push_values(pages, |mut row, (deployment, page)| {
        row.push_bind(*deployment)
            .push_bind(signed(page.window))
            .push_bind(signed(page.minute))
            .push_bind(page.kind == WindowKind::Rolling)
            .push_bind(page.limit.tokens().map(signed))
            .push_bind(page.limit.requests().map(signed));
        let sums = [page.granted, page.given_back, page.used, page.burnt, page.overrun];
        for amount in sums.into_iter().chain([page.denied]) {
            row.push_bind(signed(amount.tokens())).push_bind(signed(amount.requests()));
        }
    });
    insert.push(" ON CONFLICT (deployment, window) DO NOTHING");
    insert.build().persistent(false).execute(connection).await.map(drop)
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
    .bind(signed(late.used.tokens()))
    .bind(signed(late.used.requests()))
    .bind(signed(late.overrun.tokens()))
    .bind(signed(late.overrun.requests()))
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

/// Removes the entries before `seq`. Nobody waits for that, so it is not flushed: the next commit
/// is, and what stands before it in the log with it. After an error the connection is dropped, and
/// this setting with it.
pub(super) async fn trim(connection: &mut SqliteConnection, seq: u64) -> sqlx::Result<()> {
    let seq = signed(seq);
    let sql = format!(
        "PRAGMA synchronous = NORMAL; DELETE FROM journal WHERE seq < {seq}; PRAGMA synchronous = FULL"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(drop)
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
