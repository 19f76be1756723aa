use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use quota_core::BookPage;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use super::database::{CALL, Database, within};
use crate::ledger::journaled::{History, JournalError};
use crate::store::renewal::Renewal;
use crate::store::rows::{Page, signed};

/// How many read at once.
const READERS: u32 = 2;

/// How long a connection that nobody uses is kept.
const IDLE: Duration = Duration::from_secs(60);

/// Reads the history beside the writer, on a standby too.
pub(crate) struct PostgresHistory {
    database: Database,
    renewal: Renewal,
    pool: PgPool,
}

impl PostgresHistory {
    /// Connects when it is first asked.
    ///
    /// # Errors
    /// The URL is none.
    pub(crate) fn new(database: &Database) -> Result<Self, JournalError> {
        let pool = PgPoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(CALL)
            .idle_timeout(IDLE)
            .connect_lazy_with(database.first_options()?);
        Ok(Self { database: database.clone(), renewal: Renewal::default(), pool })
    }

    /// Connections that are opened from now on know what changed. Where that cannot be read those
    /// that there are may do.
    async fn renew(&self) {
        if self.renewal.is_due(self.database.url())
            && let Ok(options) = self.database.options().await
        {
            self.pool.set_connect_options(options);
        }
    }
}

impl History for PostgresHistory {
    fn pages(
        &self,
        deployment: u32,
        minute: u64,
    ) -> BoxFuture<'_, Result<Vec<BookPage>, JournalError>> {
        async move {
            self.renew().await;
            let sql = "SELECT * FROM history WHERE deployment = $1 AND minute >= $2
                ORDER BY \"window\" DESC";
            let call = sqlx::query_as(sql)
                .bind(i64::from(deployment))
                .bind(signed(minute))
                .fetch_all(&self.pool);
            let pages = within(CALL, call).await.inspect_err(|_| self.renewal.failed());
            let pages: Vec<Page> = pages?;
            Ok(pages.into_iter().map(|page| page.0).collect())
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.pool.close().boxed()
    }
}
