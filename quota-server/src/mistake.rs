//! Mistakes in what an operator gave: flags, environment, files.

use std::ops::Range;
use std::path::Path;

/// Something in the configuration is wrong. The process ends with [`EXIT_CODE`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct Mistake {
    /// Where: a flag, a variable, a file with line and column.
    pub place: String,
    /// What is wrong there.
    pub what: String,
}

/// `EX_USAGE` of `sysexits.h`.
pub const EXIT_CODE: u8 = 64;

impl Mistake {
    /// `what` is wrong at `place`.
    pub fn at(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }

    /// A file that cannot be read.
    #[must_use]
    pub fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        Self::at(path.display().to_string(), error.to_string())
    }

    /// What the TOML reader says, without its excerpt of the file: that may show a secret.
    #[must_use]
    pub fn in_toml(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        Self::at(place_of(path, text, error.span()), error.message())
    }
}

/// `file:line:column` of a span in a file's text.
#[must_use]
pub fn place_of(path: &Path, text: &str, span: Option<Range<usize>>) -> String {
    let path = path.display();
    let Some(before) = span.and_then(|span| text.get(..span.start)) else {
        return path.to_string();
    };
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    format!("{path}:{line}:{column}")
}
