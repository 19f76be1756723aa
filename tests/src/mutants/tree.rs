use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};

use super::{Mutant, Table, TableError};
use crate::clock;

/// A copy of the tree, with a target folder of its own, that faults are put into.
#[derive(Debug)]
pub struct Tree {
    copy: PathBuf,
}

/// What the tests said of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// They failed.
    Caught,
    /// They passed.
    Survived,
    /// They did not end, and were stopped: whoever waits for them learns nothing of what is wrong.
    Hung,
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
/// Names the files of the copy, in it.
const LIST: &str = ".copied";

/// With a fault the tests may take so many times as long as without one, and at least this long.
const SLOWER: u32 = 5;
const LEAST: Duration = Duration::from_secs(60);
/// How long they may take without one, and cargo to build them.
const MOST: Duration = Duration::from_hours(1);
/// How often it is looked whether they are over.
const LOOK: Duration = Duration::from_millis(50);

impl Tree {
    /// Copies what has changed since the last copy, and removes what is gone since. What changes in
    /// the tree afterwards changes nothing here.
    ///
    /// # Errors
    /// The files cannot be listed, copied or removed.
    pub fn copy(root: &Path, target: &Path) -> Result<Self, TreeError> {
        let copy = target.join(COPY);
        let files = files(root)?;
        for file in &files {
            renew(&root.join(file), &copy.join(file)).map_err(io_error(file))?;
        }
        let listed = copy.join(LIST);
        let before = fs::read_to_string(&listed).unwrap_or_default();
        for gone in before.lines().filter(|file| !files.contains(*file)) {
            remove(&copy.join(gone)).map_err(io_error(gone))?;
        }
        let list: String = files.iter().flat_map(|file| [file, "\n"]).collect();
        fs::write(listed, list).map_err(io_error(LIST))?;
        Ok(Self { copy })
    }

    /// Puts the fault in, runs its tests for at most so long, and takes it out again.
    ///
    /// # Errors
    /// The fault cannot be put in, or cargo does not start.
    pub fn try_out(
        &self,
        table: &Table,
        mutant: &Mutant,
        limit: Duration,
    ) -> Result<Outcome, TreeError> {
        let text = mutant.made(&self.copy)?;
        let path = self.copy.join(&mutant.file);
        let sound = fs::read(&path).map_err(io_error(&mutant.file))?;
        fs::write(&path, text).map_err(io_error(&mutant.file))?;
        let outcome = self.tested(&table.tests[&mutant.test], limit);
        fs::write(&path, sound).map_err(io_error(&mutant.file))?;
        outcome
    }

    /// The tests pass as long as there is no fault. Answers with how long they may take with one.
    ///
    /// # Errors
    /// They do not pass, or cargo does not start.
    pub fn check(&self, table: &Table, test: &str) -> Result<Duration, TreeError> {
        let arguments = &table.tests[test];
        let unsound = || TreeError::Unsound(arguments.join(" "));
        if !self.builds(arguments)? {
            return Err(unsound());
        }
        let began = clock::instant();
        match self.cargo(arguments.iter().map(String::as_str), MOST)? {
            Some(status) if status.success() => Ok((began.elapsed() * SLOWER).max(LEAST)),
            _ => Err(unsound()),
        }
    }

    fn tested(&self, arguments: &[String], limit: Duration) -> Result<Outcome, TreeError> {
        if !self.builds(arguments)? {
            return Ok(Outcome::NotBuilt);
        }
        let ended = self.cargo(arguments.iter().map(String::as_str), limit)?;
        Ok(match ended.map(|status| status.success()) {
            Some(true) => Outcome::Survived,
            Some(false) => Outcome::Caught,
            None => Outcome::Hung,
        })
    }

    fn builds(&self, arguments: &[String]) -> Result<bool, TreeError> {
        let own = arguments.iter().map(String::as_str).take_while(|argument| *argument != "--");
        let ended = self.cargo(own.chain(["--no-run"]), MOST)?;
        Ok(ended.is_some_and(|status| status.success()))
    }

    fn cargo<'a>(
        &self,
        arguments: impl Iterator<Item = &'a str>,
        limit: Duration,
    ) -> Result<Option<ExitStatus>, TreeError> {
        let mut cargo = Command::new("cargo")
            .args(["test", "--quiet"])
            .args(arguments)
            .current_dir(&self.copy)
            .env("CARGO_TARGET_DIR", self.copy.join("../..").join(TARGET))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(io_error("cargo test"))?;
        ended(&mut cargo, limit).map_err(io_error("cargo test"))
    }
}

/// How a process ended; `None`: it had not after so long, and was killed with all that it had
/// started.
#[expect(clippy::disallowed_methods, reason = "a command without a runtime waits for a process")]
fn ended(process: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let end = clock::instant() + limit;
    loop {
        if let Some(status) = process.try_wait()? {
            return Ok(Some(status));
        }
        if clock::instant() >= end {
            kill_process_group(Pid::from_child(process), Signal::KILL)?;
            process.wait()?;
            return Ok(None);
        }
        thread::sleep(LOOK);
    }
}

/// What of the tree is its own, from its root: what git knows of, or would.
fn files(root: &Path) -> Result<BTreeSet<String>, TreeError> {
    let list = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .map_err(io_error("git ls-files"))?;
    if !list.status.success() {
        let why = String::from_utf8_lossy(&list.stderr).into_owned();
        return Err(io_error("git ls-files")(io::Error::other(why)));
    }
    let names = String::from_utf8_lossy(&list.stdout);
    let names = names.split_terminator('\0').filter(|file| root.join(file).exists());
    Ok(names.map(str::to_owned).collect())
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A file that is the same stays as it is, so that cargo sees no change.
fn renew(from: &Path, to: &Path) -> io::Result<()> {
    let text = fs::read(from)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Child {
        Command::new("sh").args(["-c", script]).process_group(0).spawn().unwrap()
    }

    #[test]
    fn the_copy_is_the_tree_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let (root, target) = (folder.path().join("tree"), folder.path().join("target"));
        assert!(Tree::copy(&root, &target).is_err(), "there is no tree");
        fs::create_dir(&root).unwrap();
        let made = Command::new("git").args(["init", "--quiet"]).current_dir(&root).status();
        assert!(made.unwrap().success());
        for file in ["goes.rs", "stays.rs"] {
            fs::write(root.join(file), file).unwrap();
        }
        let copy = Tree::copy(&root, &target).unwrap().copy;
        fs::remove_file(root.join("goes.rs")).unwrap();
        assert!(copy.join("goes.rs").exists() && copy.join("stays.rs").exists());
        Tree::copy(&root, &target).unwrap();
        assert!(!copy.join("goes.rs").exists() && copy.join("stays.rs").exists());
    }

    #[test]
    fn what_does_not_end_is_stopped_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let (path, hour) = (pipe.display(), Duration::from_hours(1));
        assert!(ended(&mut shell(&format!("mkfifo {path}")), hour).unwrap().unwrap().success());
        // Whoever reads a pipe is told of its end once nobody has it open for writing.
        let mut hangs = shell(&format!("sleep 9999 >{path} & wait"));
        let mut reader = fs::File::open(&pipe).unwrap();
        assert_eq!(ended(&mut hangs, Duration::ZERO).unwrap(), None);
        assert_eq!(io::copy(&mut reader, &mut io::sink()).unwrap(), 0);
    }
}
