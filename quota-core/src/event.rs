use quota_units::Period;
use serde::{Deserialize, Serialize};

use crate::{
    Amount, CountedLimit, HolderId, LeaseId, Policy, RequestKey, Unit, late::LateLease, policy,
};

/// What a journal keeps. Variants are only ever added, at the end, and never changed: old journals
/// stay readable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A lease was granted.
    Granted {
        /// Its id: the next free number of its window.
        lease: LeaseId,
        /// Whose it is.
        holder: HolderId,
        /// The wish that it answers.
        request: RequestKey,
        /// What it holds.
        amount: Amount,
        /// From when on it may be drawn from, steady ms.
        starts_ms: u64,
        /// Until when, steady ms.
        ends_ms: u64,
    },
    /// A return was credited, or a lease closed.
    GivenBack {
        /// The lease.
        lease: LeaseId,
        /// All given back of it.
        total: Amount,
        /// No more draws from it.
        closed: bool,
    },
    /// Usage was reported.
    Used {
        /// The lease.
        lease: LeaseId,
        /// All used out of it.
        used: Amount,
        /// All used above it.
        overrun: Amount,
    },
    /// The limits changed, and nothing is counted over further periods.
    PolicySet {
        /// The new ones.
        #[serde(with = "policy::of_window")]
        policy: Policy,
    },
    /// A lease of an earlier window, carried on past the journal's compaction: its window is closed
    /// and its usage not known yet, or an overrun of it is reported next. A book that has its
    /// window knows already.
    Carried {
        /// Its id.
        lease: LeaseId,
        /// What is known of it.
        late: LateLease,
    },
    /// The limits changed, and something is counted over further periods.
    PeriodsSet {
        /// The new ones.
        #[serde(with = "policy::of_periods")]
        policy: Policy,
        /// Limits over further periods that were taken away, and that are counted on until their
        /// periods are over.
        counted: Vec<CountedLimit>,
    },
    /// What the windows whose books are closed charged to a further period, all of them, carried on
    /// past the journal's compaction.
    Summed {
        /// What is counted.
        unit: Unit,
        /// Over what.
        period: Period,
        /// All there is, by slot: of the calendar the span's number; of a rolling span the number
        /// of the slice at whose end it leaves.
        slots: Vec<(u64, u64)>,
    },
    /// What so many windows charged, up to the one after the open one, may be lost: each may have
    /// charged all of its limit, which counts against further periods.
    Doubted {
        /// How many.
        windows: u64,
    },
}

impl Event {
    /// The limits changed, and those over further periods are counted on.
    pub(crate) fn policy_set(policy: Policy, counted: Vec<CountedLimit>) -> Self {
        if policy.periods.is_empty() && counted.is_empty() {
            Self::PolicySet { policy }
        } else {
            Self::PeriodsSet { policy, counted }
        }
    }
}

/// Events that cannot follow on this book: a broken journal, or a fault in this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Imbalance {
    /// A grant took the window above its limit.
    #[error("lease {0} takes its window above the limit")]
    OverLimit(LeaseId),
    /// A grant is not the next one of its window.
    #[error("lease {0} is out of order")]
    OutOfOrder(LeaseId),
    /// An event names a lease that the book does not have.
    #[error("lease {0} is not in the book")]
    UnknownLease(LeaseId),
    /// More was given back and used than was leased.
    #[error("lease {0} has more given back and used than it held")]
    LeaseOverdrawn(LeaseId),
    /// A total is not the sum of its leases.
    #[error("the totals of window {0} are not the sums of its leases")]
    SumsDiffer(u64),
    /// The kind of window changed while charges were held.
    #[error("the kind of window changes while something is charged")]
    KindChanged,
}
