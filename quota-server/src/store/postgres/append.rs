//! Writing, always with a look at the epoch in the same transaction.

use std::time::Duration;

use sqlx::postgres::{PgConnection, Postgres};
use sqlx::{Connection, QueryBuilder};

use super::database::{CALL, within};
use super::leader::fenced_unless;
use crate::ledger::LateEntry;
use crate::ledger::journaled::{Change, Commit, DeploymentRow, JournalError, Kept};
use crate::store::rows::{MOST, signed};
use quota_core::{BookPage, WindowKind};

/// One statement, one way there and back, one flush. Where another server has taken over nothing is
/// updated, so nothing inserted.
const INSERT: &str = "WITH fence AS (
         UPDATE leader SET renewed_at = clock_timestamp(), steady_ms = $2
         WHERE id = 1 AND epoch = $1 RETURNING epoch)
     INSERT INTO journal (seq, entry) SELECT $3, $4 FROM fence";

/// A commit that took long shows that its writer lives at its end too.
const TOUCH: &str = "UPDATE leader SET renewed_at = clock_timestamp() WHERE id = 1";

/// How much longer a commit may take for each change: a new minute closes a window of every
/// deployment.
const CHANGE: Duration = Duration::from_millis(1);

const PRUNE: &str = "DELETE FROM history WHERE ctid = ANY (ARRAY
     (SELECT ctid FROM history WHERE minute < $1 LIMIT $2))";

/// Rows of the history in one statement; a statement takes 65 535 values.
const PAGES: usize = 3_000;

/// Makes all of a commit durable, or none.
pub(super) async fn append(
    connection: &mut PgConnection,
    epoch: i64,
    commit: Commit,
) -> Result<(), JournalError> {
    if commit.changes.is_empty() {
        return fenced_unless(within(CALL, insert(connection, epoch, &commit)).await?);
    }
    let limit = CALL + CHANGE * u32::try_from(commit.changes.len()).unwrap_or(u32::MAX);
    fenced_unless(within(limit, append_all(connection, epoch, commit)).await?)
}

/// Appends what `make` makes of the last entry, whoever writes this journal: its number. A writer
/// finds the number of its next entry taken, and reads the journal again. The row of the leader
/// comes first: a commit that is under way is before this one, or fails.
pub(crate) async fn append_after_last<E>(
    connection: &mut PgConnection,
    make: impl FnOnce(Option<(u64, Vec<u8>)>) -> Result<(u64, Vec<u8>), E>,
) -> Result<Result<u64, E>, JournalError> {
    let call = async {
        let mut transaction = connection.begin().await?;
        let lock = sqlx::query("SELECT epoch FROM leader WHERE id = 1 FOR UPDATE");
        lock.execute(&mut *transaction).await?;
        let last = sqlx::query_as("SELECT seq, entry FROM journal ORDER BY seq DESC LIMIT 1");
        let last: Option<(i64, Vec<u8>)> = last.fetch_optional(&mut *transaction).await?;
        let (seq, entry) = match make(last.map(|(seq, entry)| (seq.unsigned_abs(), entry))) {
            Ok(made) => made,
            Err(why) => return Ok(Err(why)),
        };
        let insert = sqlx::query("INSERT INTO journal (seq, entry) VALUES ($1, $2)");
        insert.bind(signed(seq)).bind(entry).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(Ok(seq))
    };
    within(CALL, call).await
}

/// False: another server has taken over.
async fn insert(connection: &mut PgConnection, epoch: i64, commit: &Commit) -> sqlx::Result<bool> {
    let insert = sqlx::query(INSERT)
        .bind(epoch)
        .bind(signed(commit.steady_ms))
        .bind(signed(commit.seq))
        .bind(&commit.entry);
    Ok(insert.execute(connection).await?.rows_affected() == 1)
}

/// The epoch comes first: from there on nobody can take over until the end.
async fn append_all(
    connection: &mut PgConnection,
    epoch: i64,
    commit: Commit,
) -> sqlx::Result<bool> {
    let mut transaction = connection.begin().await?;
    if !insert(&mut transaction, epoch, &commit).await? {
        transaction.rollback().await?;
        return Ok(false);
    }
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
    if !forgotten.is_empty() {
        forget(&mut transaction, &forgotten).await?;
    }
    for change in others {
        make(&mut transaction, change, commit.seq).await?;
    }
    sqlx::query(TOUCH).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(true)
}

