use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::VerifyError;
use crate::store::sqlite::shard_files;

/// A copy of a data folder's files, gone when it is dropped.
pub(super) struct Copy(TempDir);

impl Copy {
    pub(super) fn files(&self) -> Vec<PathBuf> {
        shard_files(self.0.path())
    }
}

/// Copies the files and their write-ahead logs: reading them would write to them.
pub(super) fn of(folder: &Path) -> Result<Copy, VerifyError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| VerifyError::Folder { path, source }
    };
    let files = shard_files(folder);
    if files.is_empty() {
        return Err(VerifyError::Empty(folder.to_owned()));
    }
    let copy = tempfile::tempdir().map_err(unreadable(folder))?;
    for file in files {
        for path in [file.with_extension("sqlite-wal"), file] {
            let Some(name) = path.file_name().filter(|_| path.exists()) else { continue };
            fs::copy(&path, copy.path().join(name)).map_err(unreadable(&path))?;
        }
    }
    Ok(Copy(copy))
}
