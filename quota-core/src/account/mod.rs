//! What is charged over the period of a limit: all that kinds of windows differ in.
//!
//! The book asks its account what is left, and tells it of every grant, return and overrun; which
//! leases these are of, and what a page says of them, is kept beside it, by the minute
//! (`bucket.rs`). An account holds the sums of all units of its period: what leaves it at an
//! instant is then looked up once, however many units there are.
//!
//! Limits over further periods, which are longer than a window, are accounts beside it
//! (`periods.rs`).
//!
//! To add a kind of window: a file here, and its arm in each function below. To add a period: an
//! arm in each function of `periods.rs`.

mod calendar;
mod minute;
mod periods;
mod rolling;

use crate::{Amount, LeaseId, MINUTE_MS, Now, WindowKind};
use minute::Minutes;
use rolling::Rolling;

pub use periods::{CountedLimit, PERIOD_SLICES, PeriodStanding};
pub(crate) use periods::{MinuteSpan, PeriodShort, Periods};

/// The charges of one book.
#[derive(Debug, Clone)]
pub(crate) enum Account {
    /// Of each aligned minute by itself.
    Minute(Minutes),
    /// Of any 60 s.
    Rolling(Rolling),
}

/// What is charged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Charged {
    /// Granted and not given back.
    pub(crate) outstanding: Amount,
    /// Used above that.
    pub(crate) overrun: Amount,
}

impl Charged {
    /// Both.
    pub(crate) fn sum(self) -> Amount {
        self.outstanding.saturating_add(self.overrun)
    }
}

impl Account {
    /// An empty one.
    pub(crate) fn new(kind: WindowKind) -> Self {
        match kind {
            WindowKind::Minute => Self::Minute(Minutes::default()),
            WindowKind::Rolling => Self::Rolling(Rolling::default()),
        }
    }

    /// What counts against the limit of a window.
    pub(crate) fn charged(&self, window: u64) -> Charged {
        match self {
            Self::Minute(minutes) => minutes.charged(window),
            Self::Rolling(rolling) => rolling.charged(),
        }
    }

    /// A lease is granted that ends at `ends_ms`.
    pub(crate) fn charge(&mut self, lease: LeaseId, ends_ms: u64, amount: Amount) {
        match self {
            Self::Minute(minutes) => minutes.charge(lease.window, amount),
            Self::Rolling(rolling) => rolling.charge(ends_ms, amount),
        }
    }

    /// So much of a lease that ends at `ends_ms` is given back.
    pub(crate) fn credit(&mut self, lease: LeaseId, ends_ms: u64, amount: Amount) {
        match self {
            Self::Minute(minutes) => minutes.credit(lease.window, amount),
            Self::Rolling(rolling) => rolling.credit(ends_ms, amount),
        }
    }

    /// So much more than a lease held was used: a minute's overrun counts in that minute, any other
    /// from its report on.
    pub(crate) fn overrun(&mut self, lease: LeaseId, amount: Amount, now: &Now) {
        match self {
            Self::Minute(minutes) => minutes.overrun(lease.window, amount),
            Self::Rolling(rolling) => rolling.overrun(now.steady_ms, amount),
        }
    }

    /// Lets go what counts no more; of the windows, those before `first_kept`.
    pub(crate) fn advance(&mut self, first_kept: u64, now: &Now) {
        match self {
            Self::Minute(minutes) => minutes.forget_before(first_kept),
            Self::Rolling(rolling) => rolling.release(now.steady_ms),
        }
    }

    /// Until when a return of a lease earns credit, steady ms. A window after the open one lasts a
    /// minute at least, so that much can be promised of it.
    pub(crate) fn credit_ends_ms(&self, lease: LeaseId, ends_ms: u64, now: &Now) -> u64 {
        let span = now.window;
        match self {
            Self::Rolling(_) => rolling::released_ms(ends_ms),
            Self::Minute(_) if lease.window < span.number => now.steady_ms,
            Self::Minute(_) => span.ends_ms + (lease.window - span.number) * MINUTE_MS,
        }
    }

    /// Whether what is given back of a lease is credited.
    pub(crate) const fn earns_credit(&self, lease: LeaseId, ends_ms: u64, now: &Now) -> bool {
        match self {
            Self::Minute(_) => lease.window >= now.window.number,
            Self::Rolling(_) => rolling::released_ms(ends_ms) > now.steady_ms,
        }
    }

    /// Whether a return to the leases of window `of` may make room in `window`.
    pub(crate) const fn is_refilled_by(&self, of: u64, window: u64, now: &Now) -> bool {
        match self {
            Self::Minute(_) => of == window,
            Self::Rolling(_) => of + 2 > now.window.number,
        }
    }

    /// When `missing` will be there in `window` whatever holders do, ms from now.
    pub(crate) fn certain_ms(&self, missing: Amount, window: u64, now: &Now) -> u64 {
        match self {
            Self::Minute(_) => now.window_ends_in_ms() + (window - now.window.number) * MINUTE_MS,
            Self::Rolling(rolling) => {
                let freed_ms = rolling.freed_ms(missing).unwrap_or(now.steady_ms + MINUTE_MS);
                freed_ms.saturating_sub(now.steady_ms)
            }
        }
    }

    /// Whether nothing is charged.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Minute(minutes) => minutes.is_empty(),
            Self::Rolling(rolling) => rolling.is_empty(),
        }
    }

    /// How many charges it keeps by themselves: what an audit of them costs.
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::Minute(_) => 0,
            Self::Rolling(rolling) => rolling.count(),
        }
    }

    /// The sums are those of the parts that it keeps by itself.
    pub(crate) fn adds_up(&self) -> bool {
        match self {
            Self::Minute(_) => true,
            Self::Rolling(rolling) => rolling.adds_up(),
        }
    }

    /// Whether it has charged what the leases of a window say.
    pub(crate) fn agrees(&self, window: u64, leases: Charged) -> bool {
        match self {
            Self::Minute(minutes) => minutes.charged(window) == leases,
            Self::Rolling(_) => true,
        }
    }
}
