//! Sends calls to books, and repairs the books that cannot answer them: one that is missing is
//! opened, quarantined, since what it held is not known; one whose limits are older than the
//! catalogue's gets the new ones. Then the calls are sent once more.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use redis::{Cmd, Value};
use tokio::time::{Duration, Instant};
use tracing::{Instrument, debug_span};

use super::book::{Answer, Call, Reply};
use super::functions::Library;
use super::link::{Link, LinkError, Trust};
use super::outage::RedisOutage;
use super::quarantine::Quarantines;
use super::register::Known;
use crate::clock::Clock;
use crate::ledger::{Unavailable, checks};
use crate::metrics;
use crate::store::catalogue::Entry;

/// How old this server's knowledge of the catalogue may be, ms, to open a book where there is none.
/// Later the deployment may be deleted and forgotten, and made again under another number.
pub(super) const STALE_MS: u64 = 120_000;

/// The books in Redis.
pub(super) struct RedisBooks {
    pub(super) link: Link,
    pub(super) library: Library,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) quarantines: Quarantines,
    /// When the catalogue was asked last that answered, by the steady clock, ms.
    pub(super) read_ms: AtomicU64,
    pub(super) outage: RedisOutage,
}

/// One call to one book.
pub(super) struct Errand<'a> {
    pub(super) to: Arc<Known>,
    command: Box<Composer<'a>>,
}

/// Composes the command, once for each time that it is sent: what the server knows of the book goes
/// with it.
type Composer<'a> = dyn Fn(&Call, &Library) -> Cmd + Send + Sync + 'a;

impl<'a> Errand<'a> {
    pub(super) fn new(
        to: Arc<Known>,
        command: impl Fn(&Call, &Library) -> Cmd + Send + Sync + 'a,
    ) -> Self {
        Self { to, command: Box::new(command) }
    }
}

/// What came of a call.
pub(super) type Answered = Result<Reply, Unavailable>;

impl RedisBooks {
    pub(super) fn new(link: Link, library: Library, clock: Arc<dyn Clock>) -> Self {
        let quarantines = Quarantines::default();
        let (read_ms, outage) = (AtomicU64::new(0), RedisOutage::default());
        Self { link, library, clock, quarantines, read_ms, outage }
    }

