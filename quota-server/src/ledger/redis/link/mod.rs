//! The way to Redis: one Redis, the master that Sentinel names, or a cluster.
//!
//! Few connections, shared by all callers, each pipelining by itself. Every call ends: connecting
//! and answering have their time-outs (`wire.rs`), and while Redis is away calls fail at once,
//! without waiting, until the keeper (`keeper.rs`) has it back.
//!
//! A call is sent once. What failed on its way may have happened, and the caller is told so; the
//! exceptions are what certainly did not happen (the library is not loaded) and, within a cluster,
//! what the crate sends on to where a slot has gone. That is safe: every operation of the book can
//! be repeated (R5).

mod acknowledged;
mod address;
mod error;
mod keeper;
mod login;
#[cfg(test)]
mod login_tests;
mod settings;
mod shards;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;
mod wire;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};

use redis::{Cmd, RedisResult, Value};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::functions::Library;
pub use acknowledged::Acknowledged;
pub use address::{AddressError, RedisAddress};
pub(crate) use error::LinkError;
pub(crate) use keeper::{Agreed, Trust};
use keeper::{Board, Keeper, OpenConnections};
pub use login::RedisFiles;
use settings::Settings;
pub(crate) use settings::Warning;

/// One Redis that should take writes.
#[derive(Debug)]
pub(crate) struct Probed {
    /// `host:port` of a shard's primary; `primary` without a cluster.
    pub(crate) name: Arc<str>,
    /// Why it takes none; `None`: it does.
    pub(crate) refused: Option<redis::RedisError>,
}

impl std::fmt::Display for Probed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.refused {
            None => write!(f, "{} takes writes", self.name),
            Some(why) => write!(f, "{} takes no writes: {why}", self.name),
        }
    }
}

impl Probed {
    pub(crate) const fn is_writable(&self) -> bool {
        self.refused.is_none()
    }
}

/// The way to Redis.
pub(crate) struct Link {
    board: Arc<Board>,
    library: Library,
    turn: AtomicUsize,
}

impl Link {
    /// Begins to connect, and keeps connected until `stop`.
    pub(crate) fn begin(
        address: RedisAddress,
        library: Library,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let board = Arc::new(Board::new());
        let keeper = Keeper { address, library: library.clone(), board: board.clone() };
        tasks.spawn(keeper.keep(stop));
        Self { board, library, turn: AtomicUsize::new(0) }
    }

    /// Waits until the first try to connect came to something, whatever that is.
    pub(crate) async fn tried(&self) {
        let (mut open, mut refused) = (self.board.open.subscribe(), self.board.refused.subscribe());
        tokio::select! {
            _ = open.wait_for(Option::is_some) => {}
            _ = refused.wait_for(Option::is_some) => {}
        }
    }

    /// Waits for the first connection.
    ///
    /// # Errors
    /// There was none within `patience`.
    #[cfg(test)]
    pub(crate) async fn reached(&self, patience: std::time::Duration) -> Result<(), LinkError> {
        let mut open = self.board.open.subscribe();
        let reached = tokio::time::timeout(patience, open.wait_for(Option::is_some)).await;
        if matches!(reached, Ok(Ok(_))) { Ok(()) } else { Err(LinkError::Down) }
    }

    /// What the last try to connect came to; `None` while it is connected.
    pub(crate) fn refusal(&self) -> Option<String> {
        self.board.refused.borrow().clone()
    }

    /// Runs commands in order and answers each, in whichever Redis it is.
    pub(crate) async fn run(&self, commands: Vec<Cmd>) -> Vec<Result<Value, LinkError>> {
        match self.open() {
            Some(open) => self.run_on(open, commands).await,
            None => commands.iter().map(|_| Err(LinkError::Down)).collect(),
        }
    }

    /// Runs calls to books in order and answers each, in the Redis that was agreed on and no other.
    /// They are composed for the one that they are sent to: `compose` is told what is known of it.
    pub(crate) async fn call(
        &self,
        compose: impl FnOnce(&Trust) -> Vec<Cmd>,
    ) -> Vec<Result<Value, LinkError>> {
        match self.open_in_use() {
            Ok(open) => {
                let commands = compose(&open.trust);
                self.run_on(open, commands).await
            }
            Err(error) => compose(&Trust::default()).iter().map(|_| Err(error.clone())).collect(),
        }
    }

