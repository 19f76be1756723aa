//! The deployments.

use std::sync::Arc;

use sqlx::{Any, Transaction};

use super::rows::Entry;
use super::{Catalogue, CatalogueError, Instance, bounded};
use crate::ledger::journaled::DeploymentRow;
use crate::ledger::{Expected, Put};
use crate::store::rows::{signed, unsigned};

/// What a deployment's book is known to have.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct InBook {
    /// The version of its policy. It may be above the catalogue's: a change that could not be
    /// written after the book was told, or that a promoted PostgreSQL lacks.
    pub(crate) version: u64,
    /// The kind of window that is wished for.
    pub(crate) has_kind: bool,
}

/// What came of a wish to change a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is so already.
    Same(Entry),
    /// It was changed.
    Changed(Entry),
    /// It was made; where it takes the place of a deleted one, it has its number.
    Made { entry: Entry, anew: bool },
    /// There is none.
    Missing,
    /// It is not what was expected.
    Unexpected,
    /// Its kind of window would change.
    OtherKind(Entry),
}

/// What somebody who read the catalogue at a revision does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    /// The deployments that changed since, deleted ones too, in the order of their changes.
    Changed(Vec<Entry>),
    /// All deployments that there are, in that order, as of a revision: deletions since then are
    /// forgotten already, or the catalogue comes from a backup.
    All(Vec<Entry>, u64),
}

impl Catalogue {
    /// What is new since `revision`; 0: all of it. It is asked for once a second.
    pub(crate) async fn since(&self, revision: u64) -> Result<News, CatalogueError> {
        self.renew().await;
        let news = bounded(async {
            let changed = self.changed_since(revision).await?;
            // Read after the changes: a deletion that was forgotten before they were read shows
            // here.
            let head = sqlx::query("SELECT revision, forgotten FROM catalogue_head WHERE id = 1");
            let head = head.fetch_one(&self.pool).await?;
            let (last, forgotten): (u64, u64) =
                (unsigned(&head, "revision")?, unsigned(&head, "forgotten")?);
            if (forgotten..=last).contains(&revision) {
                return Ok(News::Changed(changed));
            }
            Ok(News::All(self.changed_since(0).await?, last))
        });
        news.await.inspect_err(|_| self.renewal.failed())
    }

    async fn changed_since(&self, revision: u64) -> sqlx::Result<Vec<Entry>> {
        sqlx::query_as("SELECT * FROM catalogue WHERE revision > $1 ORDER BY revision")
            .bind(signed(revision))
            .fetch_all(&self.pool)
            .await
    }

    /// Makes or changes a deployment; a change gets a version above that of its book. Its kind of
    /// window changes only where the book has been told so.
    pub(crate) async fn put(&self, put: &Put, book: InBook) -> Result<Change, CatalogueError> {
        bounded(async {
            let mut transaction = self.pool.begin().await?;
            let next = Next::take(&mut transaction).await?;
            let found = find(&mut transaction, &put.id).await?;
            let change = decide(put, found, next, book, || self.instances.next());
            if let Change::Made { entry, .. } | Change::Changed(entry) = &change {
                write(&mut transaction, entry).await?;
                transaction.commit().await?;
            }
            Ok(change)
        })
        .await
    }

    /// Marks a deployment as deleted.
    pub(crate) async fn delete(
        &self,
        id: &Arc<str>,
        expected: Option<Expected>,
    ) -> Result<Change, CatalogueError> {
        bounded(async {
            let mut transaction = self.pool.begin().await?;
            let next = Next::take(&mut transaction).await?;
            let found = find(&mut transaction, id).await?.filter(|entry| !entry.row.deleted);
            if !is_met(expected, found.as_ref().map(|entry| entry.row.version)) {
                return Ok(Change::Unexpected);
            }
            let Some(Entry { row, instance, .. }) = found else { return Ok(Change::Missing) };
            // Nobody reads its details any more, which are kilobytes in every server until it is
            // forgotten.
            let details = "{}".into();
            let row = DeploymentRow { version: row.version + 1, deleted: true, details, ..row };
            let entry = Entry { row, instance, revision: next.revision };
            write(&mut transaction, &entry).await?;
            transaction.commit().await?;
            Ok(Change::Changed(entry))
        })
        .await
    }

