//! Copies side by side in one folder, each called after its moment, of which the latest are kept.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::{BackupError, Copied, backup, unusable};

/// What a copy is called; the names sort as the moments do.
const NAME: &str = "%Y-%m-%dT%H-%M-%SZ";

/// What one is called until it is whole, after its name.
const PART: &str = ".part";

/// One that was made, and how many older ones were removed.
#[derive(Debug)]
pub struct KeptBackup {
    /// Where it is.
    pub folder: PathBuf,
    /// What it is.
    pub copied: Copied,
    /// Whole copies that were removed.
    pub removed: usize,
}

/// Copies a data directory into a folder in `into` that is called after this moment. Once the copy
/// is whole, all but the latest `keep` of those that are called so are removed, and what was begun
/// and not finished. Whatever else is in `into` is left alone.
///
/// # Errors
/// As [`backup`]. Then nothing is removed.
pub async fn backup_kept(
    data_dir: &Path,
    into: &Path,
    now: Timestamp,
    keep: Option<u32>,
) -> Result<KeptBackup, BackupError> {
    let name = now.strftime(NAME).to_string();
    let (folder, part) = (into.join(&name), into.join(format!("{name}{PART}")));
    if folder.exists() {
        return Err(BackupError::Taken(folder));
    }
    let copied = backup(data_dir, &part).await?;
    fs::rename(&part, &folder).map_err(|error| unusable(&folder, error))?;
    let all = fs::File::open(into).and_then(|into| into.sync_all());
    all.map_err(|error| unusable(into, error))?;
    let removed = match keep {
        Some(keep) => remove_older(into, keep as usize).map_err(|error| unusable(into, error))?,
        None => 0,
    };
    Ok(KeptBackup { folder, copied, removed })
}

fn remove_older(into: &Path, keep: usize) -> io::Result<usize> {
    let mut whole = Vec::new();
    for entry in fs::read_dir(into)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !entry.file_type()?.is_dir() {
            continue;
        }
        match name.strip_suffix(PART) {
            Some(begun) if is_moment(begun) => fs::remove_dir_all(entry.path())?,
            None if is_moment(&name) => whole.push(entry.path()),
            _ => {}
        }
    }
    whole.sort_unstable();
    let older = whole.len().saturating_sub(keep.max(1));
    for folder in &whole[..older] {
        fs::remove_dir_all(folder)?;
    }
    Ok(older)
}

fn is_moment(name: &str) -> bool {
    DateTime::strptime(NAME, name).is_ok_and(|moment| moment.strftime(NAME).to_string() == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestLedger;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_764_000_000 + second).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }

    #[tokio::test]
    async fn the_latest_are_kept_and_what_is_not_a_copy_is_left_alone() {
        let (test, into) = (TestLedger::open().await, tempfile::TempDir::new().unwrap());
        let into = into.path();
        for own in ["notes", "2025-11-24", "2025-11-24T16-00-00Z.old", "2025-13-24T16-00-00Z"] {
            fs::create_dir(into.join(own)).unwrap();
        }
        fs::write(into.join("2020-01-01T00-00-00Z"), "a file").unwrap();
        let owned = names(into);
        fs::create_dir(into.join("2025-11-24T15-00-00Z.part")).unwrap();
        for second in 0..5 {
            let kept = backup_kept(test.folder.path(), into, at(second), Some(3)).await.unwrap();
            assert_eq!((kept.copied.files, kept.removed), (1, usize::from(second >= 3)));
        }
        let copies: Vec<_> = names(into).into_iter().filter(|name| !owned.contains(name)).collect();
        let expected = [2, 3, 4].map(|second| at(second).strftime(NAME).to_string());
        assert_eq!(copies, expected);
        let again = backup_kept(test.folder.path(), into, at(4), Some(1)).await;
        assert!(matches!(again, Err(BackupError::Taken(_))), "{again:?}");
        let nothing = backup_kept(&into.join("notes"), into, at(9), Some(1)).await;
        assert!(matches!(nothing, Err(BackupError::Empty(_))), "{nothing:?}");
        assert_eq!(names(into).len(), owned.len() + 3, "what fails removes nothing");
    }
}
