use std::{io, path::PathBuf, time::Duration};

/// Why the harness could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum HarnessError {
    /// A file or a process could not be handled.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system says.
        source: io::Error,
    },
    /// The binaries could not be built.
    #[error("cargo could not build the binaries: {0}")]
    Build(String),
    /// A process ended when it should have gone on.
    #[error("{name} ended with {status}; the end of its log:\n{log}")]
    Ended {
        /// Its name.
        name: String,
        /// Its exit status.
        status: String,
        /// The end of its log.
        log: String,
    },
    /// A condition did not come true.
    #[error("waited {bound:?} in vain for {what}")]
    TimedOut {
        /// The condition.
        what: String,
        /// How long it was waited for.
        bound: Duration,
    },
    /// No port is free.
    #[error("no free port in {0:?}")]
    NoPort(std::ops::Range<u16>),
    /// A call to one of the processes failed.
    #[error("a call failed: {0}")]
    Call(#[from] reqwest::Error),
    /// A certificate cannot be made.
    #[error("no certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A command to Redis failed.
    #[error("Redis: {0}")]
    Redis(#[from] redis::RedisError),
    /// Something that the scenario needs is not installed.
    #[error("{} is missing: {hint}", path.display())]
    Missing {
        /// What is missing.
        path: PathBuf,
        /// How to get it.
        hint: String,
    },
}

impl HarnessError {
    /// For `map_err` of an [`io::Error`].
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
