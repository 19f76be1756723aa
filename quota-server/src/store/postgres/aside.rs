//! Entries that could not be followed, kept for whoever investigates, in the table `quarantine`.

use sqlx::postgres::PgConnection;

use super::database::{CALL, within};
use crate::ledger::journaled::{Fault, JournalError};
use crate::store::rows::signed;

/// So many are kept; then no more are added.
const MOST: i64 = 2_048;

const KEEP: &str = "INSERT INTO quarantine (seq, why, entry)
     SELECT $1, $2, $3 WHERE (SELECT count(*) FROM quarantine) < $4
     ON CONFLICT (seq) DO NOTHING";

/// Keeps them. What is kept already stays as it is.
pub(super) async fn keep(
    connection: &mut PgConnection,
    faults: &[Fault],
) -> Result<(), JournalError> {
    for fault in faults {
        let keep = sqlx::query(KEEP)
            .bind(signed(fault.seq))
            .bind(fault.to_string())
            .bind(&*fault.entry)
            .bind(MOST);
        within(CALL, keep.execute(&mut *connection)).await?;
    }
    Ok(())
}
