//! The Redis ledger: the books are in Redis, and any number of servers run their operations there.

#[expect(dead_code, unused_imports, reason = "the ledger on it comes next")]
pub(crate) mod book;
#[expect(dead_code, reason = "the ledger on it comes next")]
mod functions;
