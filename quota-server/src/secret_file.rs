//! Files with a secret in them, as a Vault agent or a mounted secret puts them there.

use std::path::{Path, PathBuf};

/// A file that is of no use.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", .path.display())]
pub struct UselessFile {
    /// Which one.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: String,
}

impl UselessFile {
    pub(crate) fn new(path: &Path, why: impl Into<String>) -> Self {
        Self { path: path.to_owned(), why: why.into() }
    }
}

/// All of a file.
///
/// # Errors
/// It cannot be read.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, UselessFile> {
    std::fs::read(path).map_err(|error| UselessFile::new(path, error.to_string()))
}

/// A password. Editors and `echo` end a file with a line's end, which is none of it.
///
/// # Errors
/// It cannot be read, is no text, or is empty.
pub(crate) fn password(path: &Path) -> Result<String, UselessFile> {
    let text = String::from_utf8(bytes(path)?);
    let text = text.map_err(|_| UselessFile::new(path, "this is no text"))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(UselessFile::new(path, "there is nothing in it")),
        password => Ok(password.to_owned()),
    }
}
