//! A backup of a data directory, and its way back.
//!
//! What a backup is worth is the deployments and the history: the books of open windows are those
//! of another time. A server that starts on one quarantines its open windows (R7), as on any
//! database that was put back.

mod kept;

use std::io;
use std::path::{Path, PathBuf};

pub use kept::{KeptBackup, backup_kept};

use crate::ledger::journaled::{JournalError, OpenError};
use crate::store::sqlite::{FolderLock, copy_into, databases, make_folder, put_back, shard_files};

/// Why there is no backup, or none put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is nothing to copy.
    #[error("there is no ledger in {}", .0.display())]
    Empty(PathBuf),
    /// What is there is not written over.
    #[error("{} has a ledger already: name another directory, or move it away", .0.display())]
    Taken(PathBuf),
    /// The folder cannot be used, or a server runs on it.
    #[error(transparent)]
    Folder(#[from] OpenError),
    /// A database cannot be copied. What was copied of others before stays.
    #[error("{}: {source}", .path.display())]
    Copy {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: JournalError,
    },
}

/// What was copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    /// Databases.
    pub files: usize,
    /// Bytes of all copies.
    pub bytes: u64,
    /// Books are among what is in them: with Redis they are not.
    pub has_books: bool,
}

impl Copied {
    fn of(folder: &Path) -> Self {
        Self { has_books: !shard_files(folder).is_empty(), ..Self::default() }
    }

    fn and(self, bytes: u64) -> Self {
        Self { files: self.files + 1, bytes: self.bytes + bytes, ..self }
    }
}

/// Copies the databases of a data directory into a folder that has none, made where it is missing.
/// A server may run on it and goes on; each copy has all that was answered before it began.
///
/// # Errors
/// There is nothing to copy, or no place to copy it to.
pub async fn backup(data_dir: &Path, to: &Path) -> Result<Copied, BackupError> {
    let (databases, _) = (found(data_dir)?, free(to)?);
    make_folder(to).map_err(|error| unusable(to, error))?;
    let mut copied = Copied::of(data_dir);
    for database in databases {
        let bytes = copy_into(&database, to).await;
        copied = copied.and(bytes.map_err(|source| BackupError::Copy { path: database, source })?);
    }
    Ok(copied)
}

/// Puts a backup into a data directory that has no ledger, made where it is missing. No server runs
/// on it meanwhile.
///
/// # Errors
/// There is no backup, or no place for it.
pub fn restore(from: &Path, data_dir: &Path) -> Result<Copied, BackupError> {
    let copies = found(from)?;
    let _lock = FolderLock::take(data_dir)?;
    free(data_dir)?;
    let mut copied = Copied::of(from);
    // From the last to the first, as a new folder's are made: where the first is there all are.
    for copy in copies.into_iter().rev() {
        let bytes = put_back(&copy, data_dir).map_err(JournalError::new);
        copied = copied.and(bytes.map_err(|source| BackupError::Copy { path: copy, source })?);
    }
    Ok(copied)
}

fn found(folder: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let databases = databases(folder);
    if databases.is_empty() { Err(BackupError::Empty(folder.to_owned())) } else { Ok(databases) }
}

fn free(folder: &Path) -> Result<(), BackupError> {
    let is_free = databases(folder).is_empty();
    is_free.then_some(()).ok_or_else(|| BackupError::Taken(folder.to_owned()))
}

fn unusable(path: &Path, source: io::Error) -> BackupError {
    OpenError::Folder { path: path.to_owned(), source }.into()
}
