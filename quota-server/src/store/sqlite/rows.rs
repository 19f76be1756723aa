//! Between rows and values.

use quota_core::{Amount, BookPage, Limit, WindowKind};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

use crate::ledger::journaled::DeploymentRow;

/// SQLite counts in signed 64 bits. Statistics stop here, so that two of them can be added.
pub(super) const MOST: i64 = 1 << 61;

/// A number, as SQLite has it.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).map_or(MOST, |number| number.min(MOST))
}

fn unsigned(row: &SqliteRow, column: &str) -> sqlx::Result<u64> {
    let number: i64 = row.try_get(column)?;
    u64::try_from(number)
        .map_err(|error| sqlx::Error::ColumnDecode { index: column.into(), source: error.into() })
}

/// A deployment's row.
pub(super) struct Deployment(pub(super) DeploymentRow);

impl FromRow<'_, SqliteRow> for Deployment {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let policy: &str = row.try_get("policy")?;
        let policy = serde_json::from_str(policy).map_err(|error| sqlx::Error::ColumnDecode {
            index: "policy".into(),
            source: error.into(),
        })?;
        Ok(Self(DeploymentRow {
            no: row.try_get("no")?,
            id: row.try_get::<&str, _>("id")?.into(),
            policy,
            details: row.try_get::<&str, _>("details")?.into(),
            version: unsigned(row, "version")?,
            deleted: row.try_get("deleted")?,
        }))
    }
}

/// A row of the history.
pub(super) struct Page(pub(super) BookPage);

impl FromRow<'_, SqliteRow> for Page {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        let rolling: bool = row.try_get("rolling")?;
        let amount = |tokens, requests| {
            Ok::<_, sqlx::Error>(Amount::new(unsigned(row, tokens)?, unsigned(row, requests)?))
        };
        Ok(Self(BookPage {
            window: unsigned(row, "window")?,
            minute: unsigned(row, "minute")?,
            kind: if rolling { WindowKind::Rolling } else { WindowKind::Minute },
            limit: Limit {
                tokens: limit(row, "limit_tokens")?,
                requests: limit(row, "limit_requests")?,
            },
            granted: amount("granted_tokens", "granted_requests")?,
            given_back: amount("given_back_tokens", "given_back_requests")?,
            used: amount("used_tokens", "used_requests")?,
            held: Amount::ZERO,
            burnt: amount("burnt_tokens", "burnt_requests")?,
            overrun: amount("overrun_tokens", "overrun_requests")?,
            denied: amount("denied_tokens", "denied_requests")?,
            over: true,
        }))
    }
}

fn limit(row: &SqliteRow, column: &str) -> sqlx::Result<Option<u64>> {
    let limit: Option<i64> = row.try_get(column)?;
    limit.map(|_| unsigned(row, column)).transpose()
}
