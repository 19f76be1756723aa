//! Passwords that stand in a file, or that a command prints.
//!
//! Both are asked again for each connection: a file for what a Vault agent or a mounted secret puts
//! there, a command for tokens that live for minutes, as IAM's and Entra's do.

mod command;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;

pub use command::PasswordCommand;

use crate::secret_file::{self, UselessSource};

/// Where a password comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordSource {
    /// A file with nothing else in it.
    File(PathBuf),
    /// What a command prints.
    Command(PasswordCommand),
}

impl PasswordSource {
    /// One of them; the settings are told apart before.
    #[must_use]
    pub fn of(file: Option<PathBuf>, command: Option<PasswordCommand>) -> Option<Self> {
        command.map(Self::Command).or(file.map(Self::File))
    }

    /// The password of now.
    ///
    /// # Errors
    /// There is none.
    pub async fn password(&self) -> Result<String, UselessSource> {
        match self {
            Self::File(path) => off_the_runtime(path, secret_file::password).await,
            Self::Command(command) => command.password().await,
        }
    }

    /// Whether it can be told, as far as that shows without running a command.
    ///
    /// # Errors
    /// It cannot.
    pub fn check(&self) -> Result<(), UselessSource> {
        match self {
            Self::File(path) => secret_file::password(path).map(drop),
            Self::Command(_) => Ok(()),
        }
    }

    /// Asking again costs a process.
    #[must_use]
    pub const fn is_costly(&self) -> bool {
        matches!(self, Self::Command(_))
    }
}

/// Reads a file where a disk or a network that is slow holds nobody up.
pub(crate) async fn off_the_runtime<T: Send + 'static>(
    path: &Path,
    read: impl FnOnce(&Path) -> Result<T, UselessSource> + Send + 'static,
) -> Result<T, UselessSource> {
    let file = path.to_owned();
    let read = spawn_blocking(move || read(&file));
    read.await.unwrap_or_else(|_| Err(UselessSource::new(path, "it could not be read")))
}
