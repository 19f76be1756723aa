//! Which Redis the servers of this catalogue call.

use sqlx::Row;

use super::{Catalogue, CatalogueError, bounded};
use crate::store::rows::{signed, unsigned};

/// A Redis, and a sign of life that those raise who call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InUse {
    pub(crate) name: String,
    pub(crate) sign: u64,
}

impl Catalogue {
    /// Whether other servers can have it open too.
    pub(crate) const fn is_shared(&self) -> bool {
        self.lock.is_none()
    }

    /// The Redis in use; `None`: there never was one.
    pub(crate) async fn redis_in_use(&self) -> Result<Option<InUse>, CatalogueError> {
        bounded(async {
            let row = sqlx::query("SELECT name, sign FROM redis_in_use WHERE id = 1");
            let row = row.fetch_optional(&self.pool).await?;
            row.map(|row| Ok(InUse { name: row.try_get("name")?, sign: unsigned(&row, "sign")? }))
                .transpose()
        })
        .await
    }

    /// Raises the sign of life, and puts this name in the place of the one that was read, unless somebody else has done
    /// either meanwhile. Whether it was done.
    pub(crate) async fn use_redis(
        &self,
        name: &str,
        read: Option<&InUse>,
    ) -> Result<bool, CatalogueError> {
        bounded(async {
            let query = match read {
                None => sqlx::query(
                    "INSERT INTO redis_in_use (id, name, sign) VALUES (1, $1, 0)
                     ON CONFLICT (id) DO NOTHING",
                )
                .bind(name.to_owned()),
                Some(read) => sqlx::query(
                    "UPDATE redis_in_use SET name = $1, sign = sign + 1
                     WHERE id = 1 AND name = $2 AND sign = $3",
                )
                .bind(name.to_owned())
                .bind(read.name.clone())
                .bind(signed(read.sign)),
            };
            Ok(query.execute(&self.pool).await?.rows_affected() == 1)
        })
        .await
    }
}
