//! Between rows and values.

use quota_core::{Amount, BookPage, Limit, WindowKind};
use sqlx::any::AnyRow;
use sqlx::{FromRow, Row};

use crate::ledger::journaled::DeploymentRow;

/// A deployment, and the revision of the catalogue that its last change made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) row: DeploymentRow,
    pub(crate) revision: u64,
}

impl FromRow<'_, AnyRow> for Entry {
    fn from_row(row: &AnyRow) -> sqlx::Result<Self> {
        let policy: String = row.try_get("policy")?;
        let policy = serde_json::from_str(&policy).map_err(broken("policy"))?;
        Ok(Self {
            row: DeploymentRow {
                no: number(row, "no")?,
                id: row.try_get::<String, _>("id")?.into(),
                policy,
                details: row.try_get::<String, _>("details")?.into(),
                version: number(row, "version")?,
                deleted: number::<u8>(row, "deleted")? != 0,
            },
            revision: number(row, "revision")?,
        })
    }
}

/// A row of the history.
pub(super) struct Page(pub(super) BookPage);

impl FromRow<'_, AnyRow> for Page {
    fn from_row(row: &AnyRow) -> sqlx::Result<Self> {
        let amount = |tokens, requests| {
            Ok::<_, sqlx::Error>(Amount::new(number(row, tokens)?, number(row, requests)?))
        };
        let rolling = number::<u8>(row, "rolling")? != 0;
        Ok(Self(BookPage {
            window: number(row, "number")?,
            minute: number(row, "minute")?,
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

/// A number that cannot be below 0.
pub(super) fn number<N: TryFrom<i64>>(row: &AnyRow, column: &'static str) -> sqlx::Result<N> {
    let number: i64 = row.try_get(column)?;
    N::try_from(number).map_err(|_| broken(column)("out of range"))
}

fn limit(row: &AnyRow, column: &'static str) -> sqlx::Result<Option<u64>> {
    let limit: Option<i64> = row.try_get(column)?;
    limit.map(|_| number(row, column)).transpose()
}

fn broken<E: Into<sqlx::error::BoxDynError>>(column: &'static str) -> impl Fn(E) -> sqlx::Error {
    move |error| sqlx::Error::ColumnDecode { index: column.to_owned(), source: error.into() }
}
