//! Keeps the connections: opens them, loads the function library where it is missing, and opens
//! them anew when somebody finds them lost. Callers never wait for that: while there are none they
//! are refused at once.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use redis::{ErrorKind, RedisResult, Value, cmd};
use tokio::sync::{Notify, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::super::functions::Library;
use super::address::RedisAddress;
use super::error::{is_forbidden_load, is_loaded_already, is_unknown_function};
use super::login::Login;
use super::settings::Settings;
use super::wire::Wire;
use crate::metrics;

/// Between tries: at first, and at most.
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_millis(500);

/// How often the files of a cluster's log-in are looked at.
const RENEWAL: Duration = Duration::from_secs(1);
const RENEWAL_AT_MOST: Duration = Duration::from_secs(30);

/// The same where a command tells a password: each look costs a process, and each of its answers
/// may be new. Tokens live for 15 minutes at least.
const RENEWAL_BY_COMMAND: Duration = Duration::from_secs(300);

/// The connections that are open, if any.
#[derive(Clone)]
pub(super) struct OpenConnections {
    pub(super) wire: Wire,
    /// Counts how often they were opened.
    pub(super) generation: u64,
    /// The process at their other end.
    pub(super) process: Arc<str>,
    /// What is known of the Redis at their other end.
    pub(super) trust: Trust,
}

/// What a server knows of the Redis that it calls, for the books there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Trust {
    /// All that it answers now outlives its process: books are marked so.
    pub(crate) keeps: bool,
    /// The process that was there before, which this server was connected to: it kept everything to
    /// its end, as far as was seen. `None` for a Redis that this server did not know before.
    pub(crate) vouched: Option<Arc<str>>,
    /// How often another Redis took the place of the one in use: books of an earlier term lack what
    /// was granted there.
    pub(crate) term: u64,
}

/// The Redis in use, as this server calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Agreed {
    /// See `Link::process`.
    pub(crate) process: Arc<str>,
    /// See `Trust`.
    pub(crate) term: u64,
}

/// One process that was connected to.
struct Met {
    process: Arc<str>,
    trust: Trust,
}

impl Met {
    /// What is known of a process that is connected to now, after another, or the same one, that
    /// was doubted in the end or not.
    fn after(before: Option<&Self>, doubted: bool, process: Arc<str>, keeps: bool) -> Self {
        let trusted = before.filter(|met| keeps && met.trust.keeps && !doubted);
        let vouched = trusted.and_then(|met| {
            if met.process == process {
                met.trust.vouched.clone()
            } else {
                Some(met.process.clone())
            }
        });
        Self { process, trust: Trust { keeps, vouched, term: 0 } }
    }
}

/// What the keeper and the callers share.
pub(super) struct Board {
    pub(super) open: watch::Sender<Option<OpenConnections>>,
    pub(super) lost: Notify,
    /// Since the connections were opened the Redis at their other end was seen not to keep
    /// everything.
    pub(super) doubted: AtomicBool,
    /// They were given up to be opened anew, and not lost.
    left: AtomicBool,
    /// What the last try to open them came to, while there are none.
    pub(super) refused: watch::Sender<Option<String>>,
    /// Where books may be called.
    pub(super) agreed: RwLock<Option<Agreed>>,
}

impl Board {
    pub(super) fn new() -> Self {
        Self {
            open: watch::Sender::new(None),
            lost: Notify::new(),
            doubted: AtomicBool::new(false),
            left: AtomicBool::new(false),
            refused: watch::Sender::new(None),
            agreed: RwLock::default(),
        }
    }

    /// Somebody found the connections of this generation lost.
    pub(super) fn lose(&self, generation: u64) {
        if self.take(generation) {
            self.lost.notify_one();
        }
    }

    /// Has the connections of this generation opened anew, to where the address leads now.
    pub(super) fn leave(&self, generation: u64) {
        if self.take(generation) {
            self.left.store(true, Ordering::Release);
            self.lost.notify_one();
        }
    }

    /// Remembers what a try came to; whether that is something else than before.
    fn refuse(&self, why: Option<String>) -> bool {
        self.refused.send_if_modified(|refused| {
            let is_new = *refused != why;
            *refused = why;
            is_new
        })
    }

    /// Whether they were there to be taken.
    fn take(&self, generation: u64) -> bool {
        self.open
            .send_if_modified(|open| open.take_if(|open| open.generation == generation).is_some())
    }
}

/// Opens connections whenever there are none, until it is stopped.
pub(super) struct Keeper {
    pub(super) address: RedisAddress,
    pub(super) library: Library,
    pub(super) board: Arc<Board>,
}

