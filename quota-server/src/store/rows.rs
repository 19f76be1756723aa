//! Between rows and values, the same in every database.

use quota_core::{Amount, BookPage, Limit, WindowKind};
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

use crate::ledger::journaled::DeploymentRow;

/// Databases count in signed 64 bits. Statistics stop here, so that two of them can be added.
pub(super) const MOST: i64 = 1 << 61;

/// A number, as databases have it.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).map_or(MOST, |number| number.min(MOST))
}

/// A column's value.
fn value<'r, T, R>(row: &'r R, column: &'static str) -> sqlx::Result<T>
where
    R: Row,
    T: Decode<'r, R::Database> + Type<R::Database>,
    &'static str: ColumnIndex<R>,
{
    row.try_get(column)
}

/// A number that cannot be below 0.
pub(super) fn unsigned<T, R>(row: &R, column: &'static str) -> sqlx::Result<T>
where
    R: Row,
    T: TryFrom<i64, Error = std::num::TryFromIntError>,
    &'static str: ColumnIndex<R>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
{
    T::try_from(value::<i64, R>(row, column)?).map_err(|error| undecodable(column, error))
}

fn undecodable(
    column: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.into(), source: source.into() }
}

/// A deployment's row.
pub(super) struct Deployment(pub(super) DeploymentRow);

impl<'r, R> FromRow<'r, R> for Deployment
where
    R: Row,
    &'static str: ColumnIndex<R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    bool: Decode<'r, R::Database> + Type<R::Database>,
    for<'a> i64: Decode<'a, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        Ok(Self(deployment(row, value(row, "deleted")?)?))
    }
}

/// What every database has of a deployment. What is true or false differs.
pub(super) fn deployment<'r, R>(row: &'r R, deleted: bool) -> sqlx::Result<DeploymentRow>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    for<'a> i64: Decode<'a, R::Database> + Type<R::Database>,
{
    let policy: String = value(row, "policy")?;
    let policy = serde_json::from_str(&policy).map_err(|error| undecodable("policy", error))?;
    Ok(DeploymentRow {
        no: unsigned(row, "no")?,
        id: value::<String, R>(row, "id")?.into(),
        policy,
        details: value::<String, R>(row, "details")?.into(),
        version: unsigned(row, "version")?,
        deleted,
    })
}

/// A row of the history.
pub(super) struct Page(pub(super) BookPage);

impl<'r, R> FromRow<'r, R> for Page
where
    R: Row,
    &'static str: ColumnIndex<R>,
    bool: Decode<'r, R::Database> + Type<R::Database>,
    Option<i64>: Decode<'r, R::Database> + Type<R::Database>,
    for<'a> i64: Decode<'a, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        Ok(Self(page(row, "window", value(row, "rolling")?)?))
    }
}

/// What every database has of a closed window, whose number is in this column.
pub(super) fn page<'r, R>(row: &'r R, window: &'static str, rolling: bool) -> sqlx::Result<BookPage>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    Option<i64>: Decode<'r, R::Database> + Type<R::Database>,
    for<'a> i64: Decode<'a, R::Database> + Type<R::Database>,
{
    let amount = |tokens, requests| {
        Ok::<_, sqlx::Error>(Amount::new(unsigned(row, tokens)?, unsigned(row, requests)?))
    };
    Ok(BookPage {
        window: unsigned(row, window)?,
        minute: unsigned(row, "minute")?,
        kind: if rolling { WindowKind::Rolling } else { WindowKind::Minute },
        limit: Limit::new(limit(row, "limit_tokens")?, limit(row, "limit_requests")?),
        granted: amount("granted_tokens", "granted_requests")?,
        given_back: amount("given_back_tokens", "given_back_requests")?,
        used: amount("used_tokens", "used_requests")?,
        held: Amount::ZERO,
        burnt: amount("burnt_tokens", "burnt_requests")?,
        overrun: amount("overrun_tokens", "overrun_requests")?,
        denied: amount("denied_tokens", "denied_requests")?,
        over: true,
    })
}

fn limit<'r, R>(row: &'r R, column: &'static str) -> sqlx::Result<Option<u64>>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    Option<i64>: Decode<'r, R::Database> + Type<R::Database>,
{
    let limit: Option<i64> = value(row, column)?;
    limit.map(|limit| u64::try_from(limit).map_err(|error| undecodable(column, error))).transpose()
}