    /// Runs calls in their order. A book that cannot answer is repaired first.
    pub(super) async fn run(&self, errands: &[Errand<'_>]) -> Vec<Result<Answer, Unavailable>> {
        if errands.is_empty() {
            return Vec::new();
        }
        let all: Vec<&Errand<'_>> = errands.iter().collect();
        let began = Instant::now();
        let span = debug_span!("commit", books = all.len());
        let mut answered = self.send(&all).instrument(span).await;
        count(&answered, began.elapsed());
        let missed: Vec<usize> =
            (0..errands.len()).filter(|at| is_missed(&answered[*at])).collect();
        if !missed.is_empty() {
            self.repair(&missed.iter().map(|at| &errands[*at].to).collect::<Vec<_>>()).await;
            let again: Vec<&Errand<'_>> = missed.iter().map(|at| &errands[*at]).collect();
            for (at, answer) in missed.into_iter().zip(self.send(&again).await) {
                answered[at] = answer;
            }
        }
        answered.into_iter().map(settled).collect()
    }

    /// Runs calls in their order, and leaves books as they are.
    pub(super) async fn send(&self, errands: &[&Errand<'_>]) -> Vec<Answered> {
        let sent_ms = self.clock.reading().steady_ms;
        let compose = |trust: &Trust| {
            let command = |errand: &&Errand<'_>| {
                (errand.command)(&errand.to.call(sent_ms, trust), &self.library)
            };
            errands.iter().map(command).collect()
        };
        let values = self.link.call(compose).await;
        let came_ms = self.clock.reading().steady_ms;
        let answered = errands.iter().zip(values);
        answered.map(|(errand, value)| self.read(&errand.to, value, sent_ms, came_ms)).collect()
    }

    /// One call to one book, which is repaired first if need be.
    pub(super) async fn ask(&self, errand: Errand<'_>) -> Result<Answer, Unavailable> {
        self.run(&[errand]).await.pop().unwrap_or(Err(Unavailable::CannotWrite))
    }

    /// One call to one book as it is.
    pub(super) async fn look(&self, errand: Errand<'_>) -> Answered {
        self.send(&[&errand]).await.pop().unwrap_or(Err(Unavailable::CannotWrite))
    }

    /// Opens each book where there is none, and brings each up to the catalogue.
    pub(super) async fn repair(&self, deployments: &[&Arc<Known>]) {
        let mut numbers = rustc_hash::FxHashSet::default();
        let distinct = deployments.iter().filter(|known| numbers.insert(known.entry.row.no));
        let may_open = self.is_up_to_date();
        let steps = distinct.map(|known| {
            let policy = Arc::new(known.entry.row.policy.clone());
            let to_open = policy.clone();
            let open = move |call: &Call, library: &Library| call.open(library, &to_open, false);
            let configure = move |call: &Call, library: &Library| call.configure(library, &policy);
            let open = may_open.then(|| Errand::new((*known).clone(), open));
            open.into_iter().chain([Errand::new((*known).clone(), configure)])
        });
        let steps: Vec<Errand<'_>> = steps.flatten().collect();
        self.send(&steps.iter().collect::<Vec<_>>()).await;
    }

    /// Whether deployments that this server knows may be opened a book.
    fn is_up_to_date(&self) -> bool {
        let read_ms = self.read_ms.load(Ordering::Acquire);
        self.clock.reading().steady_ms.saturating_sub(read_ms) <= STALE_MS
    }

    fn read(
        &self,
        known: &Known,
        value: Result<Value, LinkError>,
        sent_ms: u64,
        came_ms: u64,
    ) -> Answered {
        let value = value.map_err(|error| self.outage.failed(&error, came_ms))?;
        let reply = Reply::read(&value).map_err(|unreadable| {
            checks::unreadable(&known.entry.row.id, &unreadable);
            Unavailable::CannotWrite
        })?;
        self.outage.works(came_ms);
        if let Reply::Here(mark, _) | Reply::Outdated(mark) = &reply {
            known.learn(sent_ms, came_ms, mark);
            let row = &known.entry.row;
            self.quarantines.note(row.no, &row.id, mark, came_ms);
        }
        Ok(reply)
    }
}

impl Known {
    fn call(&self, steady_ms: u64, trust: &Trust) -> Call {
        let hints = self.seen.lock().unwrap_or_else(PoisonError::into_inner).hints(steady_ms);
        let Entry { row, instance, .. } = &self.entry;
        let (instance, trust) = (*instance, trust.clone());
        Call { book: row.no, version: row.version, instance, hints, trust }
    }

    fn learn(&self, sent_ms: u64, came_ms: u64, mark: &super::book::Mark) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.learn(sent_ms, came_ms, mark);
    }
}

/// One message is one commit: Redis does all of it or nothing.
fn count(answered: &[Answered], took: Duration) {
    if answered.iter().all(Result::is_err) {
        metrics::commit_failed();
        return;
    }
    let granted = |answer: &Answer| matches!(answer, Answer::Granted(..));
    let grants = answered.iter().map(|answered| match answered {
        Ok(Reply::Here(_, Answer::Ran(answers))) => answers.iter().filter(|it| granted(it)).count(),
        _ => 0,
    });
    metrics::committed(took, grants.sum(), 0);
}

fn is_missed(answered: &Answered) -> bool {
    matches!(answered, Ok(Reply::Missing | Reply::Outdated(_)))
}

fn settled(answered: Answered) -> Result<Answer, Unavailable> {
    match answered? {
        Reply::Here(_, answer) => Ok(answer),
        // Repaired, and lost again.
        Reply::Missing | Reply::Outdated(_) => Err(Unavailable::CannotWrite),
    }
}
