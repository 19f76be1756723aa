//! Who changed what, when, from where: one JSON object a line.
//!
//! A change is written down twice: that it is asked for, with what is there and what is to be,
//! before it is done; and what came of it. The first is on the disk, or the change is refused: what
//! nobody could account for is not done. The second can be missing, if the process dies in between;
//! a failure to write it is told in the log and counted, since the change cannot be undone.
//!
//! Who is refused stands there too: that it showed no known credential, or one that may not do what
//! it asked for. Anybody can cause these lines, so they are bounded, and a call that is refused is
//! refused whether its line could be written or not.
//!
//! Without a file the lines go to the log, under the target `audit`.

mod file;
mod refusals;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tracing::{error, info};

use crate::auth::Credential;
use crate::clock::Clock;
use crate::metrics;
use crate::mistake::Mistake;

use file::GrowingFile;
use refusals::Refusals;

/// Of a path that is refused so many bytes are written down.
const MAX_PATH: usize = 256;

/// Where changes are written down.
#[derive(Clone)]
pub struct Audit {
    sink: Option<Arc<Mutex<GrowingFile>>>,
    clock: Arc<dyn Clock>,
    next: Arc<AtomicU64>,
    refusals: Arc<Refusals>,
}

/// A call that was refused for who made it.
#[derive(Debug, Clone, Copy)]
pub struct Refused<'a> {
    /// Its credential, if that is known.
    pub credential: Option<&'a Credential>,
    /// Where its connection comes from.
    pub from: Option<SocketAddr>,
    /// The name of its request.
    pub request_id: &'a str,
    /// What it asked for.
    pub method: &'a str,
    /// Of what: the path alone, whose first 256 bytes are written down.
    pub path: &'a str,
    /// The code of the answer.
    pub outcome: &'static str,
}

/// Who asks for a change.
#[derive(Debug, Clone)]
pub struct Author {
    /// Its credential.
    pub credential: Credential,
    /// Where its connection comes from: a proxy's address, if there is one in between.
    pub from: Option<SocketAddr>,
    /// The name of its request.
    pub request_id: String,
}

/// A change, as it is asked for.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// What is to be done: `deployment.put`, `deployment.delete`.
    pub action: &'static str,
    /// To what.
    pub deployment: Arc<str>,
    /// What is there.
    pub before: Value,
    /// What is to be there.
    pub after: Value,
}

/// A change that was written down as asked for, and is not yet over.
#[derive(Debug)]
#[must_use]
pub struct AskedChange {
    number: u64,
    deployment: Arc<str>,
    action: &'static str,
}

/// The change could not be written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit log cannot be written, and nothing is changed that does not stand in it")]
pub struct NotWritten;

#[derive(Serialize)]
struct AuditLine<'a, T> {
    at: String,
    /// Tells changes of one run of the server apart.
    change: u64,
    stage: &'a str,
    #[serde(flatten)]
    what: T,
}

#[derive(Serialize)]
struct AskedLine<'a> {
    by: &'a str,
    role: &'a str,
    from: Option<SocketAddr>,
    request_id: &'a str,
    #[serde(flatten)]
    change: &'a Change,
}

#[derive(Serialize)]
struct EndedLine<'a> {
    action: &'a str,
    deployment: &'a str,
    outcome: &'a str,
}

#[derive(Serialize)]
struct RefusedLine<'a> {
    by: Option<&'a str>,
    role: Option<&'a str>,
    from: Option<SocketAddr>,
    request_id: &'a str,
    method: &'a str,
    path: &'a str,
    outcome: &'a str,
    /// Refusals of the same credential, or of none, since the last line, that were too many to be
    /// written down.
    left_out: u64,
}

#[derive(Serialize)]
struct NoteLine<'a> {
    action: &'a str,
    by: &'a str,
    detail: &'a str,
}

impl Audit {
    /// Writes to this file, or to the log.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: Option<&PathBuf>, clock: Arc<dyn Clock>) -> Result<Self, Mistake> {
        let file = |path: &PathBuf| {
            let file =
                GrowingFile::open(path).map_err(|error| Mistake::unreadable(path, &error))?;
            Ok(Arc::new(Mutex::new(file)))
        };
        Ok(Self {
            sink: path.map(file).transpose()?,
            clock,
            next: Arc::default(),
            refusals: Arc::default(),
        })
    }

    /// Writes down that a change is asked for.
    ///
    /// # Errors
    /// It cannot be: the change must not be made.
    pub async fn asked(&self, author: &Author, change: &Change) -> Result<AskedChange, NotWritten> {
        let number = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let what = AskedLine {
            by: &author.credential.name,
            role: author.credential.role.as_str(),
            from: author.from,
            request_id: &author.request_id,
            change,
        };
        self.write(self.line(number, "asked", what)).await?;
        let (deployment, action) = (Arc::clone(&change.deployment), change.action);
        Ok(AskedChange { number, deployment, action })
    }

    /// Writes down what came of it.
    pub async fn ended(&self, asked: AskedChange, outcome: &str) {
        let what = EndedLine { action: asked.action, deployment: &asked.deployment, outcome };
        let _told = self.write(self.line(asked.number, "ended", what)).await;
    }

    /// Writes down what the server did by itself: a file that it took over.
    pub async fn noted(&self, action: &str, detail: &str) {
        let number = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let what = NoteLine { action, by: "server", detail };
        let _told = self.write(self.line(number, "noted", what)).await;
    }

    /// Writes down that a call was refused, unless there were many in this minute.
    pub async fn refused(&self, refused: Refused<'_>) {
        let Refused { credential, from, request_id, method, path, outcome } = refused;
        let steady_ms = self.clock.reading().steady_ms;
        let Some(left_out) = self.refusals.take(credential.map(|known| &known.name), steady_ms)
        else {
            return;
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let what = RefusedLine {
            by: credential.map(|credential| &*credential.name),
            role: credential.map(|credential| credential.role.as_str()),
            from,
            request_id,
            method,
            path: &path[..path.floor_char_boundary(MAX_PATH)],
            outcome,
            left_out,
        };
        let _told = self.write(self.line(number, "refused", what)).await;
    }

    fn line(&self, change: u64, stage: &str, what: impl Serialize) -> String {
        let wall_ms = i64::try_from(self.clock.reading().wall_ms).unwrap_or(i64::MAX);
        let at = Timestamp::from_millisecond(wall_ms).unwrap_or_default().to_string();
        serde_json::to_string(&AuditLine { at, change, stage, what })
            .expect("strings and JSON values")
    }

    async fn write(&self, line: String) -> Result<(), NotWritten> {
        let Some(sink) = self.sink.clone() else {
            info!(target: "audit", "{line}");
            return Ok(());
        };
        let written = tokio::task::spawn_blocking(move || {
            sink.lock().unwrap_or_else(PoisonError::into_inner).append(&line)
        });
        let failed = match written.await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        metrics::audit_failed();
        error!(error = failed, "the audit log cannot be written");
        Err(NotWritten)
    }
}

/// The file's path, for who must name it.
impl std::fmt::Debug for Audit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = self.sink.as_ref().map(|sink| {
            let file = sink.lock().unwrap_or_else(PoisonError::into_inner);
            Path::to_owned(file.path())
        });
        f.debug_tuple("Audit").field(&path).finish()
    }
}
