//! Files with a secret in them, as a Vault agent or a mounted secret puts them there.

use std::path::{Path, PathBuf};

/// A file, or a command, that is of no use.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", .path.display())]
pub struct UselessSource {
    /// Which one.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: String,
}

impl UselessSource {
    pub(crate) fn new(path: &Path, why: impl Into<String>) -> Self {
        Self { path: path.to_owned(), why: why.into() }
    }
}

/// All of a file.
///
/// # Errors
/// It cannot be read.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, UselessSource> {
    std::fs::read(path).map_err(|error| UselessSource::new(path, error.to_string()))
}

/// A password. Editors and `echo` end a file with a line's end, which is none of it.
///
/// # Errors
/// It cannot be read, is no text, or is empty.
pub(crate) fn password(path: &Path) -> Result<String, UselessSource> {
    let text = String::from_utf8(bytes(path)?);
    let text = text.map_err(|_| UselessSource::new(path, "this is no text"))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(UselessSource::new(path, "there is nothing in it")),
        password => Ok(password.to_owned()),
    }
}
