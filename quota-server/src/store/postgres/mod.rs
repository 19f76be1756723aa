//! The journal in PostgreSQL: any number of servers may connect, one of them writes.
//!
//! Who writes is decided by the row of the table `leader` (`leader.rs`), and fenced by it: each
//! transaction of a writer updates this row where it has the writer's epoch. A server that takes
//! over raises the epoch. PostgreSQL lets one of two such updates wait for the other and then looks
//! at the row again, so either the commit was there before the take-over, and the new writer reads
//! it, or it finds another epoch, and nothing of it happens. Whether the old writer is dead, paused
//! or cut off does not matter, nor what it believes.
//!
//! A connection that failed may have left a transaction behind that is still being decided. So a
//! writer that connects again raises the epoch too: what it left behind is decided when it returns.

mod append;
mod aside;
mod database;
mod history;
mod journal;
mod leader;
mod load;
mod migrate;
mod shared;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;

pub(crate) use append::append_after_last;
pub(crate) use database::Database;
pub(crate) use history::PostgresHistory;
pub(crate) use journal::PostgresJournal;
pub(crate) use leader::{Leader, Me, Term};
#[cfg(test)]
pub(crate) use leader::{elect, look};
pub(crate) use load::{News, hold_still, last_seq, read_catalogue, read_entries};
pub(crate) use shared::SharedDatabase;
