//! One lease, as its asker knows it.

use quota_api::{Amount, Lease, WindowKind};

use crate::{chaos::record::plus, clock::MINUTE_MS};

/// When a question was sent, and when its answer came, by the wall clock, in ms since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) sent_ms: u64,
    pub(super) came_ms: u64,
}

/// How much the server's time may differ from the wall clock here, in ms: they are one machine's.
const SLACK_MS: u64 = 500;
/// How long after its asker gave up a question may still be heard, in ms.
const LATE_MS: u64 = 6_000;

/// A lease that was granted, or may have been.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    pub(super) request: String,
    /// Without an answer there is none, and nobody knows whether there is a lease.
    pub(super) lease: Option<String>,
    pub(super) amount: Amount,
    /// Not granted before.
    pub(super) asked_ms: u64,
    /// The earliest and the latest moment that it may end at.
    ends_ms: [u64; 2],
    /// The minutes that it may be charged to.
    pub(super) minutes: [u64; 2],
    /// What was surely credited of it, and what may have been.
    pub(super) back: [Amount; 2],
    /// Reported above it, surely and perhaps.
    pub(super) overrun: [Amount; 2],
}

/// What is charged to a window at some moment: at least, and at most.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Charged {
    pub(super) least: Amount,
    pub(super) most: Amount,
    /// The same without overruns.
    pub(super) least_outstanding: Amount,
    pub(super) most_outstanding: Amount,
}

impl Grant {
    /// Of an answer.
    pub(super) fn answered(request: &str, span: Span, lease: &Lease) -> Self {
        let ends = |from_ms: u64| from_ms + lease.expires_in_ms;
        // A window's end is a minute's, and the middle of what it may be is next to no other one.
        let end_ms = (span.sent_ms + span.came_ms) / 2 + lease.window.ends_in_ms;
        let minute = (end_ms + MINUTE_MS / 2) / MINUTE_MS;
        Self {
            request: request.to_owned(),
            lease: Some(lease.lease_id.clone()),
            amount: Amount { tokens: lease.tokens, requests: lease.requests },
            asked_ms: span.sent_ms,
            ends_ms: [ends(span.sent_ms), ends(span.came_ms)],
            minutes: [minute, minute],
            back: Default::default(),
            overrun: Default::default(),
        }
    }

    /// Of a question without an answer: so much at most, charged to the minute of the question or
    /// of now, each named by its end.
    pub(super) fn unanswered(request: &str, span: Span, most: Amount, life_ms: u64) -> Self {
        Self {
            request: request.to_owned(),
            lease: None,
            amount: most,
            asked_ms: span.sent_ms,
            ends_ms: [span.sent_ms, span.came_ms + LATE_MS + life_ms],
            minutes: [span.sent_ms, span.came_ms + LATE_MS].map(|ms| ms / MINUTE_MS + 1),
            back: Default::default(),
            overrun: Default::default(),
        }
    }

    /// It may have ended now: its holder closed it.
    pub(super) fn close(&mut self, sent_ms: u64) {
        self.ends_ms[0] = self.ends_ms[0].min(sent_ms);
    }

    /// How many tokens it charges to a period that outlasts the run: at least, and at most.
    pub(super) fn charge_for_long(&self) -> [u64; 2] {
        let charges = |back: Amount, overrun: Amount| {
            self.amount.tokens.saturating_sub(back.tokens) + overrun.tokens
        };
        let least = self.lease.as_ref().map_or(0, |_| charges(self.back[1], self.overrun[0]));
        [least, charges(self.back[0], self.overrun[1])]
    }

    /// Adds what it charges to what a grant counts with that is decided within this span.
    pub(super) fn charge(&self, to: &mut Charged, kind: WindowKind, span: Span, minute: u64) {
        let [surely, perhaps] = match kind {
            WindowKind::Minute => {
                let [first, last] = self.minutes;
                [first == minute && last == minute, (first..=last).contains(&minute)]
            }
            WindowKind::Rolling => [
                span.came_ms + SLACK_MS < self.ends_ms[0] + MINUTE_MS,
                span.sent_ms < self.ends_ms[1] + MINUTE_MS + SLACK_MS,
            ],
        };
        let [back, perhaps_back] = self.back;
        if surely && self.lease.is_some() {
            let left = less(self.amount, perhaps_back);
            to.least_outstanding = plus(to.least_outstanding, left);
            to.least = plus(to.least, plus(left, self.overrun[0]));
        }
        if perhaps {
            let left = less(self.amount, back);
            to.most_outstanding = plus(to.most_outstanding, left);
            to.most = plus(to.most, plus(left, self.overrun[1]));
        }
    }
}

fn less(amount: Amount, by: Amount) -> Amount {
    Amount {
        tokens: amount.tokens.saturating_sub(by.tokens),
        requests: amount.requests.saturating_sub(by.requests),
    }
}
