//! Reading a file back.

use futures_util::TryStreamExt;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use crate::ledger::journaled::{Catalogue, JournalError, Kept};
use crate::store::rows::Deployment;

/// Everything but the entries.
pub(crate) async fn read_catalogue(
    connection: &mut SqliteConnection,
) -> Result<Catalogue, JournalError> {
    catalogue(connection).await.map_err(JournalError::new)
}

async fn catalogue(connection: &mut SqliteConnection) -> sqlx::Result<Catalogue> {
    let deployments: Vec<Deployment> =
        sqlx::query_as("SELECT no, id, policy, details, version, deleted FROM deployments")
            .fetch_all(&mut *connection)
            .await?;
    let last_deployment = meta(connection, "last_deployment").await?;
    let kept = Kept {
        floor: meta(connection, "floor").await?.map_or(0, i64::unsigned_abs),
        first_seq: meta(connection, "first_seq").await?.map_or(1, i64::unsigned_abs),
    };
    let oldest_seq: Option<i64> =
        sqlx::query_scalar("SELECT min(seq) FROM journal").fetch_one(&mut *connection).await?;
    Ok(Catalogue {
        deployments: deployments.into_iter().map(|row| row.0).collect(),
        last_deployment: last_deployment.and_then(|no| u32::try_from(no).ok()),
        kept,
        oldest_seq: oldest_seq.map_or(kept.first_seq, i64::unsigned_abs),
    })
}

/// The number of the last entry; 0: there is none.
pub(crate) async fn last_seq(connection: &mut SqliteConnection) -> Result<u64, JournalError> {
    let call = sqlx::query_scalar("SELECT max(seq) FROM journal").fetch_one(connection);
    let last: Option<i64> = call.await.map_err(JournalError::new)?;
    Ok(last.map_or(0, i64::unsigned_abs))
}

/// From here on the connection reads all as it is now; everything but the entries.
pub(crate) async fn hold_still(
    connection: &mut SqliteConnection,
) -> Result<Catalogue, JournalError> {
    sqlx::raw_sql("BEGIN").execute(&mut *connection).await.map_err(JournalError::new)?;
    read_catalogue(connection).await
}

async fn meta(connection: &mut SqliteConnection, key: &str) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar("SELECT value FROM meta WHERE key = ?")
        .bind(key)
        .fetch_optional(connection)
        .await
}

/// The entries from `first_seq` on. SQLite's thread reads on while `each` takes one in.
pub(crate) async fn read_entries<E: From<JournalError>>(
    connection: &mut SqliteConnection,
    first_seq: u64,
    mut each: impl FnMut(u64, &[u8]) -> Result<(), E> + Send,
) -> Result<(), E> {
    let first_seq = i64::try_from(first_seq).map_err(JournalError::new)?;
    let mut rows = sqlx::query("SELECT seq, entry FROM journal WHERE seq >= ? ORDER BY seq")
        .bind(first_seq)
        .fetch(connection);
    while let Some(row) = rows.try_next().await.map_err(JournalError::new)? {
        let seq: i64 = row.try_get(0).map_err(JournalError::new)?;
        let entry: &[u8] = row.try_get(1).map_err(JournalError::new)?;
        each(seq.unsigned_abs(), entry)?;
    }
    Ok(())
}
