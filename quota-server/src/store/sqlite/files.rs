//! The files of a data folder, one for each shard: `ledger-00.sqlite`, `ledger-01.sqlite`, ..
//!
//! A new folder's files are made from the last to the first. So where the first is there all were,
//! and one that is missing was lost.

use std::path::{Path, PathBuf};

use futures_util::FutureExt;
use sqlx::migrate::MigrateError;
use sqlx::sqlite::SqliteConnection;

use super::{MIGRATIONS, SqliteJournal, connect, describe};
use crate::ledger::journaled::{JournalError, OpenError, ShardNo};

/// Opens the journals of a folder, made where it is new.
pub(crate) async fn open_all(folder: &Path, shards: u32) -> Result<Vec<SqliteJournal>, OpenError> {
    if !file(folder, 0).exists() {
        return create_all(folder, shards).await;
    }
    let mut journals = Vec::new();
    for no in 0..shards {
        let path = file(folder, no);
        if !path.exists() {
            return Err(OpenError::Missing(path));
        }
        journals.push(open(&path, ShardNo { no, of: shards }).await?);
    }
    Ok(journals)
}

async fn create_all(folder: &Path, shards: u32) -> Result<Vec<SqliteJournal>, OpenError> {
    let mut journals = Vec::new();
    for no in (0..shards).rev() {
        journals.push(open(&file(folder, no), ShardNo { no, of: shards }).await?);
    }
    journals.reverse();
    Ok(journals)
}

/// The files that a folder has.
pub(crate) fn shard_files(folder: &Path) -> Vec<PathBuf> {
    (0..100).map(|no| file(folder, no)).filter(|path| path.exists()).collect()
}

fn file(folder: &Path, no: u32) -> PathBuf {
    folder.join(format!("ledger-{no:02}.sqlite"))
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

async fn open(path: &Path, shard: ShardNo) -> Result<SqliteJournal, OpenError> {
    let failed = |source| OpenError::Store { name: name(path), source: JournalError::new(source) };
    let mut connection = prepared(path).await?;
    let was_witnessed = describe(&mut connection, shard).await.map_err(failed)?;
    let stored = stored_shard(&mut connection).await.map_err(failed)?;
    if stored != shard {
        return Err(OpenError::ShardsDiffer {
            path: path.to_owned(),
            stored_no: stored.no,
            stored_of: stored.of,
            no: shard.no,
            of: shard.of,
        });
    }
    Ok(SqliteJournal::new(path, connection, was_witnessed))
}

/// A connection to a file whose tables are up to date; made where there is none.
pub(crate) async fn prepared(path: &Path) -> Result<SqliteConnection, OpenError> {
    let name = name(path);
    let mut connection = match connect(path).await {
        Ok(connection) => connection,
        Err(error) => return Err(OpenError::Store { name, source: JournalError::new(error) }),
    };
    // Boxed: the compiler cannot tell of the crate's generic future that threads may pass it on.
    let run = MIGRATIONS.run_direct(None, &mut connection, false).boxed();
    match run.await {
        Ok(()) => Ok(connection),
        Err(MigrateError::VersionMissing(version)) => Err(OpenError::NewerSchema { name, version }),
        Err(error) => Err(OpenError::Store { name, source: JournalError::new(error) }),
    }
}

async fn stored_shard(connection: &mut SqliteConnection) -> sqlx::Result<ShardNo> {
    let mut values = [0; 2];
    for (key, value) in ["shard", "shards"].into_iter().zip(&mut values) {
        *value = sqlx::query_scalar("SELECT value FROM meta WHERE key = ?")
            .bind(key)
            .fetch_one(&mut *connection)
            .await?;
    }
    Ok(ShardNo { no: values[0], of: values[1] })
}
