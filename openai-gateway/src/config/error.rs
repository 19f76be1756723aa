use std::fmt;
use std::path::PathBuf;

use super::report::Mistake;

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
    /// The file says what makes no sense.
    #[error("{}", Lines(.0))]
    Mistaken(Vec<Mistake>),
}

/// A mistake a line.
struct Lines<'a>(&'a [Mistake]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}{mistake}")?;
        }
        Ok(())
    }
}
