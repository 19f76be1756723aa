//! What a command prints.

use std::fmt;
use std::path::Path;
use std::process::Stdio;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::secret_file::UselessSource;

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long its answer is the password of now: connections that are opened together, or again and
/// again while a store is away, share it.
const FRESH: Duration = Duration::from_secs(5);

/// A token has some kilobytes.
const MOST_BYTES: usize = 64 * 1_024;

/// What is told of its complaints, bytes.
const MOST_TOLD: usize = 300;

/// A program and its arguments; no shell reads them.
#[derive(Clone)]
pub struct PasswordCommand {
    words: Vec<String>,
    /// Held while it runs: who comes meanwhile takes its answer.
    last: Arc<Mutex<Option<(Instant, String)>>>,
}

impl PasswordCommand {
    /// What it prints now, or printed a moment ago.
    pub(super) async fn password(&self) -> Result<String, UselessSource> {
        let mut last = self.last.lock().await;
        if let Some((at, password)) = &*last
            && at.elapsed() < FRESH
        {
            return Ok(password.clone());
        }
        *last = None;
        let password = self.run().await.map_err(|why| self.useless(why))?;
        *last = Some((Instant::now(), password.clone()));
        Ok(password)
    }

    async fn run(&self) -> Result<String, String> {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        match timeout(PATIENCE, printed(&mut child)).await {
            Ok(printed) => printed,
            Err(_elapsed) => Err(format!("it did not end within {PATIENCE:?}")),
        }
    }

    fn useless(&self, why: impl Into<String>) -> UselessSource {
        UselessSource::new(Path::new(&self.words[0]), why)
    }
}

/// What it printed, once it has ended well.
async fn printed(child: &mut Child) -> Result<String, String> {
    let (out, complaints) = tokio::join!(
        start_of(child.stdout.take(), MOST_BYTES),
        start_of(child.stderr.take(), MOST_BYTES)
    );
    if out.len() > MOST_BYTES {
        return Err(format!("it prints more than {MOST_BYTES} bytes"));
    }
    let status = child.wait().await.map_err(|error| error.to_string())?;
    if !status.success() {
        return Err(format!("{status}{}", told(&complaints)));
    }
    let text = String::from_utf8(out).map_err(|_| "it prints what is no text".to_owned())?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err("it prints nothing".to_owned()),
        password => Ok(password.to_owned()),
    }
}

/// So many bytes, and one more where there are more.
async fn start_of(from: Option<impl AsyncRead + Unpin>, most: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        // What came before it broke is there; how it ended, its status says.
        let _broken = from.take(most as u64 + 1).read_to_end(&mut bytes).await;
    }
    bytes
}

fn told(complaints: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaints);
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let end = line.floor_char_boundary(line.len().min(MOST_TOLD));
    if end == 0 { String::new() } else { format!(": {}", &line[..end]) }
}

impl FromStr for PasswordCommand {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words = shlex::split(text).ok_or("a quote in it does not end")?;
        if words.first().is_none_or(String::is_empty) {
            return Err("a program and its arguments belong here".to_owned());
        }
        Ok(Self { words, last: Arc::default() })
    }
}

/// Of two that are the same it does not matter which has run.
impl PartialEq for PasswordCommand {
    fn eq(&self, other: &Self) -> bool {
        self.words == other.words
    }
}

impl Eq for PasswordCommand {}

/// Without what it printed.
impl fmt::Debug for PasswordCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PasswordCommand").field(&self.words).finish()
    }
}
