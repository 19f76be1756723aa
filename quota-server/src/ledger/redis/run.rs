//! Operations of one caller: each becomes a call to its deployment's book.

use std::sync::Arc;

use quota_core::Refusal;
use tokio::sync::SemaphorePermit;

use super::Inner;
use super::book::{Answer, Ask, Call, Named};
use super::books::Errand;
use super::functions::Library;
use super::register::Known;
use crate::ledger::{Caller, LeaseRef, Op, OpError, Reply, Unavailable};

/// How long the catalogue is not asked again for deployments that nobody knows.
const ASK_AGAIN_MS: u64 = 100;

type Outcome = Result<Reply, OpError>;

impl Inner {
    pub(super) async fn run(&self, caller: &Caller, ops: &[Op]) -> Vec<Outcome> {
        let _permit = match self.begin() {
            Ok(permit) => permit,
            Err(away) => return ops.iter().map(|_| Err(away.clone().into())).collect(),
        };
        let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(ops.len());
        let mut errands = Vec::new();
        for op in ops {
            let found = self.find(op).await;
            outcomes.push(found.as_ref().err().cloned().map(Err));
            errands.extend(found.ok().map(|known| errand(known, caller, op)));
        }
        let mut replies = self.reply_all(&errands).await.into_iter();
        let missing = || Err(Unavailable::CannotWrite.into());
        let answered = outcomes.into_iter();
        answered.map(|done| done.or_else(|| replies.next()).unwrap_or_else(missing)).collect()
    }

    async fn reply_all(&self, errands: &[Errand<'_>]) -> Vec<Outcome> {
        if errands.is_empty() {
            return Vec::new();
        }
        let answers = self.books.run(errands).await;
        let answered = errands.iter().zip(answers);
        answered.map(|(errand, answer)| reply(errand.to.entry.row.no, answer?)).collect()
    }

    /// A place among the calls that are under way.
    pub(super) fn begin(&self) -> Result<SemaphorePermit<'_>, Unavailable> {
        if self.draining.is_cancelled() {
            return Err(Unavailable::Stopping);
        }
        if self.site.is_foreign() {
            return Err(Unavailable::CannotWrite);
        }
        self.permits.try_acquire().map_err(|_full| Unavailable::Overloaded)
    }

    async fn find(&self, op: &Op) -> Result<Arc<Known>, OpError> {
        match op {
            Op::Acquire { deployment, .. } | Op::Denied { deployment, .. } => {
                self.live(deployment).await?.ok_or(OpError::NoSuchDeployment)
            }
            Op::GiveBack { lease, .. } | Op::Use { lease, .. } => self.of_lease(*lease).await,
        }
    }

    async fn of_lease(&self, lease: LeaseRef) -> Result<Arc<Known>, OpError> {
        if let Some(known) = self.register.numbered(lease.deployment) {
            return Ok(known);
        }
        self.refresh_for_unknown().await?;
        let none = OpError::Refused { refusal: Refusal::NoSuchLease, standing: None };
        self.register.numbered(lease.deployment).ok_or(none)
    }

    /// A deployment by its id. One that is not known here may have been made by another server.
    pub(super) async fn live(&self, id: &str) -> Result<Option<Arc<Known>>, Unavailable> {
        if let Some(known) = self.register.live(id) {
            return Ok(Some(known));
        }
        self.refresh_for_unknown().await?;
        Ok(self.register.live(id))
    }

    async fn refresh_for_unknown(&self) -> Result<(), Unavailable> {
        let mut asked_ms = self.asked_ms.lock().await;
        let now_ms = self.books.clock.reading().steady_ms;
        if asked_ms.is_none_or(|asked_ms| now_ms >= asked_ms + ASK_AGAIN_MS) {
            self.refresh().await?;
            *asked_ms = Some(now_ms);
        }
        Ok(())
    }

    /// Takes in what changed in the catalogue.
    pub(super) async fn refresh(&self) -> Result<(), Unavailable> {
        let changed = self.catalogue.since(self.register.revision()).await;
        let changed = changed.map_err(|error| {
            tracing::warn!(%error, "the catalogue cannot be read");
            Unavailable::CannotWrite
        })?;
        self.register.enter(changed, self.books.clock.reading().steady_ms);
        Ok(())
    }
}

fn errand<'a>(known: Arc<Known>, caller: &'a Caller, op: &'a Op) -> Errand<'a> {
    Errand::new(known, move |call, library| command(call, library, caller, op))
}

fn command(call: &Call, library: &Library, caller: &Caller, op: &Op) -> redis::Cmd {
    let named = |lease: &LeaseRef| Named { credential: &caller.credential, lease: lease.lease };
    match op {
        Op::Acquire { request, min, want, ahead, .. } => {
            let ask = Ask { caller, request: *request, min: *min, want: *want, ahead: *ahead };
            call.acquire(library, &ask)
        }
        Op::GiveBack { lease, total, closed } => {
            call.give_back(library, named(lease), *total, *closed)
        }
        Op::Use { lease, used, overrun } => call.used(library, named(lease), *used, *overrun),
        Op::Denied { amount, .. } => call.denied(library, *amount),
    }
}

fn reply(deployment: u32, answer: Answer) -> Outcome {
    match answer {
        Answer::Granted(granted, standing) => {
            let lease = LeaseRef { deployment, lease: granted.lease };
            Ok(Reply::Granted { lease, granted, standing })
        }
        Answer::Returned(returned) => Ok(Reply::Returned(returned)),
        Answer::Used(used) => Ok(Reply::Used(used)),
        Answer::Noted => Ok(Reply::Noted),
        Answer::Refused(refusal, standing) => Err(OpError::Refused { refusal, standing }),
        Answer::NotYourLease => Err(OpError::NotYourLease),
        other => {
            tracing::error!(?other, "the book answers what it was not asked");
            Err(Unavailable::CannotWrite.into())
        }
    }
}
