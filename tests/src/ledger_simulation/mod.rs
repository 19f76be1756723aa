//! The real journaled ledger in virtual time: its writers, books, recovery and followers, on a
//! store, a network and clocks that are played. One plan, one run, byte for byte the same.
//!
//! [`Plan::random`] makes a plan from a seed: operations of all kinds at random, and episodes aimed
//! at boundaries. [`play`] plays it, with a [`checker`](self) that knows what was said and nothing
//! of the code. In a share of the runs requests go through gateways that have the client's own
//! machine (`gateways`); [`shrink`] takes from a plan that breaks a rule what it does not need.

mod checker;
mod clock;
mod coverage;
mod episodes;
mod gateways;
mod holders;
mod network;
mod people;
mod plan;
mod play;
mod requests;
mod shrink;
mod site;
mod steps;
mod talk;

pub use checker::{Rule, Violation};
pub use coverage::Coverage;
pub use plan::{Plan, Step, What};
pub use play::{Played, play};
pub use shrink::shrink;
