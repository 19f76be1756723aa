use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use quota_core::BookPage;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use super::rows::{Page, signed};
use crate::ledger::embedded::{History, JournalError};

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