    async fn run_on(
        &self,
        open: OpenConnections,
        commands: Vec<Cmd>,
    ) -> Vec<Result<Value, LinkError>> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut answers = open.wire.run(turn, &commands).await;
        if answers.iter().any(is(error::is_unknown_function)) {
            self.run_again(&open, &commands, &mut answers).await;
        }
        self.judge(&open, &answers);
        answers.into_iter().map(|answer| Ok(answer?)).collect()
    }

    /// Which Redis takes writes just now, by name.
    pub(crate) async fn probe(&self) -> Result<Vec<Probed>, LinkError> {
        let open = self.open().ok_or(LinkError::Down)?;
        let probed = keeper::probe_each(&open.wire, &self.library).await;
        for (_, answer) in &probed {
            self.judge(&open, std::slice::from_ref(answer));
        }
        Ok(probed
            .into_iter()
            .map(|(name, answer)| Probed { name, refused: answer.err() })
            .collect())
    }

    /// Whether calls to different books go to different nodes.
    pub(crate) fn is_cluster(&self) -> bool {
        self.board.open.borrow().as_ref().is_some_and(|open| open.wire.is_cluster())
    }

    /// Which process is called; of a cluster, the one that was asked first when it was connected
    /// to.
    pub(crate) fn process(&self) -> Option<Arc<str>> {
        self.board.open.borrow().as_ref().map(|open| open.process.clone())
    }

    /// The Redis that books may be called in; `None`: in none.
    pub(crate) fn agree(&self, on: Option<Agreed>) {
        *self.board.agreed.write().unwrap_or_else(PoisonError::into_inner) = on;
    }

    fn agreed(&self) -> Option<Agreed> {
        self.board.agreed.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether books may be called in the Redis that this server is connected to; where that is
    /// none just now, in the last.
    pub(crate) fn is_agreed(&self) -> bool {
        let is_same = |agreed: Agreed| self.process().is_none_or(|it| it == agreed.process);
        self.agreed().is_some_and(is_same)
    }

    /// Waits until it is connected to another process than this one.
    pub(crate) async fn meets_other(&self, than: Option<&Arc<str>>) {
        let mut open = self.board.open.subscribe();
        let is_other = |open: &Option<OpenConnections>| {
            open.as_ref().is_some_and(|open| Some(&open.process) != than)
        };
        let _or_stopped = open.wait_for(is_other).await;
    }

    /// The process that was called before and that kept everything, see `Trust`.
    pub(crate) fn vouched(&self) -> Option<Arc<str>> {
        self.open()?.trust.vouched
    }

    /// Whether the Redis that is called keeps everything, see `Trust`.
    pub(crate) fn keeps(&self) -> bool {
        self.open().is_some_and(|open| open.trust.keeps)
    }

    /// Connects anew, to where the address leads now. A cluster says by itself where its nodes are.
    pub(crate) fn reopen(&self) {
        if let Some(open) = self.open().filter(|open| !open.wire.is_cluster()) {
            self.board.leave(open.generation);
        }
    }

    /// What to warn of, each once.
    pub(crate) async fn warnings(&self) -> Result<Vec<Warning>, LinkError> {
        let open = self.open().ok_or(LinkError::Down)?;
        let read = Settings::read(&open.wire).await;
        self.judge(&open, std::slice::from_ref(&read));
        let settings = read?;
        if !settings.iter().all(Settings::keeps_everything) {
            self.board.doubted.store(true, Ordering::Release);
        }
        let mut warnings: Vec<_> = settings.iter().flat_map(Settings::warnings).collect();
        warnings.sort_unstable();
        warnings.dedup();
        Ok(warnings)
    }

    /// Runs a command on every Redis that takes writes.
    #[cfg(test)]
    pub(crate) async fn everywhere(&self, command: Cmd) -> Result<Vec<Value>, LinkError> {
        let open = self.open().ok_or(LinkError::Down)?;
        let answer = open.wire.everywhere(command).await;
        self.judge(&open, std::slice::from_ref(&answer));
        Ok(answer?)
    }

    fn open(&self) -> Option<OpenConnections> {
        let mut open = self.board.open.borrow().clone()?;
        open.trust.keeps &= !self.board.doubted.load(Ordering::Acquire);
        Some(open)
    }

    fn open_in_use(&self) -> Result<OpenConnections, LinkError> {
        let mut open = self.open().ok_or(LinkError::Down)?;
        let agreed = self.agreed().filter(|agreed| agreed.process == open.process);
        open.trust.term = agreed.ok_or(LinkError::NotInUse)?.term;
        Ok(open)
    }

    /// Redis has lost the library: loads it, and runs what found it missing.
    async fn run_again(
        &self,
        open: &OpenConnections,
        commands: &[Cmd],
        answers: &mut [RedisResult<Value>],
    ) {
        if let Err(error) = keeper::load(&open.wire, &self.library).await {
            tracing::warn!(%error, "the function library cannot be loaded");
            return;
        }
        let missed: Vec<usize> =
            (0..answers.len()).filter(|at| is(error::is_unknown_function)(&answers[*at])).collect();
        let again: Vec<Cmd> = missed.iter().map(|at| commands[*at].clone()).collect();
        for (at, answer) in missed.into_iter().zip(open.wire.run(0, &again).await) {
            answers[at] = answer;
        }
    }

    /// A node that does not answer makes the connection useless. Not so in a cluster: there the
    /// crate connects anew to the nodes that it lost, and the others go on.
    fn judge<T>(&self, open: &OpenConnections, answers: &[RedisResult<T>]) {
        let lost = answers.iter().any(is(error::is_lost));
        if lost && !open.wire.is_cluster() {
            self.board.lose(open.generation);
        }
    }
}

fn is<T>(what: impl Fn(&redis::RedisError) -> bool) -> impl Fn(&RedisResult<T>) -> bool {
    move |answer| answer.as_ref().is_err_and(&what)
}
