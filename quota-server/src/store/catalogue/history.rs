//! The books of closed windows.

use quota_core::{BookPage, WindowKind};
use sqlx::{Any, Transaction};

use super::rows::Page;
use super::{Catalogue, CatalogueError, bounded};
use crate::store::rows::signed;

impl Catalogue {
    /// Keeps pages of windows of one deployment that are over, each with its stamp. A page that is
    /// there with a larger stamp is newer, and stays.
    pub(crate) async fn keep(
        &self,
        deployment: u32,
        pages: &[(u64, BookPage)],
    ) -> Result<(), CatalogueError> {
        bounded(async {
            let mut transaction = self.pool.begin().await?;
            for (stamp, page) in pages {
                upsert(&mut transaction, deployment, *stamp, page).await?;
            }
            transaction.commit().await
        })
        .await
    }

    /// The pages of one deployment from `minute` on, newest first.
    pub(crate) async fn pages(
        &self,
        deployment: u32,
        minute: u64,
    ) -> Result<Vec<BookPage>, CatalogueError> {
        let select = sqlx::query_as(
            "SELECT * FROM catalogue_history WHERE deployment = $1 AND minute >= $2
             ORDER BY number DESC",
        )
        .bind(i64::from(deployment))
        .bind(signed(minute));
        let pages: Vec<Page> = bounded(select.fetch_all(&self.pool)).await?;
        Ok(pages.into_iter().map(|page| page.0).collect())
    }

    /// Forgets the pages of before `minute`.
    pub(crate) async fn prune(&self, minute: u64) -> Result<(), CatalogueError> {
        let delete =
            sqlx::query("DELETE FROM catalogue_history WHERE minute < $1").bind(signed(minute));
        bounded(delete.execute(&self.pool)).await.map(drop)
    }
}

/// What of a page a later one of the same window changes: only late usage comes after a window's
/// end.
const UPSERT: &str = "INSERT INTO catalogue_history VALUES
        ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
    ON CONFLICT (deployment, number) DO UPDATE SET stamp = excluded.stamp,
        used_tokens = excluded.used_tokens, used_requests = excluded.used_requests,
        burnt_tokens = excluded.burnt_tokens, burnt_requests = excluded.burnt_requests,
        overrun_tokens = excluded.overrun_tokens, overrun_requests = excluded.overrun_requests
    WHERE excluded.stamp > catalogue_history.stamp";

async fn upsert(
    transaction: &mut Transaction<'_, Any>,
    deployment: u32,
    stamp: u64,
    page: &BookPage,
) -> sqlx::Result<()> {
    let amounts = [page.granted, page.given_back, page.used, page.burnt, page.overrun, page.denied];
    let mut upsert = sqlx::query(UPSERT)
        .bind(i64::from(deployment))
        .bind(signed(page.window))
        .bind(signed(stamp))
        .bind(signed(page.minute))
        .bind(i64::from(page.kind == WindowKind::Rolling))
        .bind(page.limit.tokens().map(signed))
        .bind(page.limit.requests().map(signed));
    for amount in amounts {
        upsert = upsert.bind(signed(amount.tokens())).bind(signed(amount.requests()));
    }
    upsert.execute(&mut **transaction).await.map(drop)
}
