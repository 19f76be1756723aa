//! Who keeps the book: the quota server.

pub mod ledger;
pub mod metrics;
