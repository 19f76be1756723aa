//! What is counted: the units of limits, and amounts of them.
//!
//! An [`Amount`] is a vector by [`Unit`] with one algebra, which the book and the client share:
//! whoever adds, compares or caps amounts asks for no unit by name. Names stand where a unit is
//! meant: in documents, whose fields bear them, and where a request is told from its tokens.
//!
//! To add a unit: its row in `unit.rs`. What it is written as is `written.rs`, where old readers
//! and old journals are to be thought of.

#![warn(missing_docs)]

mod amount;
mod limit;
mod period;
mod unit;
mod written;

pub use amount::Amount;
pub use limit::Limit;
pub use period::{CalendarSpan, MAX_PERIODS, Period, PeriodLimit, PeriodLimitError, PeriodLimits};
pub use unit::{Settle, Unit};

/// The most that one lease holds: 40 bits of tokens and 24 of requests, one word in the client.
pub const MAX_LEASE: Amount = Amount::new((1 << 40) - 1, (1 << 24) - 1);

/// The largest limit; an absent limit counts as this, so that no sum overflows.
pub const MAX_LIMIT: u64 = (1 << 53) - 1;
