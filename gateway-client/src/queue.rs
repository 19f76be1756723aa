//! Draws that wait for a lease, in the order of their coming.
//!
//! Only draws that no lease covers come here, so a lock does no harm; it is never held over an
//! await. The driver serves the queue when a lease comes, before the lease is up for drawing.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use quota_units::Amount;
use tokio::sync::oneshot;
use tracing::Span;

use crate::refill::Waiting;
use crate::{Denied, Moment, Permit};

#[derive(Debug, Default)]
pub(crate) struct Queue {
    line: Mutex<DrawQueue>,
}

#[derive(Debug, Default)]
struct DrawQueue {
    waiters: VecDeque<Waiter>,
    /// Nobody serves any more; what whoever joins is told.
    closed: Option<Denied>,
}

#[derive(Debug)]
struct Waiter {
    amount: Amount,
    deadline: Moment,
    /// Its wait.
    span: Span,
    answer: oneshot::Sender<Answer>,
}

pub(crate) type Answer = Result<Offer, Denied>;

/// A permit on its way to its waiter. If the waiter is gone, its request was never sent.
#[derive(Debug)]
pub(crate) struct Offer(Option<Permit>);

impl Offer {
    pub(crate) fn accept(mut self) -> Option<Permit> {
        self.0.take()
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        if let Some(permit) = self.0.take() {
            permit.cancel();
        }
    }
}

impl Queue {
    /// Waits for an amount. Dropping the receiver leaves the queue.
    pub(crate) fn join(&self, amount: Amount, deadline: Moment) -> oneshot::Receiver<Answer> {
        let (answer, receiver) = oneshot::channel();
        let span = Span::current();
        let mut line = self.lock();
        match line.closed {
            // Its receiver is here, so it arrives.
            Some(denied) => drop(answer.send(Err(denied))),
            None => line.waiters.push_back(Waiter { amount, deadline, span, answer }),
        }
        receiver
    }

    /// Denies all who wait and all who come.
    pub(crate) fn close(&self, denied: Denied) {
        self.lock().closed = Some(denied);
        self.answer(|_| Some(Err(denied)));
    }

    /// The waits that are traced.
    pub(crate) fn traced(&self, spans: &mut Vec<Span>) {
        let line = self.lock();
        let waits = line.waiters.iter().map(|waiter| &waiter.span);
        spans.extend(waits.filter(|span| !span.is_disabled()).cloned());
    }

    /// Gives permits to those whom `draw` has one for, first come, first served.
    pub(crate) fn serve(&self, draw: impl Fn(Amount) -> Option<Permit>) {
        self.answer(|waiter| draw(waiter.amount).map(|permit| Ok(Offer(Some(permit)))));
    }

    /// Denies those for whom waiting is of no use.
    pub(crate) fn deny(&self, denial: impl Fn(Amount) -> Option<Denied>, now: Moment) {
        self.answer(|waiter| {
            let denied = denial(waiter.amount)?;
            let helps = denied.reason.may_pass() && now + denied.retry_after <= waiter.deadline;
            (!helps).then_some(Err(denied))
        });
    }

    /// Who waits, of those that are not denied for now.
    pub(crate) fn waiting(&self, is_denied: impl Fn(Amount) -> bool) -> Waiting {
        let waiters = &self.lock().waiters;
        let mut waiting = Waiting { total: waiters.len(), ..Waiting::default() };
        for waiter in waiters.iter().filter(|waiter| !is_denied(waiter.amount)) {
            if waiting.count == 0 {
                waiting.first = waiter.amount;
            }
            waiting.count += 1;
            waiting.sum = waiting.sum.saturating_add(waiter.amount);
        }
        waiting
    }

    fn answer(&self, answer: impl Fn(&Waiter) -> Option<Answer>) {
        let mut line = self.lock();
        let all = std::mem::take(&mut line.waiters);
        line.waiters = all
            .into_iter()
            .filter(|waiter| !waiter.answer.is_closed())
            .filter_map(|waiter| match answer(&waiter) {
                // A waiter that left meanwhile drops the offer, and so cancels it.
                Some(answer) => waiter.answer.send(answer).err().and(None),
                None => Some(waiter),
            })
            .collect();
    }

    fn lock(&self) -> MutexGuard<'_, DrawQueue> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
