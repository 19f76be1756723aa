//! A witness beside the database: which file it is, and the last entry that was seen in it (R7).
//!
//! A database that was put back, from a backup or by a copy of its folder, grants again what it does not know
//! of. So at each start the witness is asked. It knows of more entries than there are where the database
//! alone was put back, or its write-ahead log is gone. It knows another file (its inode) where the whole folder
//! is a copy, its own text among it. What it cannot tell: a whole disk, or a virtual machine, that went back to
//! a snapshot, since then it went back too.
//!
//! It is written at most four times a second, and not forced to the disk: one that is behind says nothing.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;
use xxhash_rust::xxh3::xxh3_64;

const CADENCE: Duration = Duration::from_millis(250);

/// Inode, last entry, checksum of both.
const BYTES: usize = 24;

/// Sees what is appended to one database.
pub(super) struct Witness {
    path: PathBuf,
    /// `None`: it cannot be written, and says nothing.
    file: Option<File>,
    inode: u64,
    last_seq: u64,
    written: Option<Instant>,
}

/// What a witness says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Word {
    inode: u64,
    last_seq: u64,
}

impl Witness {
    /// The witness of the database at `path`, which is there.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let inode = path.metadata()?.ino();
        let path = path.with_extension("witness");
        let mut open = OpenOptions::new();
        let file =
            open.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        Ok(Self { path, file: Some(file), inode, last_seq: 0, written: None })
    }

    /// Whether a database whose last entry is this one is the one that it saw, with all that it saw in it. One
    /// that says nothing, or nothing that can be read, knows nothing against it.
    pub(super) fn vouches(&self, last_seq: u64) -> bool {
        let Some(word) = self.file.as_ref().and_then(read) else { return true };
        let is_same = word.inode == self.inode && word.last_seq <= last_seq;
        if !is_same {
            warn!(
                witness = %self.path.display(), ?word, last_seq, inode = self.inode,
                "the database was put back, or is a copy"
            );
        }
        is_same
    }

    /// This entry is in the database.
    pub(super) fn saw(&mut self, seq: u64) {
        self.last_seq = seq;
        if self.written.is_none_or(|at| at.elapsed() >= CADENCE) {
            self.write();
        }
    }

    /// Says what it saw, for the next start.
    pub(super) fn write(&mut self) {
        self.written = Some(Instant::now());
        let word = Word { inode: self.inode, last_seq: self.last_seq };
        let Some(file) = &self.file else { return };
        if let Err(error) = file.write_all_at(&word.bytes(), 0) {
            warn!(witness = %self.path.display(), %error, "the witness cannot be written");
            self.file = None;
        }
    }
}

impl Word {
    fn bytes(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        bytes[..8].copy_from_slice(&self.inode.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.last_seq.to_le_bytes());
        let checksum = xxh3_64(&bytes[..16]);
        bytes[16..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }
}

fn read(file: &File) -> Option<Word> {
    let mut bytes = [0; BYTES];
    file.read_exact_at(&mut bytes, 0).ok()?;
    let number = |at: usize| bytes[at..at + 8].try_into().ok().map(u64::from_le_bytes);
    let word = Word { inode: number(0)?, last_seq: number(8)? };
    (word.bytes() == bytes).then_some(word)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn it_vouches_for_the_database_that_it_saw() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger-00.sqlite");
        fs::write(&path, "").unwrap();
        let mut witness = Witness::of(&path).unwrap();
        assert!(witness.vouches(0), "it has seen nothing");
        witness.saw(17);
        drop(witness);
        let again = Witness::of(&path).unwrap();
        assert!(again.vouches(17) && again.vouches(18));
        assert!(!again.vouches(16), "an entry is missing");
        fs::copy(&path, folder.path().join("copy")).unwrap();
        fs::rename(folder.path().join("copy"), &path).unwrap();
        assert!(!Witness::of(&path).unwrap().vouches(18), "another file");
        fs::write(path.with_extension("witness"), "torn").unwrap();
        assert!(Witness::of(&path).unwrap().vouches(1));
    }
}
