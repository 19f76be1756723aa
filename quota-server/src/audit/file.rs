use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A file that only grows. When somebody moves it away (rotation) the next line begins a new one.
pub(super) struct GrowingFile {
    path: PathBuf,
    file: fs::File,
}

impl GrowingFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: open(path)? })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line; it is on the disk when this returns.
    pub(super) fn append(&mut self, line: &str) -> io::Result<()> {
        if !self.is_there()? {
            self.file = open(&self.path)?;
        }
        self.file.write_all(format!("{line}\n").as_bytes())?;
        self.file.sync_data()
    }

    fn is_there(&self) -> io::Result<bool> {
        let ours = self.file.metadata()?;
        match fs::metadata(&self.path) {
            Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// For its owner and group alone.
fn open(path: &Path) -> io::Result<fs::File> {
    OpenOptions::new().create(true).append(true).mode(0o640).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_and_a_file_that_was_moved_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("audit.jsonl"), folder.path().join("audit.1"));
        fs::write(&path, "before\n").unwrap();
        let mut file = GrowingFile::open(&path).unwrap();
        file.append("one").unwrap();
        fs::rename(&path, &moved).unwrap();
        file.append("two").unwrap();
        assert_eq!(fs::read_to_string(&moved).unwrap(), "before\none\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
        fs::remove_dir_all(folder.path()).unwrap();
        file.append("three").unwrap_err();
    }
}
