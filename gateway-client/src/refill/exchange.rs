//! What goes into the machine and what comes out of it, besides messages.

use quota_units::Amount;

use crate::Moment;
use crate::pool::Missed;

/// Names a deployment, in the order in which they were added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeploymentNo(pub(super) usize);

/// Names a lease between the machine and the owner of the pool; the server's name for it stays in
/// the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseNo(pub u64);

/// In: how a deployment stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sample {
    /// Its leases, those that ended included until they are retired.
    pub leases: Vec<LeaseSample>,
    /// Draws that wait for a lease.
    pub waiting: Waiting,
    /// Draws since the last sample that got nothing and did not wait.
    pub missed: Missed,
    /// All that was denied since the last sample.
    pub denied: Amount,
}

/// In: where a lease's amount is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseSample {
    /// The lease.
    pub no: LeaseNo,
    /// Free to draw, or to take out.
    pub free: Amount,
    /// Drawn and not settled.
    pub in_flight: Amount,
    /// Used, as a running total.
    pub used: Amount,
    /// Returned by permits, as a running total.
    pub refunded: Amount,
    /// Used beyond what the lease held, as a running total.
    pub overrun: Amount,
}

/// In: draws that wait for a lease, in the order of their coming.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How many there are, those included that are denied until a retry time.
    pub total: usize,
    /// How many of them are not denied: what follows is about these.
    pub count: usize,
    /// The first of them.
    pub first: Amount,
    /// All of them together.
    pub sum: Amount,
}

/// Out: what to do to a deployment's leases.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Orders {
    /// End these, take out what is free of them, and say how much that was
    /// ([`super::Refill::took`]).
    pub sweep: Vec<LeaseNo>,
    /// Forget these.
    pub retire: Vec<LeaseNo>,
    /// Report when this lease falls below that much; none of the others.
    pub warn: Option<(LeaseNo, Amount)>,
    /// What was drawn since the last look, for statistics.
    pub drawn: Amount,
    /// What was used since the last look beyond what the leases held, for statistics.
    pub overrun: Amount,
}

/// Out: a lease to install.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Whose.
    pub deployment: DeploymentNo,
    /// Its name from now on.
    pub no: LeaseNo,
    /// What it holds.
    pub amount: Amount,
    /// From when on it may be drawn from.
    pub not_before: Moment,
    /// From when on it may not be drawn from any more.
    pub not_after: Moment,
}
