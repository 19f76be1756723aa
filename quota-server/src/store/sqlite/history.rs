use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use quota_core::BookPage;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePoolOptions};
use sqlx::{FromRow, Row, SqlitePool};

use crate::ledger::journaled::{History, JournalError};
use crate::store::rows::{Page, signed};

/// How many read at once; in WAL mode none of them holds up the writer.
const READERS: u32 = 2;

/// Reads the history beside the writer.
pub(super) struct SqliteHistory {
    pool: SqlitePool,
}

impl SqliteHistory {
    /// Connects when it is first asked.
    pub(super) fn new(options: SqliteConnectOptions) -> Self {
        Self { pool: SqlitePoolOptions::new().max_connections(READERS).connect_lazy_with(options) }
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

impl History for SqliteHistory {
    fn pages(
        &self,
        deployment: u32,
        minute: u64,
    ) -> BoxFuture<'_, Result<Vec<BookPage>, JournalError>> {
        async move {
            let pages: Vec<Page> = sqlx::query_as(
                "SELECT * FROM history WHERE deployment = ? AND minute >= ? ORDER BY window DESC",
            )
            .bind(deployment)
            .bind(signed(minute))
            .fetch_all(&self.pool)
            .await
            .map_err(JournalError::new)?;
            Ok(pages.into_iter().map(|page| page.0).collect())
        }
        .boxed()
    }
}

/// All of the history, by deployment number.
pub(crate) async fn read_history(
    connection: &mut SqliteConnection,
) -> Result<Vec<(u32, BookPage)>, JournalError> {
    let rows = sqlx::query("SELECT * FROM history").fetch_all(connection).await;
    let rows = rows.map_err(JournalError::new)?;
    let pages = rows.iter().map(|row| Ok((row.try_get("deployment")?, Page::from_row(row)?.0)));
    pages.collect::<sqlx::Result<_>>().map_err(JournalError::new)
}
