//! Entries that could not be followed, kept for whoever investigates, in the table `quarantine`.
//!
//! On a connection of its own, and not for long: the journal's stays as it is whatever comes of it,
//! and its writer gives no sign of life meanwhile.

use std::time::Duration;

use sqlx::{ConnectOptions, Connection};

use super::database::{Database, within};
use crate::ledger::journaled::{JournalError, JournalFault};
use crate::store::rows::signed;

/// So many are kept; then no more are added.
const MOST: i64 = 2_048;

/// How long it may take, all in all: half of a writer's term.
const PATIENCE: Duration = Duration::from_secs(1);

/// All in one statement. What is kept already stays as it is.
const KEEP: &str = "INSERT INTO quarantine (seq, why, entry)
     SELECT seq, why, entry
     FROM unnest($1::bigint[], $2::text[], $3::bytea[]) WITH ORDINALITY AS fault (seq, why, entry, no)
     WHERE NOT EXISTS (SELECT FROM quarantine AS kept WHERE kept.seq = fault.seq)
     ORDER BY no LIMIT (SELECT greatest($4 - count(*), 0) FROM quarantine)
     ON CONFLICT (seq) DO NOTHING";

/// Keeps them.
pub(super) async fn keep(database: &Database, faults: &[JournalFault]) -> Result<(), JournalError> {
    let seqs: Vec<i64> = faults.iter().map(|fault| signed(fault.seq)).collect();
    let whys: Vec<String> = faults.iter().map(JournalFault::to_string).collect();
    let entries: Vec<&[u8]> = faults.iter().map(|fault| &*fault.entry).collect();
    let call = async {
        let options =
            database.options().await.map_err(|error| sqlx::Error::Configuration(error.into()))?;
        let mut connection = options.connect().await?;
        let keep = sqlx::query(KEEP).bind(seqs).bind(whys).bind(entries).bind(MOST);
        keep.execute(&mut connection).await?;
        connection.close().await
    };
    within(PATIENCE, call).await
}
