//! All that is to be said of a file, collected while it is read: one answer has every mistake.

use std::fmt;
use std::path::PathBuf;

use super::reference::Environment;
use super::yaml::Place;

/// One thing that is wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file.
    pub file: PathBuf,
    /// Its line there, from 1.
    pub line: usize,
    /// Where in the file's structure, and what is wrong.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.what)
    }
}

/// What is read with, and what was found.
pub(super) struct Report {
    /// The variables that `os.environ/` names.
    pub(super) environment: Environment,
    /// What stops a start.
    pub(super) mistakes: Vec<(Place, String)>,
    /// What doesn't.
    pub(super) warnings: Vec<(Place, String)>,
    /// The paths of keys that nothing is done with.
    pub(super) ignored: Vec<String>,
}

impl Report {
    pub(super) const fn new(environment: Environment) -> Self {
        Self { environment, mistakes: Vec::new(), warnings: Vec::new(), ignored: Vec::new() }
    }

    pub(super) fn mistake(&mut self, place: Place, what: impl fmt::Display) {
        self.mistakes.push((place, what.to_string()));
    }

    /// Once for all entries that have the key.
    pub(super) fn ignore(&mut self, path: String) {
        if !self.ignored.contains(&path) {
            self.ignored.push(path);
        }
    }

    pub(super) fn warn(&mut self, place: Place, what: impl fmt::Display) {
        self.warnings.push((place, what.to_string()));
    }
}

/// In the files' order.
pub(super) fn sorted(mut found: Vec<(Place, String)>, files: &[PathBuf]) -> Vec<Mistake> {
    found.sort_by_key(|(place, _)| *place);
    let mistake = |(place, what): (Place, String)| Mistake {
        file: files.get(place.file).cloned().unwrap_or_default(),
        line: place.line,
        what,
    };
    found.into_iter().map(mistake).collect()
}
