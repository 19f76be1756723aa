use std::time::Duration;

use quota_api::{AcquireItem, Ask as Range, Which};
use quota_units::{Amount, MAX_LEASE};

use crate::Moment;

/// So long a lost answer is asked for again. The server keeps its grants for longer.
const LIFE: Duration = Duration::from_secs(45);

/// A lease that is wanted. It keeps its request id until it is answered, so that the server grants
/// it once however often it is asked.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) request_id: String,
    pub(super) min: Amount,
    pub(super) want: Amount,
    pub(super) which: Which,
    pub(super) made: Moment,
    pub(super) progress: Progress,
}

/// What is asked for: of each window one lease at a time, and neither waits for the other.
#[derive(Debug, Default)]
pub(super) struct Asks {
    current: Option<Ask>,
    next: Option<Ask>,
}

impl Asks {
    pub(super) fn place(&mut self, which: Which) -> &mut Option<Ask> {
        match which {
            Which::Current => &mut self.current,
            Which::Next => &mut self.next,
        }
    }

    pub(super) fn is_free(&self, which: Which) -> bool {
        match which {
            Which::Current => self.current.is_none(),
            Which::Next => self.next.is_none(),
        }
    }

    pub(super) fn put(&mut self, ask: Ask) {
        let place = self.place(ask.which);
        *place = Some(ask);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Ask> {
        self.current.iter().chain(&self.next)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Ask> {
        self.current.iter_mut().chain(&mut self.next)
    }

    /// Forgets those of which this does not hold.
    pub(super) fn retain(&mut self, holds: impl Fn(&Ask) -> bool) {
        for place in [&mut self.current, &mut self.next] {
            *place = place.take().filter(&holds);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Not sent yet.
    New,
    /// Sent, and not answered yet.
    Sent,
    /// Sent, and the answer was lost.
    Lost,
}

impl Ask {
    pub(super) fn new(request_id: String, wish: Wish, now: Moment) -> Self {
        let min = wish.min.min(MAX_LEASE);
        Self {
            request_id,
            min,
            want: min.max(wish.want).min(MAX_LEASE),
            which: wish.which,
            made: now,
            progress: Progress::New,
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.progress != Progress::Sent
    }

    /// Whether its lease, if it was granted, is of no use and no credit any more.
    pub(super) fn is_pointless(&self, now: Moment) -> bool {
        self.is_ready() && now >= self.made + LIFE
    }

    pub(super) fn item(&self, deployment: &str) -> AcquireItem {
        AcquireItem {
            deployment: deployment.to_owned(),
            request_id: self.request_id.clone(),
            tokens: Range { min: self.min.tokens(), want: self.want.tokens() },
            requests: Range { min: self.min.requests(), want: self.want.requests() },
            window: self.which,
        }
    }
}

/// What an ask is to be about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub(super) min: Amount,
    pub(super) want: Amount,
    pub(super) which: Which,
}