    /// Removes a deleted deployment of which nothing is left, unless it changed since this
    /// revision, and notes that the deletion cannot be read any more.
    pub(crate) async fn forget(
        &self,
        deployment: u32,
        revision: u64,
    ) -> Result<(), CatalogueError> {
        bounded(async {
            let mut transaction = self.pool.begin().await?;
            let noted = sqlx::query(
                "UPDATE catalogue_head SET forgotten = $1 WHERE id = 1 AND forgotten < $1",
            );
            noted.bind(signed(revision)).execute(&mut *transaction).await?;
            let delete = sqlx::query(
                "DELETE FROM catalogue WHERE no = $1 AND deleted = 1 AND revision = $2",
            );
            let delete = delete.bind(i64::from(deployment)).bind(signed(revision));
            let deleted = delete.execute(&mut *transaction).await?.rows_affected();
            if deleted == 0 { transaction.rollback().await } else { transaction.commit().await }
        })
        .await
    }
}

/// What the next change is numbered. Taking it locks the head until the transaction ends, so
/// changes are made one after another.
#[derive(Clone, Copy)]
struct Next {
    revision: u64,
    no: u32,
}

impl Next {
    async fn take(transaction: &mut Transaction<'_, Any>) -> sqlx::Result<Self> {
        let row = sqlx::query(
            "UPDATE catalogue_head SET revision = revision + 1 WHERE id = 1
             RETURNING revision, last_no + 1 AS no",
        )
        .fetch_one(&mut **transaction)
        .await?;
        Ok(Self { revision: unsigned(&row, "revision")?, no: unsigned(&row, "no")? })
    }
}

fn decide(
    put: &Put,
    found: Option<Entry>,
    next: Next,
    book: InBook,
    instance: impl FnOnce() -> Instance,
) -> Change {
    let version = found.as_ref().filter(|entry| !entry.row.deleted).map(|entry| entry.row.version);
    if !is_met(put.expected, version) {
        return Change::Unexpected;
    }
    let revision = next.revision;
    let Some(entry) = found else {
        let entry = Entry { row: row(put, next.no, 1), instance: instance(), revision };
        return Change::Made { entry, anew: true };
    };
    let DeploymentRow { no, version, deleted, .. } = entry.row;
    if entry.row.policy.kind != put.policy.kind && !book.has_kind {
        return Change::OtherKind(entry);
    }
    let instance = entry.instance;
    let wished = Entry { row: row(put, no, version.max(book.version) + 1), instance, revision };
    // A book that has a later version has what this catalogue lacks.
    match (deleted, is_same(put, &entry) && book.version <= version) {
        (true, _) => Change::Made { entry: wished, anew: false },
        (false, true) => Change::Same(entry),
        (false, false) => Change::Changed(wished),
    }
}

fn is_same(put: &Put, entry: &Entry) -> bool {
    entry.row.policy == put.policy && entry.row.details == put.details
}

fn row(put: &Put, no: u32, version: u64) -> DeploymentRow {
    let (id, details) = (put.id.clone(), put.details.clone());
    DeploymentRow { no, id, policy: put.policy.clone(), details, version, deleted: false }
}

async fn find(transaction: &mut Transaction<'_, Any>, id: &str) -> sqlx::Result<Option<Entry>> {
    sqlx::query_as("SELECT * FROM catalogue WHERE id = $1")
        .bind(id.to_owned())
        .fetch_optional(&mut **transaction)
        .await
}

async fn write(transaction: &mut Transaction<'_, Any>, entry: &Entry) -> sqlx::Result<()> {
    let Entry { row, instance, revision } = entry;
    let policy =
        serde_json::to_string(&row.policy).map_err(|error| sqlx::Error::Encode(error.into()))?;
    sqlx::query(
        "INSERT INTO catalogue (no, id, policy, details, version, deleted, revision, instance)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (no) DO UPDATE SET policy = excluded.policy, details = excluded.details,
             version = excluded.version, deleted = excluded.deleted, revision = excluded.revision",
    )
    .bind(i64::from(row.no))
    .bind(row.id.to_string())
    .bind(policy)
    .bind(row.details.to_string())
    .bind(signed(row.version))
    .bind(i64::from(row.deleted))
    .bind(signed(*revision))
    .bind(instance.text())
    .execute(&mut **transaction)
    .await?;
    // A number is never given twice.
    sqlx::query("UPDATE catalogue_head SET last_no = $1 WHERE id = 1 AND last_no < $1")
        .bind(i64::from(row.no))
        .execute(&mut **transaction)
        .await
        .map(drop)
}

fn is_met(expected: Option<Expected>, version: Option<u64>) -> bool {
    match expected {
        None => true,
        Some(Expected::Some) => version.is_some(),
        Some(Expected::None) => version.is_none(),
        Some(Expected::Version(expected)) => version == Some(expected),
    }
}
