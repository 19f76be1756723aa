//! A witness beside the database: which file it is, and the last entry that was seen in it (R7).
//!
//! A database that was put back, from a backup or by a copy of its folder, grants again what it
//! does not know of. So at each start the witness is asked. It knows of more entries than there are
//! where the database alone was put back, or its write-ahead log is gone. It knows another file
//! (its inode, and when that was made) where the whole folder is a copy, its own text among it. The
//! database knows that it has one, so one that is not there says that the database was put
//! somewhere else. What it cannot tell: a whole disk, or a virtual machine, that went back to a
//! snapshot, since then it went back too.
//!
//! It is written at most four times a second, and not forced to the disk: one that is behind says
//! nothing. A doubt is, and lasts until somebody vouches for the database: a start within a
//! quarantine begins it anew.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use tokio::time::Instant;
use tracing::warn;
use xxhash_rust::xxh3::xxh3_64;

const CADENCE: Duration = Duration::from_millis(250);

/// Inode, time of birth, last entry, checksum of all.
const BYTES: usize = 32;

/// Without the time of birth, as earlier servers wrote it.
const FEWER: usize = 24;

/// No database has this entry.
const DOUBT: u64 = u64::MAX;

/// Sees what is appended to one database.
pub(super) struct Witness {
    path: PathBuf,
    /// `None`: it cannot be written, and says nothing.
    file: Option<File>,
    database: Identity,
    last_seq: u64,
    written: Option<Instant>,
}

/// Which file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    inode: u64,
    /// When it was made, ns since the Unix epoch: an inode is given again to the next file. 0: the
    /// file system does not say, or an earlier server did not ask.
    born_ns: u64,
}

/// What a witness says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Word {
    database: Identity,
    last_seq: u64,
}

impl Witness {
    /// The witness of the database at `path`, which is there.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let database = Identity::of(path)?;
        let path = path.with_extension("witness");
        let mut open = OpenOptions::new();
        let file =
            open.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        Ok(Self { path, file: Some(file), database, last_seq: 0, written: None })
    }

    /// Beside a database that is put at `path` now: it vouches for nothing. One that an earlier
    /// server wrote does not know that it had a witness.
    pub(super) fn doubt_beside(path: &Path) -> io::Result<()> {
        let database = Identity { inode: 0, born_ns: 0 };
        let mut open = OpenOptions::new();
        let open = open.write(true).create(true).truncate(true).mode(0o600);
        let file = open.open(path.with_extension("witness"))?;
        file.write_all_at(&Word { database, last_seq: DOUBT }.bytes(), 0)?;
        file.sync_all()
    }

    /// Whether a database whose last entry is this one is the one that it saw, with all that it saw
    /// in it. Where it says nothing, or nothing that can be read, that is so unless the database
    /// once had one (`was_there`) and is not empty.
    pub(super) fn vouches(&mut self, last_seq: u64, was_there: bool) -> bool {
        let word = self.file.as_ref().and_then(read);
        let vouches = word.map_or(!was_there || last_seq == 0, |word| {
            word.database.is(self.database) && word.last_seq <= last_seq
        });
        if !vouches {
            warn!(
                witness = %self.path.display(), ?word, last_seq, database = ?self.database,
                "the database was put back, or is a copy"
            );
            self.doubt();
        }
        vouches
    }

    /// Vouches for nothing until it sees an entry again.
    pub(super) fn doubt(&mut self) {
        self.last_seq = DOUBT;
        self.write();
        if let Some(Err(error)) = self.file.as_ref().map(File::sync_data) {
            warn!(witness = %self.path.display(), %error, "the witness cannot be written");
        }
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
        let word = Word { database: self.database, last_seq: self.last_seq };
        let Some(file) = &self.file else { return };
        if let Err(error) = file.write_all_at(&word.bytes(), 0) {
            warn!(witness = %self.path.display(), %error, "the witness cannot be written");
            self.file = None;
        }
    }
}

impl Identity {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = path.metadata()?;
        let born = metadata.created().ok().and_then(|born| born.duration_since(UNIX_EPOCH).ok());
        let born_ns = born.and_then(|born| u64::try_from(born.as_nanos()).ok()).unwrap_or(0);
        Ok(Self { inode: metadata.ino(), born_ns })
    }

    const fn is(self, other: Self) -> bool {
        let is_born_with = self.born_ns == other.born_ns || self.born_ns == 0 || other.born_ns == 0;
        self.inode == other.inode && is_born_with
    }
}

