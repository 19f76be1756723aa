//! Where tokens come from: a file, which can be read again, and the environment, which cannot.

use std::path::{Path, PathBuf};

use super::{Access, Roster, Token, file};
use crate::mistake::Mistake;

/// The sources of all credentials.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    file: Option<PathBuf>,
    given: Vec<Token>,
}

impl Keyring {
    /// Of a file, if there is one, and these tokens.
    #[must_use]
    pub const fn new(file: Option<PathBuf>, given: Vec<Token>) -> Self {
        Self { file, given }
    }

    /// Of these tokens alone.
    #[must_use]
    pub const fn given(given: Vec<Token>) -> Self {
        Self::new(None, given)
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Who is let in, as the file is now: everybody, where nobody is named at all. A file that
    /// names nobody is a mistake, not an open door: it may just be written.
    ///
    /// # Errors
    /// A mistake in the file.
    pub fn access(&self) -> Result<Access, Mistake> {
        let mut roster = match &self.file {
            Some(path) => file::read(path)?,
            None => Roster::default(),
        };
        for token in &self.given {
            roster.add_token(token.fingerprint, token.credential.clone());
        }
        match &self.file {
            Some(path) if roster.is_empty() => {
                Err(Mistake::at(path.display().to_string(), "there is no token in it"))
            }
            _ if roster.is_empty() => Ok(Access::Anonymous),
            _ => Ok(Access::Known(roster)),
        }
    }
}
