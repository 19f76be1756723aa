//! What a ledger tells of itself.

use std::time::Duration;

use metrics::{Counter, counter, gauge};

use super::{
    BOOKS_ACTIVE, CATALOGUE_AWAY, COMMIT_FAILURES, COMMIT_GRANTS, COMMIT_SECONDS, COMMITS, EPOCH,
    HTTP_MOST, HTTP_RUNNING, INVARIANT_VIOLATIONS, JOURNAL_BYTES, JOURNAL_FAULTS, LEASE_BYTES,
    LEDGER_ACTIVE, LEDGER_INFO, LIBRARY_MISSING, MEMORY_REFUSALS, QUARANTINED, QUARANTINES, QUEUED,
    RECOVERY, SHARDS, SHARDS_WRITABLE, STORE_WARNINGS, TAKEOVERS, WRITABLE, counter_of, gauge_of,
    gauged, histogram_of,
};

/// A commit was made.
pub fn committed(took: Duration, grants: usize, bytes: usize) {
    counter_of(COMMITS).increment(1);
    counter_of(JOURNAL_BYTES).increment(bytes as u64);
    histogram_of(COMMIT_SECONDS).record(took);
    histogram_of(COMMIT_GRANTS).record(gauged(grants as u64));
}

/// A commit failed.
pub fn commit_failed() {
    counter_of(COMMIT_FAILURES).increment(1);
}

/// The books were recovered from the journal.
pub fn recovered(took: Duration) {
    gauge_of(RECOVERY).set(took.as_secs_f64());
}

/// Whether this server is the one that writes; `epoch` counts the terms of all servers.
pub fn active(active: bool) {
    gauge_of(LEDGER_ACTIVE).set(if active { 1.0 } else { 0.0 });
}

/// This server took over, with this epoch.
pub fn took_over(epoch: i64) {
    counter_of(TAKEOVERS).increment(1);
    gauge_of(EPOCH).set(gauged(epoch.unsigned_abs()));
}

/// Whether the ledger can write.
pub fn writable(writable: bool) {
    gauge_of(WRITABLE).set(if writable { 1.0 } else { 0.0 });
}

/// Over how many parts of the store the books are spread, and how many of them take writes.
pub fn shards(all: usize, writable: usize) {
    gauge_of(SHARDS).set(gauged(all as u64));
    gauge_of(SHARDS_WRITABLE).set(gauged(writable as u64));
}

/// Whether the catalogue beside Redis cannot be read.
pub fn catalogue_away(away: bool) {
    gauge_of(CATALOGUE_AWAY).set(if away { 1.0 } else { 0.0 });
}

/// Whether the function library is missing in Redis, where this server may not load it.
pub fn library_missing(missing: bool) {
    gauge_of(LIBRARY_MISSING).set(if missing { 1.0 } else { 0.0 });
}

/// A book did not add up.
pub fn invariant_violated() {
    counter_of(INVARIANT_VIOLATIONS).increment(1);
}

/// So many more books (or, below 0, fewer) are not at rest.
pub fn books_active_changed(by: i32) {
    gauge_of(BOOKS_ACTIVE).increment(f64::from(by));
}

/// Leases that are kept take so many bytes now, where the metric says so many.
pub fn lease_bytes_changed(shown: u64, now: u64) {
    if now >= shown {
        gauge_of(LEASE_BYTES).increment(gauged(now - shown));
    } else {
        gauge_of(LEASE_BYTES).decrement(gauged(shown - now));
    }
}

/// What can fill the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryOf {
    /// Leases that the books keep.
    Leases,
    /// Operations that wait for the ledger.
    Operations,
    /// Bodies of requests.
    Bodies,
}

impl MemoryOf {
    pub(super) const ALL: [Self; 3] = [Self::Leases, Self::Operations, Self::Bodies];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Leases => "leases",
            Self::Operations => "operations",
            Self::Bodies => "bodies",
        }
    }
}

/// Something was refused for want of memory.
pub fn refused_for_memory(of: MemoryOf) {
    memory_refusals(of).increment(1);
}

pub(super) fn memory_refusals(of: MemoryOf) -> Counter {
    counter!(MEMORY_REFUSALS, "of" => of.as_str())
}

/// A book was found to have lost writes.
pub fn quarantined() {
    counter_of(QUARANTINES).increment(1);
}

/// A recovery came upon so many entries that could not be followed.
pub fn journal_faults(entries: usize) {
    counter_of(JOURNAL_FAULTS).increment(entries as u64);
}

/// How many books are quarantined.
pub fn quarantined_now(books: usize) {
    gauge_of(QUARANTINED).set(gauged(books as u64));
}

/// How many settings of the store are to be warned of.
pub fn store_warnings(warnings: usize) {
    gauge_of(STORE_WARNINGS).set(gauged(warnings as u64));
}

/// Which ledger this server has.
pub fn ledger(kind: &'static str) {
    gauge!(LEDGER_INFO, "ledger" => kind).set(1);
}

/// How much there is to do just now: calls of the API, of how many at most, and calls in the
/// ledger.
pub fn busy(running: usize, most: usize, queued: usize) {
    gauge_of(HTTP_MOST).set(gauged(most as u64));
    gauge_of(HTTP_RUNNING).set(gauged(running as u64));
    gauge_of(QUEUED).set(gauged(queued as u64));
}
