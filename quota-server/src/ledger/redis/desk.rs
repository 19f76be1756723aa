//! Where the operations of many callers on one deployment meet. While calls to its book are under
//! way others wait, and go together in the next one: Redis reads and writes a book once a call, so
//! a busy deployment costs it little more than a quiet one. Nobody waits for longer than a call
//! takes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::Inner;
use super::book::{Answer, MOST_OPERATIONS, Operation};
use super::books::Errand;
use super::register::Known;
use crate::ledger::{Caller, Unavailable};

/// Calls to one book under way: one is answered while Redis runs the other.
const AT_ONCE: usize = 2;

/// The answers to the operations of a call, in their order.
pub(super) type Ran = Result<Vec<Answer>, Unavailable>;

/// The queue of one deployment.
#[derive(Debug, Default)]
pub(super) struct Desk(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    under_way: usize,
    waiting: VecDeque<CallJob>,
}

/// Operations that wait for their turn.
#[derive(Debug)]
pub(super) struct CallJob {
    pub(super) known: Arc<Known>,
    pub(super) caller: Caller,
    pub(super) operations: Vec<Operation>,
    pub(super) answer: oneshot::Sender<Ran>,
}

/// How operations go on.
pub(super) enum Entered {
    /// At once, in the caller's own call.
    Now(CallTurn),
    /// With others.
    Later(oneshot::Receiver<Ran>),
}

/// The right to have a call to a book under way. Whoever has it lets the next go.
pub(super) struct CallTurn {
    inner: Arc<Inner>,
    known: Arc<Known>,
}

impl Desk {
    fn with<T>(&self, act: impl FnOnce(&mut Queue) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Queue {
    /// Those whose turn it is now, as many as go into one call; none gives the turn up.
    fn next(&mut self) -> Vec<CallJob> {
        let mut operations = 0;
        let fits = |job: &&CallJob| {
            operations += job.operations.len();
            operations <= MOST_OPERATIONS
        };
        let count = self.waiting.iter().take_while(fits).count();
        if count == 0 {
            self.under_way -= 1;
        }
        self.waiting.drain(..count).collect()
    }
}

impl Inner {
    /// A turn at a deployment's book, or a place in its queue.
    pub(super) fn enter(
        self: &Arc<Self>,
        known: &Arc<Known>,
        caller: &Caller,
        operations: impl Fn() -> Vec<Operation>,
    ) -> Entered {
        known.desk.with(|queue| {
            if queue.under_way < AT_ONCE {
                queue.under_way += 1;
                return Entered::Now(CallTurn { inner: self.clone(), known: known.clone() });
            }
            let (answer, answered) = oneshot::channel();
            let (known, caller) = (known.clone(), caller.clone());
            queue.waiting.push_back(CallJob { known, caller, operations: operations(), answer });
            Entered::Later(answered)
        })
    }

    async fn run_jobs(&self, jobs: Vec<CallJob>) {
        // The one who came last knows the deployment best.
        let Some(known) = jobs.last().map(|job| job.known.clone()) else { return };
        let errand = Errand::new(known, |call, library| {
            let of = |job: &CallJob| job.operations.clone();
            let operations =
                jobs.iter().flat_map(|job| of(job).into_iter().map(|one| (&job.caller, one)));
            call.run(library, operations)
        });
        let ran = ran(self.books.ask(errand).await);
        deal(jobs, ran);
    }
}

impl Drop for CallTurn {
    fn drop(&mut self) {
        let jobs = self.known.desk.with(Queue::next);
        if jobs.is_empty() {
            return;
        }
        // Without a runtime there is nobody to answer any more.
        if Handle::try_current().is_ok() {
            let turn = Self { inner: self.inner.clone(), known: self.known.clone() };
            self.inner.tasks.spawn(async move {
                turn.inner.run_jobs(jobs).await;
                drop(turn);
            });
        }
    }
}

/// The answers of a call that ran operations.
pub(super) fn ran(answer: Result<Answer, Unavailable>) -> Ran {
    match answer? {
        Answer::Ran(answers) => Ok(answers),
        other => {
            tracing::error!(?other, "the book answers what it was not asked");
            Err(Unavailable::CannotWrite)
        }
    }
}

/// Each job's share of the answers. Who went away does not want them any more.
fn deal(jobs: Vec<CallJob>, ran: Ran) {
    let mut answers = ran.map(Vec::into_iter);
    for job in jobs {
        let share = match &mut answers {
            Ok(answers) => Ok(answers.take(job.operations.len()).collect()),
            Err(away) => Err(away.clone()),
        };
        let _gone = job.answer.send(share);
    }
}