impl Keeper {
    pub(super) async fn keep(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.keep_open()).await;
        self.board.open.send_replace(None);
    }

    async fn keep_open(&self) {
        let mut generation = 0;
        let mut before: Option<Met> = None;
        let mut left = false;
        let mut opened = self.reopen().await;
        loop {
            let Opened { wire, process, keeps, login } = opened;
            generation += 1;
            if !left || before.as_ref().is_none_or(|met| met.process != process) {
                info!(redis = %self.address, "connected to Redis");
            }
            let doubted = self.board.doubted.swap(false, Ordering::AcqRel);
            let met = Met::after(before.as_ref(), doubted, process, keeps);
            let (process, trust) = (met.process.clone(), met.trust.clone());
            before = Some(met);
            self.board.open.send_replace(Some(OpenConnections {
                wire,
                generation,
                process,
                trust,
            }));
            opened = tokio::select! {
                () = self.board.lost.notified() => {
                    left = self.board.left.swap(false, Ordering::AcqRel);
                    if !left {
                        warn!(redis = %self.address, "the connection to Redis is lost");
                    }
                    self.reopen().await
                }
                renewed = self.renewed(&login) => {
                    info!(redis = %self.address, "connected anew: what it is logged in with has changed");
                    left = true;
                    renewed
                }
            };
        }
    }

    /// To the nodes of a cluster the crate connects anew by itself, with what it was given. So once
    /// a file says something else all is opened anew, as soon as the cluster takes it. Other
    /// connections last as long as they are of use.
    async fn renewed(&self, opened_with: &Login) -> Opened {
        if !self.address.is_cluster() {
            return pending().await;
        }
        let costly = self.address.files().are_costly();
        let shortest = if costly { RENEWAL_BY_COMMAND } else { RENEWAL };
        let (mut refused, mut pause, mut told) = (None, shortest, None);
        if costly {
            sleep(pause).await;
        }
        loop {
            let opened = match Login::read(&self.address).await {
                Ok(login) if login == *opened_with => {
                    (refused, pause, told) = (None, shortest, None);
                    None
                }
                Ok(login) => {
                    // What was refused is shown less and less often: a cluster counts it.
                    let is_new = refused.replace(login.clone()).is_none_or(|old| old != login);
                    let is_other = is_new && !costly;
                    pause = if is_other { RENEWAL } else { (pause * 2).min(RENEWAL_AT_MOST) };
                    Some(self.open_with(login).await)
                }
                Err(useless) => {
                    pause = pause.min(RENEWAL_AT_MOST);
                    Some(Err(useless.into()))
                }
            };
            match opened {
                Some(Ok(opened)) => return opened,
                Some(Err(error)) => {
                    let why = Some(error.to_string());
                    if told != why {
                        warn!(redis = %self.address, %error, "what its files say is not taken yet; trying on");
                    }
                    told = why;
                }
                None => {}
            }
            sleep(pause).await;
        }
    }

    async fn reopen(&self) -> Opened {
        let mut pause = SHORTEST;
        loop {
            match self.open().await {
                Ok(opened) => {
                    self.board.refuse(None);
                    return opened;
                }
                Err(error) if self.board.refuse(Some(error.to_string())) => {
                    warn!(redis = %self.address, %error, "Redis cannot be used; trying on");
                }
                Err(_told_already) => {}
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST);
        }
    }

    async fn open(&self) -> RedisResult<Opened> {
        self.open_with(Login::read(&self.address).await?).await
    }

    /// A replica, or a Redis that is still loading, refuses the library: it is not taken for the
    /// one that takes writes.
    async fn open_with(&self, login: Login) -> RedisResult<Opened> {
        let wire = Wire::open(&self.address, &login).await?;
        load(&wire, &self.library).await?;
        let settings = Settings::read(&wire).await?;
        if !self.address.is_cluster() && !is_one(&settings) {
            let moved = "its connections lead to different processes";
            return Err((ErrorKind::Io, moved).into());
        }
        let keeps = self.address.is_single() && settings.iter().all(Settings::keeps_everything);
        let process = settings.first().and_then(Settings::run_id).map_or("", String::as_str);
        Ok(Opened { wire, process: process.into(), keeps, login })
    }
}

/// Connections, and what was seen as they were opened.
struct Opened {
    wire: Wire,
    process: Arc<str>,
    keeps: bool,
    login: Login,
}

/// Sees to it that every Redis that takes writes has the library, or some shards of a cluster at
/// least: where it is missing it is loaded when it is called.
pub(super) async fn load(wire: &Wire, library: &Library) -> RedisResult<()> {
    let mut loaded = Ok(());
    for (_, answer) in probe_each(wire, library).await {
        if answer.is_ok() {
            return answer;
        }
        loaded = answer;
    }
    loaded
}

/// Whether each takes writes, by a call that writes nothing. The library is loaded where it is
/// missing; its name changes with its code, so one that is there is the same.
pub(super) async fn probe_each(wire: &Wire, library: &Library) -> Vec<(Arc<str>, RedisResult<()>)> {
    let mut probe = cmd("FCALL");
    probe.arg(library.function("probe")).arg(0);
    let mut answers: Vec<_> = wire.each(probe).await;
    let is_missing = |answer: &RedisResult<Value>| answer.as_ref().is_err_and(is_unknown_function);
    if answers.iter().any(|(_, answer)| is_missing(answer)) {
        let mut load = cmd("FUNCTION");
        load.arg("LOAD").arg(&**library.code());
        let loaded = wire.each(load).await;
        for (name, answer) in answers.iter_mut().filter(|(_, answer)| is_missing(answer)) {
            // One that has come since then is looked at the next time.
            if let Some((_, loaded)) = loaded.iter().find(|(of, _)| of == name) {
                *answer = loaded.clone();
            }
        }
    }
    let is_kept_out =
        |(_, answer): &(_, RedisResult<Value>)| answer.as_ref().is_err_and(is_forbidden_load);
    metrics::library_missing(answers.iter().any(is_kept_out));
    answers.into_iter().map(|(name, answer)| (name, loaded(answer))).collect()
}

fn loaded(answer: RedisResult<Value>) -> RedisResult<()> {
    match answer {
        Err(error) if is_loaded_already(&error) => Ok(()),
        // `FCALL` is asked for before, so it is `FUNCTION LOAD` that is not permitted.
        Err(error) if is_forbidden_load(&error) => Err((
            ErrorKind::InvalidClientConfig,
            "the function library is missing, and this user may not load it",
            "an administrator does: quota-server redis-library | redis-cli -x FUNCTION LOAD"
                .to_owned(),
        )
            .into()),
        Err(error) => Err(error),
        Ok(_) => Ok(()),
    }
}

/// A name may have come to mean another Redis between two connections.
fn is_one(settings: &[Settings]) -> bool {
    settings.iter().all(|one| one.run_id() == settings[0].run_id())
}
