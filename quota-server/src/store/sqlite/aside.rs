//! Entries that could not be followed, kept for whoever investigates: `quarantine/` in the data
//! folder has a file with the bytes of each, and beside it one that says what is wrong.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::ledger::journaled::JournalFault;

/// So many files are kept; then no more are added.
const MOST_FILES: usize = 2_048;

/// Keeps them beside the database at `path`. What is kept already stays as it is.
pub(super) fn keep(path: &Path, faults: &[JournalFault]) -> io::Result<()> {
    let folder = path.with_file_name("quarantine");
    fs::create_dir_all(&folder)?;
    for fault in faults {
        let of = name(&folder, path, fault);
        if of.exists() || fs::read_dir(&folder)?.count() >= MOST_FILES {
            continue;
        }
        fs::write(&of, &fault.entry)?;
        fs::write(of.with_extension("txt"), format!("{fault}\n"))?;
    }
    Ok(())
}

/// `ledger-00-17.entry` is entry 17 of `ledger-00.sqlite`.
fn name(folder: &Path, path: &Path, fault: &JournalFault) -> PathBuf {
    let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into());
    folder.join(format!("{stem}-{}.entry", fault.seq))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_followed_is_kept_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger-00.sqlite");
        let fault = |entry: &[u8]| JournalFault {
            seq: 17,
            deployment: None,
            why: "unreadable".into(),
            entry: entry.into(),
        };
        keep(&path, &[fault(b"first")]).unwrap();
        keep(&path, &[fault(b"second")]).unwrap();
        let kept = folder.path().join("quarantine/ledger-00-17.entry");
        assert_eq!(fs::read(&kept).unwrap(), b"first");
        assert_eq!(fs::read_to_string(kept.with_extension("txt")).unwrap(), "unreadable\n");
    }
}
