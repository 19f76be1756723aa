use std::fmt;
use std::path::PathBuf;

use quota_api::{Code, Problem};

use crate::mistake::{self, Mistake};

/// Why there is no answer, in one line.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// What was given is wrong.
    #[error(transparent)]
    Mistake(#[from] Mistake),
    /// The server did not answer.
    #[error("{url} does not answer: {why}")]
    Away {
        /// Which server.
        url: String,
        /// What happened.
        why: String,
    },
    /// The server said no.
    #[error("{what}: {}", Said(problem))]
    Problem {
        /// What was asked about.
        what: String,
        /// What it said.
        problem: Box<Problem>,
    },
    /// What answers is no quota server.
    #[error("{url} is no quota server: {why}")]
    Stranger {
        /// Where.
        url: String,
        /// What it said instead.
        why: String,
    },
    /// There is no token, and the server wants one.
    #[error("{url} wants a token: set QUOTA_TOKEN, or name a file with --token-file")]
    NoToken {
        /// Which server.
        url: String,
    },
    /// A file that is needed cannot be written or read.
    #[error("{}: {source}", .path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The answer is no; the text says why.
    #[error("{0}")]
    No(String),
}

/// How a command ends, after `sysexits.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The answer is no.
    No = 1,
    /// What was given is wrong.
    Usage = mistake::EXIT_CODE,
    /// The server is away, or asks to come back later.
    Unavailable = 69,
    /// A fault: of the server, or of what answers in its place.
    Fault = 70,
    /// This token may not do it.
    NotPermitted = 77,
}

impl Refusal {
    /// How the process ends.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Mistake(_) | Self::File { .. } => Exit::Usage,
            Self::Away { .. } => Exit::Unavailable,
            Self::Problem { problem, .. } => of_status(problem.status),
            Self::Stranger { .. } => Exit::Fault,
            Self::NoToken { .. } => Exit::NotPermitted,
            Self::No(_) => Exit::No,
        }
    }

    /// Whether the server has no such thing.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Problem { problem, .. } if problem.code == Code::DeploymentNotFound)
    }
}

const fn of_status(status: u16) -> Exit {
    match status {
        401 | 403 => Exit::NotPermitted,
        404 | 409 | 412 => Exit::No,
        307 | 408 | 429 | 503 => Exit::Unavailable,
        400..=499 => Exit::Usage,
        _ => Exit::Fault,
    }
}

/// A problem document in one line.
struct Said<'a>(&'a Problem);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem { detail, code, status, .. } = self.0;
        write!(f, "{detail} ({}, {status})", code.as_str())?;
        match self.0.retry_after_ms {
            Some(ms) => write!(f, "; try again in {} s", ms.div_ceil(1_000)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: Code) -> Refusal {
        let problem = Box::new(Problem::new(code, "not now").retry_after_ms(1_200));
        Refusal::Problem { what: "deployment `a`".to_owned(), problem }
    }

    #[test]
    fn a_problem_is_one_line() {
        assert_eq!(
            refusal(Code::Overloaded).to_string(),
            "deployment `a`: not now (overloaded, 503); try again in 2 s"
        );
    }

    #[test]
    fn every_code_has_its_exit() {
        for (code, exit) in [
            (Code::Unauthenticated, Exit::NotPermitted),
            (Code::Forbidden, Exit::NotPermitted),
            (Code::DeploymentNotFound, Exit::No),
            (Code::PreconditionFailed, Exit::No),
            (Code::FixedField, Exit::No),
            (Code::InvalidValue, Exit::Usage),
            (Code::BodyTooLarge, Exit::Usage),
            (Code::LedgerUnavailable, Exit::Unavailable),
            (Code::Standby, Exit::Unavailable),
            (Code::Internal, Exit::Fault),
        ] {
            assert_eq!(refusal(code).exit(), exit, "{}", code.as_str());
        }
    }
}
