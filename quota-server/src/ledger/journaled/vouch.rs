//! A journal whose store may have lost what was answered (R7): one that was promoted from a replica, or
//! restored. The lost grants are of windows that were open or about to open, so nothing is granted until
//! the window after the next one, which no lost grant can be of. Meanwhile leases in hand stay good.

use tracing::{info, warn};

use super::journal::Journal;
use super::time::Stamp;
use super::writer::Writer;
use crate::metrics;

/// The open window, and the one that can be granted from ahead.
const DOUBTFUL_WINDOWS: u64 = 2;

impl<J: Journal> Writer<J> {
    /// Whether the books can be granted from.
    pub(super) async fn is_vouched_for(&mut self, stamp: &Stamp) -> bool {
        let is_vouched_for = self.vouch(stamp).await;
        self.state.books.doubtful = self.clean_from.is_some();
        is_vouched_for
    }

    async fn vouch(&mut self, stamp: &Stamp) -> bool {
        if self.journal.is_vouched_for() {
            self.end_quarantine();
            return true;
        }
        let now = stamp.now.window.number;
        if now < self.clean_from(now) {
            return false;
        }
        match self.journal.vouch().await {
            Ok(()) => self.end_quarantine(),
            Err(error) => self.fail(&error),
        }
        self.outage.is_none()
    }

    /// The first window without doubt.
    fn clean_from(&mut self, now: u64) -> u64 {
        if let Some(clean_from) = self.clean_from {
            return clean_from;
        }
        let clean_from = now + DOUBTFUL_WINDOWS;
        warn!(
            journal = self.journal.name(),
            now, clean_from, "the store may have lost grants: windows are quarantined"
        );
        metrics::quarantined();
        self.health.failed();
        self.clean_from = Some(clean_from);
        clean_from
    }

    fn end_quarantine(&mut self) {
        if self.clean_from.take().is_some() {
            self.health.mended();
            info!(journal = self.journal.name(), "the quarantine is over");
        }
    }
}
