//! What is true: the accounting of token leases.
//!
//! A [`Book`] keeps one deployment. It is a deterministic machine: [`Book::apply`] takes a
//! [`Command`] and the [`Now`] that the ledger's clock gives, and answers with an [`Outcome`] and,
//! if anything changed, the [`Event`] that a journal must hold before the answer may leave.
//! [`Book::replay`] takes events back in. Both go through the same code, so a book after a crash
//! is the book before it.
//!
//! There is no IO, clock, randomness, identity or async in here: all of it comes in as parameters.
//! The embedded ledger runs this crate; every other ledger must answer as it does.
//!
//! To add a command: its type in `command.rs`, what it says in `wish.rs`, its event in `event.rs`,
//! its rule in `book/`.

#![warn(missing_docs)]

mod account;
mod audit;
mod book;
mod bucket;
mod command;
mod event;
mod ids;
mod late;
mod lease;
mod leases;
mod policy;
mod sizing;
mod time;
mod wish;

pub use account::{CountedLimit, PERIOD_SLICES, PeriodStanding};
pub use book::{
    ACTIVE_MS, AHEAD_MS, BEAT_MS, Book, BookPage, HeldLease, Overview, REFUND_MS, SHORTEST_LIFE_MS,
    Standing,
};
pub use command::{Command, Denial, Granted, LateUse, Outcome, Refusal, Returned, State, Used};
pub use event::{Event, Imbalance};
pub use ids::{HolderId, LeaseId, RequestKey, WishPrint};
pub use policy::{Policy, Settlement, WindowKind};
pub use quota_units::{
    Amount, CalendarSpan, Limit, MAX_LEASE, MAX_LIMIT, MAX_PERIODS, Period, PeriodLimit,
    PeriodLimitError, PeriodLimits, Settle, Unit,
};
pub use sizing::{ENDGAME_PERCENT, SHORTAGE_PERCENT};
pub use time::{MINUTE_MS, Now, Reading, SHORTEST_WINDOW_MS, SLEWED_MS, Timekeeper, WindowSpan};
pub use wish::{Report, Return, Wish};
