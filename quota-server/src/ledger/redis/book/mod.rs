//! Calls of the book in Redis, and what it answers. The book itself is the function library in
//! `functions/`; `quota_core::Book` is the oracle of both.
//!
//! ```text
//! let call = Call { book: 7, version, instance, hints: seen.hints(steady_ms), trust };
//! let command = call.run(&library, operations);              // redis::Cmd: one FCALL
//! match Reply::read(&value)? {
//!     Reply::Missing => ..                           // `open` it, quarantined, and call again
//!     Reply::Outdated(mark) => ..                            // `configure` it, and call again
//!     Reply::Here(mark, answer) => seen.learn(sent_ms, came_ms, &mark),
//! }
//! ```
//!
//! Every reply has a [`Mark`]: which change of the book it saw, and the ledger's time then. A
//! server keeps the newest in a [`Seen`] for each deployment, whose [`Hints`] go with each call: a
//! book that is behind what a server saw has lost writes, and is quarantined; a Redis clock that
//! steps is held to what the server's steady clock allows.
//!
//! Everything may be sent again (R5): leases by their request, returns and reports by their totals,
//! policies by their version, acknowledgements by their stamp. Only `denied` counts twice.

mod call;
mod period;
mod reply;
mod run;
mod seen;
mod wire;

pub(crate) use call::{Call, Cursor, MOST_OPERATIONS, Operation};
pub(crate) use reply::{Answer, Due, HeldPage, Mark, Reply};
pub(crate) use seen::{Hints, Seen};

#[cfg(test)]
mod tests;