impl Word {
    fn bytes(self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        let Self { database: Identity { inode, born_ns }, last_seq } = self;
        for (place, number) in [inode, born_ns, last_seq].into_iter().enumerate() {
            bytes[place * 8..][..8].copy_from_slice(&number.to_le_bytes());
        }
        let checksum = xxh3_64(&bytes[..BYTES - 8]);
        bytes[BYTES - 8..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }
}

fn read(file: &File) -> Option<Word> {
    let numbers = |bytes: &[u8]| -> Option<Vec<u64>> {
        let (told, checksum) = bytes.split_last_chunk()?;
        let is_whole = xxh3_64(told) == u64::from_le_bytes(*checksum);
        let (numbers, _) = told.as_chunks();
        is_whole.then(|| numbers.iter().copied().map(u64::from_le_bytes).collect())
    };
    let mut bytes = [0; BYTES];
    let length = file.read_at(&mut bytes, 0).ok()?;
    let told = bytes.get(..length)?;
    let told = numbers(told).or_else(|| numbers(told.get(..FEWER)?))?;
    let (inode, born_ns, last_seq) = match told[..] {
        [inode, last_seq] => (inode, 0, last_seq),
        [inode, born_ns, last_seq] => (inode, born_ns, last_seq),
        _ => return None,
    };
    Some(Word { database: Identity { inode, born_ns }, last_seq })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn database() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger-00.sqlite");
        fs::write(&path, "").unwrap();
        (folder, path)
    }

    fn vouches(path: &Path, last_seq: u64) -> bool {
        Witness::of(path).unwrap().vouches(last_seq, true)
    }

    #[test]
    fn one_that_is_put_beside_a_copy_vouches_for_nothing() {
        let (_folder, path) = database();
        Witness::doubt_beside(&path).unwrap();
        assert!(!Witness::of(&path).unwrap().vouches(u64::MAX - 1, false));
    }

    #[test]
    fn it_vouches_for_the_database_that_it_saw() {
        let (folder, path) = database();
        let mut witness = Witness::of(&path).unwrap();
        assert!(witness.vouches(0, true), "it has seen nothing");
        witness.saw(17);
        drop(witness);
        assert!(vouches(&path, 17) && vouches(&path, 18));
        fs::copy(&path, folder.path().join("copy")).unwrap();
        fs::rename(folder.path().join("copy"), &path).unwrap();
        assert!(!vouches(&path, 18), "another file");
    }

    #[test]
    fn a_doubt_lasts_until_an_entry_is_seen() {
        let (_folder, path) = database();
        let mut witness = Witness::of(&path).unwrap();
        witness.saw(17);
        assert!(!vouches(&path, 16), "an entry is missing");
        assert!(!vouches(&path, 17) && !vouches(&path, 99), "whatever was written since");
        let mut witness = Witness::of(&path).unwrap();
        witness.saw(19);
        assert!(vouches(&path, 19));
    }

    #[test]
    fn a_database_that_had_one_is_not_without() {
        let (_folder, path) = database();
        let witness = path.with_extension("witness");
        for nothing in ["", "torn"] {
            fs::write(&witness, nothing).unwrap();
            assert!(Witness::of(&path).unwrap().vouches(1, false), "it may never have had one");
            assert!(vouches(&path, 0), "nothing was granted from it");
            assert!(!vouches(&path, 1));
        }
    }

    #[test]
    fn what_an_earlier_server_wrote_is_read() {
        let (_folder, path) = database();
        let mut bytes = [0; FEWER];
        bytes[..8].copy_from_slice(&path.metadata().unwrap().ino().to_le_bytes());
        bytes[8..16].copy_from_slice(&17_u64.to_le_bytes());
        let checksum = xxh3_64(&bytes[..16]);
        bytes[16..].copy_from_slice(&checksum.to_le_bytes());
        fs::write(path.with_extension("witness"), bytes).unwrap();
        assert!(vouches(&path, 17));
        assert!(!vouches(&path, 16));
    }

    #[test]
    fn an_inode_that_is_given_again_is_another_file() {
        let file = Identity { inode: 7, born_ns: 5 };
        assert!(file.is(file) && file.is(Identity { born_ns: 0, ..file }));
        assert!(
            !file.is(Identity { born_ns: 6, ..file }) && !file.is(Identity { inode: 8, ..file })
        );
    }
}
