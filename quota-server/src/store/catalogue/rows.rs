//! Between rows and values: `sqlx::Any` knows numbers where others know true and false.

use quota_core::BookPage;
use sqlx::any::AnyRow;
use sqlx::{FromRow, Row};

use super::Instance;
use crate::ledger::journaled::DeploymentRow;
use crate::store::rows::{deployment, page, unsigned};

/// A deployment, which one of all that ever had its number, and the revision of the catalogue that
/// its last change made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) row: DeploymentRow,
    pub(crate) instance: Instance,
    pub(crate) revision: u64,
}

impl FromRow<'_, AnyRow> for Entry {
    fn from_row(row: &AnyRow) -> sqlx::Result<Self> {
        let row_of = deployment(row, flag(row, "deleted")?)?;
        let instance = Instance::read(&row.try_get::<String, _>("instance")?)?;
        Ok(Self { row: row_of, instance, revision: unsigned(row, "revision")? })
    }
}

/// A row of the history.
pub(super) struct Page(pub(super) BookPage);

impl FromRow<'_, AnyRow> for Page {
    fn from_row(row: &AnyRow) -> sqlx::Result<Self> {
        Ok(Self(page(row, "number", flag(row, "rolling")?)?))
    }
}

fn flag(row: &AnyRow, column: &'static str) -> sqlx::Result<bool> {
    Ok(unsigned::<u8, _>(row, column)? != 0)
}
