//! Reading the journal back: all of it at a start, what is new of it while another server writes.

use sqlx::postgres::PgConnection;

use super::database::{CALL, within};
use super::leader;
use crate::ledger::journaled::{Catalogue, DeploymentRow, JournalError, Kept};
use crate::store::rows::{Deployment, signed};

/// Entries in one answer, so that none takes long.
const ENTRIES: i64 = 4_096;

const CHANGED: &str = "SELECT no, id, policy, details, version, deleted FROM deployments
     WHERE changed_in >= $1";

/// Everything but the entries.
pub(crate) async fn read_catalogue(
    connection: &mut PgConnection,
) -> Result<Catalogue, JournalError> {
    let deployments = changed_since(connection, 0).await?;
    let Meta { kept, last_deployment } = meta(connection).await?;
    let oldest_seq = oldest_seq(connection).await?.unwrap_or(kept.first_seq);
    Ok(Catalogue { deployments, last_deployment, kept, oldest_seq })
}

/// What came since.
#[derive(Debug)]
pub(crate) struct News {
    pub(crate) entries: Vec<(u64, Vec<u8>)>,
    /// Deployments that were changed with these entries, or later ones.
    pub(crate) deployments: Vec<DeploymentRow>,
    pub(crate) last_deployment: Option<u32>,
    pub(crate) kept: Kept,
}

/// What came from entry `next_seq` on: the first of it, where it is much. Entries are read first,
/// so each is of a deployment that is known by then.
pub(crate) async fn news(
    connection: &mut PgConnection,
    next_seq: u64,
) -> Result<News, JournalError> {
    let entries = entries(connection, next_seq).await?;
    let deployments = changed_since(connection, next_seq).await?;
    let Meta { kept, last_deployment } = meta(connection).await?;
    Ok(News { entries, deployments, last_deployment, kept })
}

/// The first entry that has not been removed, if there is any.
pub(crate) async fn oldest_seq(connection: &mut PgConnection) -> Result<Option<u64>, JournalError> {
    let call = sqlx::query_scalar("SELECT min(seq) FROM journal").fetch_one(connection);
    let oldest: Option<i64> = within(CALL, call).await?;
    Ok(oldest.map(i64::unsigned_abs))
}

/// The number of the last entry; 0: there is none.
pub(crate) async fn last_seq(connection: &mut PgConnection) -> Result<u64, JournalError> {
    let call = sqlx::query_scalar("SELECT max(seq) FROM journal").fetch_one(connection);
    let last: Option<i64> = within(CALL, call).await?;
    Ok(last.map_or(0, i64::unsigned_abs))
}

/// From here on the connection reads all as it is now; everything but the entries.
pub(crate) async fn hold_still(connection: &mut PgConnection) -> Result<Catalogue, JournalError> {
    let begin = sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    within(CALL, begin.execute(&mut *connection)).await?;
    read_catalogue(connection).await
}

/// The entries from `first_seq` on, in parts; in between, who writes in this epoch gives signs of
/// life.
pub(crate) async fn read_entries<E: From<JournalError>>(
    connection: &mut PgConnection,
    first_seq: u64,
    epoch: Option<i64>,
    mut each: impl FnMut(u64, &[u8]) -> Result<(), E> + Send,
) -> Result<(), E> {
    let mut next_seq = first_seq;
    loop {
        let entries = entries(connection, next_seq).await?;
        let Some((last, _)) = entries.last() else { return Ok(()) };
        next_seq = last + 1;
        entries.iter().try_for_each(|(seq, entry)| each(*seq, entry))?;
        if let Some(epoch) = epoch {
            leader::touch(connection, epoch).await?;
        }
    }
}

/// Some entries from `first_seq` on, in order.
async fn entries(
    connection: &mut PgConnection,
    first_seq: u64,
) -> Result<Vec<(u64, Vec<u8>)>, JournalError> {
    let sql = "SELECT seq, entry FROM journal WHERE seq >= $1 ORDER BY seq LIMIT $2";
    let call = sqlx::query_as(sql).bind(signed(first_seq)).bind(ENTRIES).fetch_all(connection);
    let rows: Vec<(i64, Vec<u8>)> = within(CALL, call).await?;
    Ok(rows.into_iter().map(|(seq, entry)| (seq.unsigned_abs(), entry)).collect())
}

async fn changed_since(
    connection: &mut PgConnection,
    seq: u64,
) -> Result<Vec<DeploymentRow>, JournalError> {
    let call = sqlx::query_as(CHANGED).bind(signed(seq)).fetch_all(connection);
    let rows: Vec<Deployment> = within(CALL, call).await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Which of these deployments there still are. One that is gone never comes back; one that was
/// deleted may be live again by now.
pub(crate) async fn still_there(
    connection: &mut PgConnection,
    numbers: &[u32],
) -> Result<Vec<u32>, JournalError> {
    let numbers: Vec<i64> = numbers.iter().copied().map(i64::from).collect();
    let sql = "SELECT no FROM deployments WHERE no = ANY($1)";
    let call = sqlx::query_scalar(sql).bind(numbers).fetch_all(connection);
    let numbers: Vec<i64> = within(CALL, call).await?;
    Ok(numbers.into_iter().filter_map(|no| u32::try_from(no).ok()).collect())
}

struct Meta {
    kept: Kept,
    last_deployment: Option<u32>,
}

async fn meta(connection: &mut PgConnection) -> Result<Meta, JournalError> {
    let call = sqlx::query_as("SELECT key, value FROM meta").fetch_all(connection);
    let pairs: Vec<(String, i64)> = within(CALL, call).await?;
    let find = |name: &str| {
        pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.unsigned_abs())
    };
    let kept =
        Kept { floor: find("floor").unwrap_or(0), first_seq: find("first_seq").unwrap_or(1) };
    Ok(Meta { kept, last_deployment: find("last_deployment").and_then(|no| no.try_into().ok()) })
}
