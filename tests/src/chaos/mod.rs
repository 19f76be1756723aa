//! Repeated, reordered and lost messages, and `kill -9` at random points, must never break the
//! rules R1 to R5.
//!
//! One run: a real quota server, some clients in this process behind a `relay::Relay` that treats
//! their messages badly, and a hand that kills or suspends the server again and again. Some holders
//! leave properly, one vanishes. Then witnesses are heard, none of them the server's own counters:
//! the `journal`, added up step by step, and the `record` of what the holders really drew; and the
//! server's `verify` must find nothing either.
//!
//! An [`outage`] is another kind of run, for the rungs with a store of its own: the store dies, or
//! the active one of several servers.
//!
//! [`changes`] are a third kind: what an admin does, on every rung, among askers and kills.
//!
//! Time is real, so a seed repeats a run's choices but not its timing.

mod changes;
mod entry;
mod fault;
mod holder;
mod journal;
mod ledger;
mod outage;
mod provider;
mod record;
mod relay;
mod rolling;
mod run;
mod verdict;

pub use changes::{ChangesVerdict, run as changes};
pub use outage::{Blow, Fate, OutageVerdict, run as outage};
pub use relay::Relay;
pub use rolling::{Rolled, roll};
pub use run::{RunError, run};
pub use verdict::Verdict;
