//! Which Redis the servers of this catalogue call.

use std::time::Duration;

use sqlx::Row;

use super::{Catalogue, CatalogueError, within};
use crate::store::rows::{signed, unsigned};

/// How long a call may take: a sign of life that comes later is of no use.
const PATIENCE: Duration = Duration::from_secs(1);

/// A Redis, and a sign of life that those raise who call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InUse {
    pub(crate) name: String,
    pub(crate) sign: u64,
    /// How often another one took the place, without all that this one had.
    pub(crate) term: u64,
}

impl Catalogue {
    /// Whether other servers can have it open too.
    pub(crate) const fn is_shared(&self) -> bool {
        self.lock.is_none()
    }

    /// The Redis in use; `None`: there never was one.
    pub(crate) async fn redis_in_use(&self) -> Result<Option<InUse>, CatalogueError> {
        within(PATIENCE, async {
            let row = sqlx::query("SELECT name, sign, term FROM redis_in_use WHERE id = 1");
            let row = row.fetch_optional(&self.pool).await?;
            row.map(|row| {
                let (sign, term) = (unsigned(&row, "sign")?, unsigned(&row, "term")?);
                Ok(InUse { name: row.try_get("name")?, sign, term })
            })
            .transpose()
        })
        .await
    }

    /// Raises the sign of life, and puts this name and term in the place of those that were read,
    /// unless somebody else has done either meanwhile. Whether it was done.
    pub(crate) async fn use_redis(
        &self,
        name: &str,
        term: u64,
        read: Option<&InUse>,
    ) -> Result<bool, CatalogueError> {
        within(PATIENCE, async {
            let query = match read {
                None => sqlx::query(
                    "INSERT INTO redis_in_use (id, name, sign, term) VALUES (1, $1, 0, $2)
                     ON CONFLICT (id) DO NOTHING",
                )
                .bind(name.to_owned())
                .bind(signed(term)),
                Some(read) => sqlx::query(
                    "UPDATE redis_in_use SET name = $1, term = $2, sign = sign + 1
                     WHERE id = 1 AND name = $3 AND sign = $4",
                )
                .bind(name.to_owned())
                .bind(signed(term))
                .bind(read.name.clone())
                .bind(signed(read.sign)),
            };
            Ok(query.execute(&self.pool).await?.rows_affected() == 1)
        })
        .await
    }
}