async fn make(connection: &mut PgConnection, change: Change, seq: u64) -> sqlx::Result<()> {
    match change {
        Change::Deployment(row) => deployment(connection, row, seq).await,
        Change::Forget { deployment } => forget(connection, &[deployment]).await,
        Change::Page { deployment, page } => close_windows(connection, &[(deployment, page)]).await,
        Change::Late(late) => late_use(connection, late).await,
        Change::Keep(kept) => keep(connection, kept).await,
        Change::Prune { minute, most } => {
            let most = i64::try_from(most).unwrap_or(MOST);
            let prune = sqlx::query(PRUNE).bind(signed(minute)).bind(most);
            prune.execute(connection).await.map(drop)
        }
    }
}

async fn deployment(
    connection: &mut PgConnection,
    row: DeploymentRow,
    seq: u64,
) -> sqlx::Result<()> {
    let policy =
        serde_json::to_string(&row.policy).map_err(|error| sqlx::Error::Encode(error.into()))?;
    sqlx::query(
        "INSERT INTO deployments (no, id, policy, details, version, deleted, changed_in)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (no) DO UPDATE SET policy = excluded.policy, details = excluded.details,
             version = excluded.version, deleted = excluded.deleted,
             changed_in = excluded.changed_in",
    )
    .bind(i64::from(row.no))
    .bind(&*row.id)
    .bind(policy)
    .bind(&*row.details)
    .bind(signed(row.version))
    .bind(row.deleted)
    .bind(signed(seq))
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO meta (key, value) VALUES ('last_deployment', $1)
         ON CONFLICT (key) DO UPDATE SET value = greatest(meta.value, excluded.value)",
    )
    .bind(i64::from(row.no))
    .execute(connection)
    .await
    .map(drop)
}

async fn forget(connection: &mut PgConnection, deployments: &[u32]) -> sqlx::Result<()> {
    let numbers: Vec<_> = deployments.iter().copied().map(i64::from).collect();
    let delete = sqlx::query("DELETE FROM deployments WHERE no = ANY ($1)").bind(numbers);
    delete.execute(connection).await.map(drop)
}

/// A page that is there already has late usage in it, so it stays.
async fn close_windows(
    connection: &mut PgConnection,
    pages: &[(u32, BookPage)],
) -> sqlx::Result<()> {
    let mut insert = QueryBuilder::<Postgres>::new("INSERT INTO history ");
    insert.push_values(pages, |mut row, (deployment, page)| {
        row.push_bind(i64::from(*deployment))
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
    insert.push(" ON CONFLICT (deployment, \"window\") DO NOTHING");
    insert.build().persistent(false).execute(connection).await.map(drop)
}

async fn late_use(connection: &mut PgConnection, entry: LateEntry) -> sqlx::Result<()> {
    let LateEntry { deployment, late } = entry;
    sqlx::query(
        "UPDATE history SET
             used_tokens = used_tokens + $3, used_requests = used_requests + $4,
             burnt_tokens = burnt_tokens - $3, burnt_requests = burnt_requests - $4,
             overrun_tokens = least(overrun_tokens + $5, $7),
             overrun_requests = least(overrun_requests + $6, $7)
         WHERE deployment = $1 AND \"window\" = $2",
    )
    .bind(i64::from(deployment))
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

async fn keep(connection: &mut PgConnection, kept: Kept) -> sqlx::Result<()> {
    for (key, value) in [("floor", kept.floor), ("first_seq", kept.first_seq)] {
        sqlx::query(
            "INSERT INTO meta (key, value) VALUES ($1, $2)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )
        .bind(key)
        .bind(signed(value))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Nobody waits for entries to be gone: their removal is not flushed, and a crash may bring them
/// back.
const TRIM: &str =
    "WITH unflushed AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
     DELETE FROM journal USING unflushed WHERE seq < $1";

/// Removes the entries before `seq`. They count no more whoever writes, so no epoch is asked for.
pub(super) async fn trim(connection: &mut PgConnection, seq: u64) -> Result<(), JournalError> {
    within(CALL, sqlx::query(TRIM).bind(signed(seq)).execute(connection)).await.map(drop)
}
