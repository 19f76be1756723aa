//! What a holder says: the one form of it that the API, the ledgers and the book pass on.
//!
//! To add a field to a wish: here, in [`WishPrint`], which tells another wish by it, and where it
//! comes in (`quota-server/src/http/wire/`). Whom it is of, and of which deployment, stands beside
//! it.

use crate::{Amount, LeaseId, RequestKey};

/// A wish for a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// Which of its holder's wishes this is: the same again gets the same lease. See [`RequestKey`]
    /// for what tells another wish.
    pub request: RequestKey,
    /// What is needed now, this or nothing.
    pub min: Amount,
    /// What is of use at most; at least `min`.
    pub want: Amount,
    /// Of the window after the open one.
    pub ahead: bool,
}

/// A return: running totals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Return {
    /// Of which lease.
    pub lease: LeaseId,
    /// All given back of it so far.
    pub total: Amount,
    /// No more draws from it.
    pub closed: bool,
}

/// A usage report: running totals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Of which lease.
    pub lease: LeaseId,
    /// All used out of it so far.
    pub used: Amount,
    /// All used above it so far.
    pub overrun: Amount,
}
