//! Who writes: the one row of the table `leader`.

use std::sync::Arc;
use std::time::Duration;

use sqlx::FromRow;
use sqlx::postgres::PgConnection;

use super::database::{CALL, within};
use crate::ledger::journaled::JournalError;
use crate::store::rows::signed;

/// Whether the writer gave a sign of life within $1 ms. One from the future says that PostgreSQL's
/// clock was set back: nobody could take over until it is reached again. All by PostgreSQL's clock,
/// and only about who should write: what keeps two writers apart is the epoch.
macro_rules! is_alive {
    () => {
        "(renewed_at BETWEEN clock_timestamp() - $1 * interval '1 ms'
            AND clock_timestamp() + $1 * interval '1 ms')"
    };
}

/// PostgreSQL's timeline: another one after each promotion of a replica, and each restore.
macro_rules! timeline {
    () => {
        "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"
    };
}

/// A replica, which nobody can write to, has no timeline of its own.
const LOOK: &str = concat!(
    "SELECT epoch, server, advertise_url, steady_ms, ",
    is_alive!(),
    " AS is_alive, (SELECT max(seq) FROM journal) AS last_seq,
         CASE WHEN pg_is_in_recovery() THEN true ELSE timeline IN ('', ",
    timeline!(),
    ") END AS is_vouched_for FROM leader WHERE id = 1",
);

/// What every new epoch begins with; its columns are a [`Term`].
macro_rules! new_epoch {
    ($also:literal, $condition:expr) => {
        concat!(
            "UPDATE leader SET epoch = epoch + 1, renewed_at = clock_timestamp(), timeline =
                 CASE timeline WHEN '' THEN ",
            timeline!(),
            " ELSE timeline END",
            $also,
            " WHERE id = 1 AND ",
            $condition,
            " RETURNING epoch, timeline = ",
            timeline!(),
            " AS is_vouched_for"
        )
    };
}

const ELECT: &str = new_epoch!(", server = $2, advertise_url = $3", concat!("NOT ", is_alive!()));

/// A writer's epoch is its own as long as its name is in the row.
const OWN: &str = new_epoch!("", "server = $1");

const RENEW: &str = "UPDATE leader SET renewed_at = clock_timestamp(), steady_ms = $2
     WHERE id = 1 AND epoch = $1";

const TOUCH: &str = "UPDATE leader SET renewed_at = clock_timestamp() WHERE id = 1 AND epoch = $1";

const VOUCH: &str =
    concat!("UPDATE leader SET timeline = ", timeline!(), " WHERE id = 1 AND epoch = $1");

/// No timeline is called so.
const DOUBT: &str = "UPDATE leader SET timeline = 'lost' WHERE id = 1 AND epoch = $1";

const RESIGN: &str = "UPDATE leader SET renewed_at = '-infinity' WHERE id = 1 AND epoch = $1";

/// One term of one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Me {
    /// No other term of any process has this name.
    pub(crate) server: Arc<str>,
    /// How clients reach it.
    pub(crate) advertise_url: Arc<str>,
}

/// What a writer may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub(crate) struct Term {
    /// Under which it writes.
    pub(crate) epoch: i64,
    /// The database is the one that the journal was last known to be whole on.
    pub(crate) is_vouched_for: bool,
}

/// What the row says, and how far the journal is.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub(crate) struct Leader {
    pub(crate) epoch: i64,
    pub(crate) server: String,
    pub(crate) advertise_url: String,
    /// The ledger's steady time when it gave its last sign of life.
    pub(crate) steady_ms: i64,
    pub(crate) is_alive: bool,
    /// The journal's last entry, if it has any.
    pub(crate) last_seq: Option<i64>,
    /// As in a [`Term`].
    pub(crate) is_vouched_for: bool,
}

/// Looks who writes; `term` is how long a sign of life is good for.
pub(crate) async fn look(
    connection: &mut PgConnection,
    term: Duration,
) -> Result<Leader, JournalError> {
    within(CALL, sqlx::query_as(LOOK).bind(ms(term)).fetch_one(connection)).await
}

/// Takes over, unless the writer is alive.
pub(crate) async fn elect(
    connection: &mut PgConnection,
    me: &Me,
    term: Duration,
) -> Result<Option<Term>, JournalError> {
    let call = sqlx::query_as(ELECT).bind(ms(term)).bind(&*me.server).bind(&*me.advertise_url);
    within(CALL, call.fetch_optional(connection)).await
}

/// A new epoch for a writer that has connected again. What its old connections have not committed
/// yet they never will.
pub(super) async fn own(connection: &mut PgConnection, me: &Me) -> Result<Term, JournalError> {
    let call = sqlx::query_as(OWN).bind(&*me.server).fetch_optional(connection);
    within(CALL, call).await?.ok_or(JournalError::Fenced)
}

/// A sign of life.
pub(super) async fn renew(
    connection: &mut PgConnection,
    epoch: i64,
    steady_ms: u64,
) -> Result<(), JournalError> {
    let call = sqlx::query(RENEW).bind(epoch).bind(signed(steady_ms)).execute(connection);
    fenced_unless(within(CALL, call).await?.rows_affected() == 1)
}

/// The journal counts as whole on this database from now on.
pub(super) async fn vouch(connection: &mut PgConnection, epoch: i64) -> Result<(), JournalError> {
    let call = sqlx::query(VOUCH).bind(epoch).execute(connection);
    fenced_unless(within(CALL, call).await?.rows_affected() == 1)
}

/// The journal counts as whole on no database, until somebody vouches for it again.
pub(super) async fn doubt(connection: &mut PgConnection, epoch: i64) -> Result<(), JournalError> {
    let call = sqlx::query(DOUBT).bind(epoch).execute(connection);
    fenced_unless(within(CALL, call).await?.rows_affected() == 1)
}

/// A sign of life while the ledger's time is not known yet.
pub(super) async fn touch(connection: &mut PgConnection, epoch: i64) -> Result<(), JournalError> {
    let call = sqlx::query(TOUCH).bind(epoch).execute(connection);
    fenced_unless(within(CALL, call).await?.rows_affected() == 1)
}

/// Lets others take over at once.
pub(super) async fn resign(connection: &mut PgConnection, epoch: i64) -> Result<(), JournalError> {
    let call = sqlx::query(RESIGN).bind(epoch).execute(connection);
    within(CALL, call).await.map(drop)
}

pub(super) fn fenced_unless(own: bool) -> Result<(), JournalError> {
    own.then_some(()).ok_or(JournalError::Fenced)
}

fn ms(term: Duration) -> f64 {
    term.as_secs_f64() * 1_000.0
}
