//! Commands that end by themselves.

use std::{ffi::OsStr, path::PathBuf, process::Stdio, time::Duration};

use tokio::process::Command;

use super::{HarnessError, binaries};

/// None of them takes so long, unless it hangs.
const BOUND: Duration = Duration::from_secs(60);

/// A command that has ended.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub out: String,
    /// What it complained of.
    pub err: String,
}

impl Ran {
    /// Where the program is.
    ///
    /// # Errors
    /// It cannot be built.
    pub async fn quota_server_path() -> Result<PathBuf, HarnessError> {
        binaries::path("quota-server").await
    }

    /// Runs `quota-server` with these words and nothing in its environment but these variables.
    ///
    /// # Errors
    /// It cannot be started, or does not end.
    pub async fn quota_server<A: AsRef<OsStr>>(
        words: &[A],
        variables: &[(&str, &str)],
    ) -> Result<Self, HarnessError> {
        let mut command = Command::new(Self::quota_server_path().await?);
        command.args(words).env_clear().envs(variables.iter().copied());
        Self::of(command).await
    }

    /// Runs `openai-gateway`, likewise.
    ///
    /// # Errors
    /// It cannot be started, or does not end.
    pub async fn gateway<A: AsRef<OsStr>>(
        words: &[A],
        variables: &[(&str, &str)],
    ) -> Result<Self, HarnessError> {
        let mut command = Command::new(binaries::path("openai-gateway").await?);
        command.args(words).env_clear().envs(variables.iter().copied());
        Self::of(command).await
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// It cannot be started, or does not end.
    pub async fn of(mut command: Command) -> Result<Self, HarnessError> {
        let io = HarnessError::io(format!("{:?}", command.as_std().get_program()));
        let child = command.stdin(Stdio::null()).kill_on_drop(true).output();
        let Ok(output) = tokio::time::timeout(BOUND, child).await else {
            let what = format!("the end of {:?}", command.as_std());
            return Err(HarnessError::TimedOut { what, bound: BOUND });
        };
        let output = output.map_err(io)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Self {
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        })
    }
}
