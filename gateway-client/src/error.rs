use std::path::PathBuf;

use quota_api::Problem;

/// Why a client could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The server's URL is not one of HTTP.
    #[error(
        "`{0}` is not the URL of a quota server: http://host:port, with commas between several"
    )]
    Url(String),
    /// The token cannot be sent in a header.
    #[error("the token has characters that no HTTP header may have")]
    Token,
    /// The holder's name is empty, or with its instance too long or not printable.
    #[error(
        "the holder's name is empty, not printable, or longer than {0} bytes with its instance"
    )]
    Holder(usize),
    /// The client was built outside of a tokio runtime.
    #[error("a client must be built inside of a tokio runtime")]
    NoRuntime,
    /// A file of certificates or of a key cannot be used.
    #[error("{}: {why}", file.display())]
    TlsFile {
        /// Which one.
        file: PathBuf,
        /// Why not.
        why: String,
    },
    /// The HTTP client could not be set up.
    #[error("the HTTP client cannot be set up")]
    Http(#[from] reqwest::Error),
}

/// Why a shutdown is not known to have given everything back. What was not given back stays charged
/// to its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShutdownError {
    /// When the shutdown timeout was over, permits were still out, or the server had not
    /// acknowledged everything.
    #[error("the quota server was not told of everything within the shutdown timeout")]
    Late,
    /// The client's background task was dead, or does not run: its runtime ended, or it panicked.
    #[error("the client's background task is dead, so nobody tells the quota server anything")]
    Dead,
}

/// Why a call to the server brought no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The server answered with a problem.
    #[error("the quota server refused: {0}")]
    Problem(#[source] Box<Problem>),
    /// Something answered, but not as the API does.
    #[error("the quota server answered with status {0} and no problem document")]
    Status(u16),
    /// The answer is not of the call's shape.
    #[error("the quota server's answer cannot be read")]
    Unreadable(#[source] serde_json::Error),
    /// The server is a standby, and the active one that it names could not be asked either.
    #[error("the quota server is a standby of {location}")]
    Standby {
        /// The URL that was asked.
        asked: reqwest::Url,
        /// Where the active server would be asked the same.
        location: String,
    },
    /// The server was not reached, or its answer was lost.
    #[error("the quota server does not answer")]
    Unreachable(#[from] reqwest::Error),
}
