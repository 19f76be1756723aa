//! How many leases the books of one shard keep, by the memory that they take: a lease is kept until
//! its window is dropped, also if all of it was given back at once.
//!
//! What is counted is what the books themselves keep, so a recovery, which reads the same books,
//! needs no more. One credential keeps at most [`SHARE`] times what is free: alone it has four
//! fifths of the room, and whoever comes then still finds some.

use std::sync::Arc;

use quota_core::{Book, HolderId, MINUTE_MS, Now, WindowKind};
use rustc_hash::FxHashMap;

use super::books::Books;
use crate::ledger::OpError;
use crate::metrics;

/// What a lease takes in a minute's book, bytes: itself (64), its entry among the requests (at most
/// 31 while that table grows, and 21 in the next window's, made as large at once), and half of it
/// once more while the first block of a small book grows.
const MINUTE_BYTES: u64 = 160;

/// In a rolling one its charge comes to it, an entry of a tree.
const ROLLING_BYTES: u64 = 240;

/// What a lease of a closed window takes that is waited for, an entry of a tree, bytes.
const LATE_BYTES: u64 = 128;

/// How many times what is free one credential may keep.
const SHARE: u64 = 4;

/// The room for the leases of one shard.
#[derive(Debug)]
pub(crate) struct Room {
    /// Bytes.
    most: u64,
    /// What leases of windows that are kept take, bytes.
    kept: u64,
    /// What those of closed ones take that are waited for, bytes.
    late: u64,
    by_credential: FxHashMap<Arc<str>, CredentialLeases>,
    /// The window that it was turned to.
    window: u64,
    /// What the metric says of it, bytes.
    shown: u64,
}

/// What leases of one credential take.
#[derive(Debug, Default)]
struct CredentialLeases {
    bytes: u64,
    /// By the window at whose opening they are dropped; there are four at most.
    by_end: Vec<(u64, u64)>,
}

impl Default for Room {
    fn default() -> Self {
        Self::new(u64::MAX)
    }
}

impl Room {
    /// So many bytes.
    pub(super) fn new(most: u64) -> Self {
        Self { most, kept: 0, late: 0, by_credential: FxHashMap::default(), window: 0, shown: 0 }
    }

    /// Whether there is room for one more lease of this credential.
    ///
    /// # Errors
    /// There is none: when there will be more, ms from now.
    pub(super) fn admits(&self, credential: &Arc<str>, now: &Now) -> Result<(), u64> {
        let free = self.most.saturating_sub(self.kept).saturating_sub(self.late);
        let own = self.by_credential.get(credential);
        let bytes = own.map_or(0, |own| own.bytes);
        if free >= ROLLING_BYTES && bytes <= free.saturating_mul(SHARE) {
            return Ok(());
        }
        let first = own.and_then(CredentialLeases::first_end);
        let first = first
            .or_else(|| self.by_credential.values().filter_map(CredentialLeases::first_end).min());
        let windows = first.unwrap_or(0).saturating_sub(now.window.number + 1);
        Err(now.window_ends_in_ms().saturating_add(windows.saturating_mul(MINUTE_MS)).max(1))
    }

    /// Takes the room of a lease that was granted.
    pub(super) fn take(&mut self, credential: &Arc<str>, window: u64, book: &Book, leases: u64) {
        let bytes = leases.saturating_mul(lease_bytes(book.policy().kind));
        self.kept += bytes;
        let end = window + book.kept_windows();
        let Some(own) = self.by_credential.get_mut(credential) else {
            let own = CredentialLeases { bytes, by_end: vec![(end, bytes)] };
            self.by_credential.insert(Arc::clone(credential), own);
            return;
        };
        own.bytes += bytes;
        match own.by_end.iter_mut().find(|(there, _)| *there == end) {
            Some((_, sum)) => *sum += bytes,
            None => own.by_end.push((end, bytes)),
        }
    }

    /// Gives back what the windows took that are dropped by now.
    fn forget(&mut self, window: u64) {
        self.by_credential.retain(|_, own| {
            own.by_end.retain(|(end, _)| *end > window);
            own.bytes = own.by_end.iter().map(|(_, bytes)| bytes).sum();
            own.bytes > 0
        });
        self.kept = self.by_credential.values().map(|own| own.bytes).sum();
        self.window = window;
    }

    /// Shows it in the metric, when it has moved by a hundredth.
    fn show(&mut self) {
        let taken = self.kept.saturating_add(self.late);
        if taken.abs_diff(self.shown) >= self.most / 100 {
            metrics::lease_bytes_changed(self.shown, taken);
            self.shown = taken;
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        metrics::lease_bytes_changed(self.shown, 0);
    }
}

impl CredentialLeases {
    fn first_end(&self) -> Option<u64> {
        self.by_end.iter().map(|(end, _)| *end).min()
    }
}

impl Books {
    /// From now on leases take so many bytes at most; those that are there count.
    pub(crate) fn bound(&mut self, most: u64) {
        self.room = Room::new(most);
        self.closed.late = 0;
        for no in &self.active {
            let Some(book) = self.slots.get(no).and_then(|slot| slot.book()) else {
                continue;
            };
            self.closed.late += book.late_count();
            let mut kept: FxHashMap<(u64, HolderId), u64> = FxHashMap::default();
            book.kept().for_each(|lease| *kept.entry(lease).or_default() += 1);
            for ((window, holder), leases) in kept {
                let Some(caller) = self.holders.find(holder) else { continue };
                self.room.take(&caller.credential, window, book, leases);
            }
        }
    }

    /// Brings the room to this window, once in it, and to the leases that are waited for by now.
    pub(super) fn turn_room(&mut self, now: &Now) {
        if self.room.window != now.window.number {
            self.room.forget(now.window.number);
        }
        self.room.late = self.closed.late as u64 * LATE_BYTES;
        self.room.show();
    }
}

/// The answer to an acquire that there is no room for.
pub(super) fn refused(retry_after_ms: u64) -> OpError {
    metrics::refused_for_memory(metrics::MemoryOf::Leases);
    OpError::NoRoom { retry_after_ms }
}

const fn lease_bytes(kind: WindowKind) -> u64 {
    match kind {
        WindowKind::Minute => MINUTE_BYTES,
        WindowKind::Rolling => ROLLING_BYTES,
    }
}
