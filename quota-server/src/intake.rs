//! The readers of bytes that somebody else wrote, one function each, for fuzzers: `fuzz/`, and
//! `tests/src/intake.rs`, which plays the same with the compiler that everybody has.
//!
//! Each only reads, and says what it read: nothing is kept, nothing is done. Whatever the bytes
//! are, the answer is a value or an error; a panic is a fault. To add a reader: a function here, a
//! target in `fuzz/`, a folder with samples in its corpus.

use redis::parse_redis_value;
use xxhash_rust::xxh3::xxh3_64;

use crate::config;
use crate::declared;
use crate::http;
use crate::ledger::journaled::EntryReader;
use crate::ledger::redis::is_reply;

/// An entry of the journal, as it stands in the database. How many records it has, if it is one.
#[must_use]
pub fn journal_entry(bytes: &[u8]) -> Option<usize> {
    let records: Result<Vec<_>, _> = EntryReader::new(bytes).ok()?.collect();
    records.ok().map(|records| records.len())
}

/// The same of an entry without its checksum, which no fuzzer guesses.
#[must_use]
pub fn unsealed_journal_entry(bytes: &[u8]) -> Option<usize> {
    let checksum = xxh3_64(bytes).to_le_bytes();
    journal_entry(&[bytes, &checksum].concat())
}

/// An answer of the library in Redis, as it comes over the wire. Whether it can be read.
#[must_use]
pub fn redis_reply(bytes: &[u8]) -> bool {
    parse_redis_value(bytes).is_ok_and(|value| is_reply(&value))
}

/// The body of `POST /v1/leases/batch`. How many operations it comes to, if it is one.
#[must_use]
pub fn batch(bytes: &[u8]) -> Option<usize> {
    http::batch_operations(bytes).ok()
}

/// The server's settings, a TOML file. What is wrong with them, if anything is.
///
/// # Errors
/// What an operator is told.
pub fn settings(text: &str) -> Result<(), String> {
    config::check(text).map_err(|answer| format!("{answer:?}"))
}

/// The declarative file. How many deployments it has.
///
/// # Errors
/// What an operator is told.
pub fn deployments(text: &str) -> Result<usize, String> {
    let puts = declared::parse("deployments.yaml".as_ref(), text);
    puts.map(|puts| puts.len()).map_err(|mistake| mistake.to_string())
}
