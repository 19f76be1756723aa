//! What waits in a writer's mailbox.

use std::sync::Arc;

use quota_core::{LeaseId, Now, Overview};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tracing::Span;

use super::books::Books;
use super::draft::Draft;
use super::views::{Pages, Part};
use crate::ledger::{
    Caller, DeploymentPage, Expected, LeasePage, Op, OpError, Put, PutError, Reply, Stored,
    Unavailable,
};

/// Something for a writer to do, and where its answer goes.
pub(crate) enum Job {
    Run {
        caller: Caller,
        ops: Vec<Op>,
        span: Span,
        /// Held until the answer is told.
        room: OwnedSemaphorePermit,
        answer: oneshot::Sender<Vec<Result<Reply, OpError>>>,
    },
    Put {
        put: Put,
        answer: oneshot::Sender<Result<Stored, PutError>>,
    },
    Delete {
        id: Arc<str>,
        expected: Option<Expected>,
        answer: oneshot::Sender<Deleted>,
    },
    Look(Look),
}

pub(crate) type Deleted = Result<Option<()>, PutError>;

/// A job that changes nothing.
pub(crate) enum Look {
    Deployment { id: Arc<str>, answer: oneshot::Sender<Option<Stored>> },
    Deployments { first: u32, answer: oneshot::Sender<DeploymentPage> },
    Pages { id: Arc<str>, answer: oneshot::Sender<Option<Pages>> },
    Held { id: Arc<str>, first: LeaseId, answer: oneshot::Sender<Option<LeasePage>> },
    Overview { first: u32, answer: oneshot::Sender<Part<(Stored, Overview)>> },
}

/// Sends an answer, once it is known whether the commit that it waits for was made.
pub(crate) type Answer = Box<dyn FnOnce(Result<(), Unavailable>) + Send>;

impl Job {
    /// How much of a batch it is.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Run { ops, .. } => ops.len(),
            _ => 1,
        }
    }

    /// What is left to do where nobody waits for its answer any more: no grant that nobody would
    /// have, and no change that its caller may make again. What a gateway says of its leases holds
    /// all the same.
    pub(crate) fn wanted(mut self) -> Option<Self> {
        match &mut self {
            Self::Run { ops, answer, .. } if answer.is_closed() => {
                ops.retain(|op| !matches!(op, Op::Acquire { .. }));
                (!ops.is_empty()).then_some(self)
            }
            Self::Put { answer, .. } => (!answer.is_closed()).then_some(self),
            Self::Delete { answer, .. } => (!answer.is_closed()).then_some(self),
            Self::Run { .. } | Self::Look(_) => Some(self),
        }
    }

    /// What it is done for, where that is traced.
    pub(crate) fn span(&self) -> Option<&Span> {
        match self {
            Self::Run { span, .. } if !span.is_disabled() => Some(span),
            _ => None,
        }
    }

    /// Does it on the books, and drafts what must be durable before the answer may leave.
    pub(crate) fn apply(self, books: &mut Books, now: &Now, draft: &mut Draft) -> Answer {
        match self {
            Self::Run { caller, ops, room, answer, .. } => {
                let results = books.run(&caller, ops, now, draft);
                Box::new(move |committed| {
                    let results = match committed {
                        Ok(()) => results,
                        Err(away) => all_away(results.len(), &away),
                    };
                    tell(answer, results);
                    drop(room);
                })
            }
            Self::Put { put, answer } => {
                let result = books.put(put, now, draft);
                Box::new(move |committed| tell(answer, committed.map_err(Into::into).and(result)))
            }
            Self::Delete { id, expected, answer } => {
                let result = books.delete(&id, expected, now, draft);
                Box::new(move |committed| tell(answer, committed.map_err(Into::into).and(result)))
            }
            Self::Look(look) => look.answer(books, now),
        }
    }

    /// Answers without doing it, but for what changes nothing.
    pub(crate) fn refuse(self, why: Unavailable, books: &mut Books, now: &Now) {
        match self {
            Self::Run { ops, answer, .. } => tell(answer, all_away(ops.len(), &why)),
            Self::Put { answer, .. } => tell(answer, Err(why.into())),
            Self::Delete { answer, .. } => tell(answer, Err(why.into())),
            Self::Look(look) => look.answer(books, now)(Ok(())),
        }
    }
}

impl Look {
    fn answer(self, books: &mut Books, now: &Now) -> Answer {
        match self {
            Self::Deployment { id, answer } => later(answer, books.deployment(&id)),
            Self::Deployments { first, answer } => later(answer, books.some_deployments(first)),
            Self::Pages { id, answer } => later(answer, books.pages(&id, now)),
            Self::Held { id, first, answer } => later(answer, books.held(&id, first, now)),
            Self::Overview { first, answer } => later(answer, books.overview(first, now)),
        }
    }
}

/// What is only looked at is told whatever becomes of the commit.
fn later<T: Send + 'static>(answer: oneshot::Sender<T>, value: T) -> Answer {
    Box::new(move |_| tell(answer, value))
}

/// A caller that went away does not want its answer any more.
fn tell<T>(answer: oneshot::Sender<T>, value: T) {
    let _gone = answer.send(value);
}

fn all_away(ops: usize, why: &Unavailable) -> Vec<Result<Reply, OpError>> {
    (0..ops).map(|_| Err(why.clone().into())).collect()
}
