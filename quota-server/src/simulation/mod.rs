//! The real ledger on a store that is only played: what the simulation in `tests` stands on.
//! Nothing of it is in a server's binary; the feature `simulation` brings it.
//!
//! A [`Store`] is a database in memory that fails as it is told to, with all of its waiting in
//! tokio's time, which a test can hold still. A [`Server`] is the journaled ledger as it is: its
//! writer, recovery, follower and candidate do not know that the store is played.

mod data;
mod journal;
mod link;
mod process;
mod server;
mod shared;
mod store;

pub use process::Process;
pub use server::Server;
pub use store::{Fault, Store};
