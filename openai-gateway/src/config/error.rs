use std::fmt::Display;
use std::path::{Path, PathBuf};

/// Why the configuration can't be run.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file can't be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A client certificate without its key, or the key without it.
    #[error("quota_server: client_cert_file and client_key_file belong together")]
    HalfIdentity,
    /// The file says something that makes no sense.
    #[error("{}: {what}", path.display())]
    Mistaken {
        /// The file.
        path: PathBuf,
        /// Where in it, and what is wrong there.
        what: String,
    },
}

/// What is wrong, with its place in the file.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Mistake(String);

impl Mistake {
    pub(super) fn at(place: &str, what: impl Display) -> Self {
        Self(format!("{place}: {what}"))
    }

    /// The YAML reader's own message names line and column. It could also show the lines around
    /// them: there may be keys in these.
    pub(super) fn yaml(error: &serde_saphyr::Error) -> Self {
        Self(error.without_snippet().to_string())
    }

    pub(super) fn in_file(self, path: &Path) -> ConfigError {
        ConfigError::Mistaken { path: path.to_owned(), what: self.0 }
    }
}
