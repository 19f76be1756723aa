//! One real process: started, signalled by its own pid, its log kept in a file.

use std::{
    ffi::OsString,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use super::{HarnessError, wait};

/// What every one of our programs says on its standard output once it accepts connections.
const READY: &str = "listening on ";
/// How many lines of a log are shown.
const SHOWN_LINES: usize = 60;

/// A process that runs, or ran.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    /// Where in the log this start's lines begin.
    log_start: usize,
    url: String,
}

/// What to start.
#[derive(Debug, Clone)]
pub(super) struct Launch {
    pub(super) name: String,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    /// Its standard output and error are appended here.
    pub(super) log: PathBuf,
}

impl Launch {
    /// Starts it and waits until it says where it listens.
    pub(super) async fn start(&self) -> Result<Process, HarnessError> {
        let mut process = self.spawn()?;
        process.url = process.ready().await?;
        Ok(process)
    }

    /// Starts a program that is not ours, and waits until its log has this text.
    pub(super) async fn start_until(&self, said: &str) -> Result<Process, HarnessError> {
        let mut process = self.spawn()?;
        process.said(said).await?;
        Ok(process)
    }

    /// A signal that is ignored when a program begins stays ignored.
    pub(super) fn with_signal_ignored(self, signal: &str) -> Self {
        let script = format!("trap '' {signal}; exec \"$0\" \"$@\"");
        let before = ["-c".into(), script.into(), self.program.into_os_string()];
        let arguments = before.into_iter().chain(self.arguments).collect();
        Self { program: "/bin/sh".into(), arguments, ..self }
    }

    fn spawn(&self) -> Result<Process, HarnessError> {
        let log = File::options().create(true).append(true).open(&self.log);
        let log = log.map_err(HarnessError::io("the log"))?;
        let log_start = fs::read(&self.log).map_err(HarnessError::io("the log"))?.len();
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stderr(log.try_clone().map_err(HarnessError::io("the log"))?)
            .stdout(log)
            .spawn()
            .map_err(HarnessError::io(self.program.display().to_string()))?;
        let (name, log, url) = (self.name.clone(), self.log.clone(), String::new());
        Ok(Process { name, child, log, log_start, url })
    }
}

impl Process {
    /// Where it listens: `http://127.0.0.1:7700`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its pid.
    #[must_use]
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// What this start of it has written so far.
    #[must_use]
    pub fn log(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(log.get(self.log_start..).unwrap_or_default()).into_owned()
    }

    /// Stops it in its tracks, as a virtual machine that is moved does (SIGSTOP).
    ///
    /// # Errors
    /// When it is no longer there.
    pub fn pause(&self) -> Result<(), HarnessError> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on (SIGCONT).
    ///
    /// # Errors
    /// When it is no longer there.
    pub fn resume(&self) -> Result<(), HarnessError> {
        self.signal(Signal::CONT)
    }

    /// Tells it to read its declarative file again (SIGHUP).
    ///
    /// # Errors
    /// When it is no longer there.
    pub fn reload(&self) -> Result<(), HarnessError> {
        self.signal(Signal::HUP)
    }

    /// Kills it without a chance to say a word (SIGKILL), and waits until it is gone.
    ///
    /// # Errors
    /// When the system cannot say what became of it.
    pub fn kill(&mut self) -> Result<(), HarnessError> {
        self.child.kill().map_err(HarnessError::io("kill"))?;
        self.child.wait().map(drop).map_err(HarnessError::io("wait"))
    }

    /// Asks it to stop (SIGTERM), and waits until it has.
    ///
    /// # Errors
    /// When it does not stop within the bound.
    pub async fn stop(&mut self, bound: Duration) -> Result<ExitStatus, HarnessError> {
        self.signal(Signal::TERM)?;
        self.ended(bound).await
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it goes on beyond the bound.
    pub async fn ended(&mut self, bound: Duration) -> Result<ExitStatus, HarnessError> {
        let what = format!("the end of {}", self.name);
        wait::until(&what, bound, || {
            let status = self.child.try_wait().ok().flatten();
            async move { status }
        })
        .await
    }

    /// Asks PostgreSQL to stop at once and to leave nothing behind (SIGQUIT), and waits until it
    /// has.
    ///
    /// # Errors
    /// When it is no longer there.
    pub(super) fn quit(&mut self) -> Result<(), HarnessError> {
        self.resume()?;
        self.signal(Signal::QUIT)?;
        self.child.wait().map(drop).map_err(HarnessError::io("wait"))
    }

    fn signal(&self, signal: Signal) -> Result<(), HarnessError> {
        let what = format!("signal to {}", self.name);
        kill_process(self.pid(), signal).map_err(|why| HarnessError::io(what)(why.into()))
    }

    async fn ready(&mut self) -> Result<String, HarnessError> {
        let url = |log: &str| {
            let (_, rest) = log.lines().find_map(|line| line.split_once(READY))?;
            rest.split_whitespace().next().map(str::to_owned)
        };
        self.found(READY, url).await
    }

    async fn said(&mut self, text: &str) -> Result<(), HarnessError> {
        self.found(text, |log| log.contains(text).then_some(())).await
    }

    /// What is to be found in the whole lines of its log.
    async fn found<T>(
        &mut self,
        what: &str,
        find: impl Fn(&str) -> Option<T>,
    ) -> Result<T, HarnessError> {
        let what = format!("`{what}` from {}", self.name);
        let seen = wait::until(&what, wait::START, || {
            let seen = self.look(&find);
            async move { seen }
        });
        seen.await?
    }

    fn look<T>(&mut self, find: impl Fn(&str) -> Option<T>) -> Option<Result<T, HarnessError>> {
        let log = self.log();
        let complete = log.rfind('\n').map_or("", |end| &log[..end]);
        if let Some(found) = find(complete) {
            return Some(Ok(found));
        }
        let status = self.child.try_wait().ok().flatten()?;
        let (name, log) = (self.name.clone(), last_lines(&log));
        Some(Err(HarnessError::Ended { name, status: status.to_string(), log }))
    }
}

impl Drop for Process {
    #[expect(clippy::print_stderr, reason = "the logs of a failing test go beside its panic")]
    fn drop(&mut self) {
        if self.kill().is_err() {
            eprintln!("{} could not be killed", self.name);
        }
        if std::thread::panicking() {
            eprintln!("--- the end of {}'s log\n{}", self.name, last_lines(&self.log()));
        }
    }
}

fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
}

/// Writes a file that a process is to read.
pub(super) fn write(path: &Path, text: &str) -> Result<(), HarnessError> {
    fs::write(path, text).map_err(HarnessError::io(path.display().to_string()))
}
