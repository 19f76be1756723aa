use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{Mutant, Table, TableError};

/// A copy of the tree, with a target folder of its own, that faults are put into.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    copy: PathBuf,
}

/// What the tests said of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// They failed.
    Caught,
    /// They passed.
    Survived,
    /// It does not compile, so nothing is known of the tests.
    NotBuilt,
}

/// Why a mutant could not be tried.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// A file or a process could not be handled.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system says.
        source: io::Error,
    },
    /// The table has no such fault.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The tests fail without any fault.
    #[error("`cargo test {0}` fails before anything is changed")]
    Unsound(String),
}

/// Where the copy is, below the target folder.
const COPY: &str = "mutants/tree";
const TARGET: &str = "mutants/target";

impl Tree {
    /// Copies what has changed since the last copy.
    ///
    /// # Errors
    /// A file cannot be copied.
    pub fn copy(root: &Path, target: &Path) -> Result<Self, TreeError> {
        let copy = target.join(COPY);
        let list = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .map_err(io_error("git ls-files"))?;
        for file in String::from_utf8_lossy(&list.stdout).split_terminator('\0') {
            renew(&root.join(file), &copy.join(file)).map_err(io_error(file))?;
        }
        Ok(Self { root: root.to_owned(), copy })
    }

    /// Puts the fault in, runs its tests, and takes it out again.
    ///
    /// # Errors
    /// The fault cannot be put in, or cargo does not start.
    pub fn try_out(&self, table: &Table, mutant: &Mutant) -> Result<Outcome, TreeError> {
        let text = mutant.made(&self.root)?;
        let path = self.copy.join(&mutant.file);
        fs::write(&path, text).map_err(io_error(&mutant.file))?;
        let outcome = self.tested(&table.tests[&mutant.test]);
        let sound = fs::read(self.root.join(&mutant.file)).map_err(io_error(&mutant.file))?;
        fs::write(&path, sound).map_err(io_error(&mutant.file))?;
        outcome
    }

    /// The tests pass as long as there is no fault.
    ///
    /// # Errors
    /// They do not, or cargo does not start.
    pub fn check(&self, table: &Table, test: &str) -> Result<(), TreeError> {
        match self.tested(&table.tests[test])? {
            Outcome::Survived => Ok(()),
            _ => Err(TreeError::Unsound(table.tests[test].join(" "))),
        }
    }

    fn tested(&self, arguments: &[String]) -> Result<Outcome, TreeError> {
        let own = arguments.iter().take_while(|argument| *argument != "--");
        if !self.cargo(own.map(String::as_str).chain(["--no-run"]))? {
            return Ok(Outcome::NotBuilt);
        }
        let passed = self.cargo(arguments.iter().map(String::as_str))?;
        Ok(if passed { Outcome::Survived } else { Outcome::Caught })
    }

    fn cargo<'a>(&self, arguments: impl Iterator<Item = &'a str>) -> Result<bool, TreeError> {
        let status = Command::new("cargo")
            .args(["test", "--quiet"])
            .args(arguments)
            .current_dir(&self.copy)
            .env("CARGO_TARGET_DIR", self.copy.join("../..").join(TARGET))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .map_err(io_error("cargo test"))?;
        Ok(status.success())
    }
}

/// A file that is the same stays as it is, so that cargo sees no change.
fn renew(from: &Path, to: &Path) -> io::Result<()> {
    let Ok(text) = fs::read(from) else { return Ok(()) };
    if fs::read(to).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::create_dir_all(to.parent().unwrap_or(to))?;
    fs::write(to, text)
}

fn io_error(what: &str) -> impl FnOnce(io::Error) -> TreeError {
    let what = what.to_owned();
    move |source| TreeError::Io { what, source }
}
