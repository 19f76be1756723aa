use quota_units::Period;
use serde::{Deserialize, Serialize};

use crate::{Amount, HolderId, LeaseId, Policy, Report, Return, Unit, Wish};

/// Something that a book is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A holder wants a lease.
    Acquire(HolderId, Wish),
    /// A holder gives back; only the lease's holder can.
    GiveBack(HolderId, Return),
    /// A holder reports usage.
    Use(HolderId, Report),
    /// A holder denied draws by itself: a statistic.
    Denied(Amount),
    /// The deployment's limits changed.
    SetPolicy(Policy),
    /// What so many windows charged, up to the one after the open one, may be lost.
    Doubt(u64),
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A lease, new or known.
    Granted(Granted),
    /// A return, credited or not.
    Returned(Returned),
    /// A report, in the book.
    Used(Used),
    /// Nothing to say.
    Noted,
}

/// A lease, as its holder needs to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// Its id.
    pub lease: LeaseId,
    /// What it holds.
    pub amount: Amount,
    /// From when on it may be drawn from, ms from now.
    pub starts_in_ms: u64,
    /// Until when, ms from now.
    pub expires_in_ms: u64,
    /// How long returns earn credit in the window, ms from now.
    pub credit_ends_in_ms: u64,
    /// How long they do in further periods, where there are any, ms from now.
    pub returns_in_ms: Option<u64>,
    /// The same request had it before.
    pub repeated: bool,
}

/// A return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Returned {
    /// What this message credited.
    pub credited: Amount,
    /// All that was credited of this lease.
    pub given_back: Amount,
}

/// A usage report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// Used out of the lease, so far.
    pub used: Amount,
    /// Used above it, so far.
    pub overrun: Amount,
    /// What of the overrun this report added.
    pub overrun_added: Amount,
    /// What must be added to the history of a window that is closed already.
    pub late: Option<LateUse>,
}

/// Usage that became known after its window's book was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LateUse {
    /// The window's number.
    pub window: u64,
    /// Moves from burnt to used.
    pub used: Amount,
    /// Adds to the overrun.
    pub overrun: Amount,
}

/// Why a command changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not now.
    #[error("the window has not enough {:?} left", .0.unit)]
    Denied(Denial),
    /// `min` is above the limit itself, or above what any lease holds.
    #[error("more {unit:?} than the {limit} that could ever be granted")]
    NeverFits {
        /// The unit.
        unit: Unit,
        /// Over which further period; `None`: in the window.
        period: Option<Period>,
        /// The most that could be granted.
        limit: u64,
    },
    /// `want` is below `min`.
    #[error("`want` is below `min`")]
    WantBelowMin,
    /// An acquire of nothing at all.
    #[error("a lease of nothing was asked for")]
    NothingAsked,
    /// The same request was granted another wish.
    #[error("the same `request_id` asked for something else before")]
    OtherWish,
    /// The same request was granted a lease that was closed since.
    #[error("the lease of this `request_id` is closed")]
    LeaseClosed,
    /// The next window was asked for too long before it opens.
    #[error("the next window can be asked for in {in_ms} ms")]
    TooEarly {
        /// When it can be, ms from now.
        in_ms: u64,
    },
    /// No such lease.
    #[error("there is no such lease")]
    NoSuchLease,
    /// Another holder's lease.
    #[error("the lease belongs to another holder")]
    NotYours,
    /// More given back and used than was leased.
    #[error("more was given back and used than was leased")]
    ExceedsLease,
    /// The kind of window is fixed.
    #[error("the kind of window is fixed once the deployment is made")]
    KindIsFixed,
}

/// A denial, and when asking again makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denial {
    /// The unit that ran out.
    pub unit: Unit,
    /// Over which further period; `None`: in the window.
    pub period: Option<Period>,
    /// When this size may fit, ms from now.
    pub retry_after_ms: u64,
    /// [`State::Endgame`] while other holders' rests are on their way, else [`State::Exhausted`]
    /// or [`State::Quarantined`].
    pub state: State,
}

/// What a deployment's quota is like just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    /// There is room.
    Ok,
    /// Little is left.
    Endgame,
    /// Nothing is left that would fit.
    Exhausted,
    /// Nothing is granted, since what was granted before cannot be vouched for. A [`Book`] has
    /// seen all of its grants and never says so; a ledger on a store that can lose writes does.
    ///
    /// [`Book`]: crate::Book
    Quarantined,
}
