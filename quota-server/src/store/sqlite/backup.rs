//! Copies of a data folder's databases, whether a server runs on it or not.
//!
//! A copy knows nothing of what is granted after it was made. So beside each lies a witness that
//! saw a later entry of another file: who starts on it, wherever it has been put, quarantines what
//! it cannot vouch for.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use sqlx::{ConnectOptions as _, Connection as _};

use super::witness::Witness;
use super::{lock, options, shard_files};
use crate::ledger::journaled::JournalError;

/// The deployments and the history beside Redis, where no PostgreSQL has them.
const CATALOGUE: &str = "catalogue.sqlite";

/// The databases that a data folder has.
pub(crate) fn databases(folder: &Path) -> Vec<PathBuf> {
    let catalogue = Some(folder.join(CATALOGUE)).filter(|path| path.exists());
    shard_files(folder).into_iter().chain(catalogue).collect()
}

/// Writes down all that is committed in a database, as of one moment, into a new file of this
/// folder; how large it is. Who writes the database goes on meanwhile.
pub(crate) async fn copy_into(database: &Path, folder: &Path) -> Result<u64, JournalError> {
    let (name, part) = names(database, folder)?;
    // With its mode; SQLite writes into a file that is empty.
    drop(lock::owned(&part).map_err(JournalError::new)?);
    let mut connection = options(database).connect().await.map_err(JournalError::new)?;
    let copied = sqlx::query("VACUUM INTO ?")
        .bind(part.display().to_string())
        .execute(&mut connection)
        .await
        .map_err(JournalError::new);
    let closed = connection.close().await.map_err(JournalError::new);
    copied.and(closed)?;
    finish(&part, &folder.join(name)).map_err(JournalError::new)
}

/// Puts a copy into a data folder; how large it is.
pub(crate) fn put_back(copy: &Path, folder: &Path) -> io::Result<u64> {
    let (name, part) = names(copy, folder).map_err(io::Error::other)?;
    let mut to = lock::owned(&part)?;
    io::copy(&mut File::open(copy)?, &mut to)?;
    drop(to);
    finish(&part, &folder.join(name))
}

/// Makes a folder for its owner alone, if it is not there.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn names(database: &Path, folder: &Path) -> Result<(PathBuf, PathBuf), JournalError> {
    let name = database.file_name().ok_or_else(|| JournalError::new("a file without a name"))?;
    let part = folder.join(name).with_extension("part");
    // Left behind by one that was broken off.
    gone(&part).map_err(JournalError::new)?;
    Ok((name.into(), part))
}

fn gone(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Gives a whole file its name, on the disk, once the witness of a journal is there: SQLite does
/// not sync a copy. What another database of this name left beside it would be read into this one.
fn finish(part: &Path, path: &Path) -> io::Result<u64> {
    let file = File::open(part)?;
    file.sync_all()?;
    if path.file_name().is_none_or(|name| name != CATALOGUE) {
        Witness::doubt_beside(path)?;
    }
    for beside in ["sqlite-wal", "sqlite-shm"] {
        gone(&path.with_extension(beside))?;
    }
    fs::rename(part, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(file.metadata()?.len())
}
