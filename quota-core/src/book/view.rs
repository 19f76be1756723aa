//! What a book shows of itself.

use serde::{Deserialize, Serialize};

use super::Book;
use crate::account::Charged;
use crate::bucket::Bucket;
use crate::lease::Lease;
use crate::{Amount, HolderId, LeaseId, Limit, Now, PeriodStanding, RequestKey, State, WindowKind};

/// Where a listing of leases begins.
const FIRST: LeaseId = LeaseId { window: 0, number: 0 };

/// How a deployment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What the limit counts over.
    pub kind: WindowKind,
    /// The limit.
    pub limit: Limit,
    /// Granted minus given back, in the open window or the last 60 s.
    pub outstanding: Amount,
    /// Used above what was reserved.
    pub overrun: Amount,
    /// What it is like.
    pub state: State,
}

/// The book of one window: `granted = given_back + used + held + burnt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookPage {
    /// The window's number.
    pub window: u64,
    /// The minute that it stands for, minutes since the Unix epoch.
    pub minute: u64,
    /// Its kind.
    pub kind: WindowKind,
    /// The limit at its end.
    pub limit: Limit,
    /// All granted.
    pub granted: Amount,
    /// All given back in time.
    pub given_back: Amount,
    /// All reported as used.
    pub used: Amount,
    /// In the hands of holders: leases that have not ended.
    pub held: Amount,
    /// Ended without word.
    pub burnt: Amount,
    /// Used above the grants.
    pub overrun: Amount,
    /// Denied, as far as known: a statistic, which a crash may lose.
    pub denied: Amount,
    /// The window is over.
    pub over: bool,
}

/// A lease that may still be drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldLease {
    /// Its id.
    pub lease: LeaseId,
    /// Whose it is.
    pub holder: HolderId,
    /// What was granted.
    pub granted: Amount,
    /// What of it was given back.
    pub given_back: Amount,
    /// What of it is reported as used.
    pub used: Amount,
    /// When it starts, ms from now.
    pub starts_in_ms: u64,
    /// When it ends, ms from now.
    pub expires_in_ms: u64,
}

impl HeldLease {
    fn of(id: LeaseId, lease: &Lease, now: &Now) -> Self {
        let until = |ms: u64| ms.saturating_sub(now.steady_ms);
        Self {
            lease: id,
            holder: lease.holder,
            granted: lease.granted(),
            given_back: lease.given_back(),
            used: lease.used(),
            starts_in_ms: until(lease.starts_ms),
            expires_in_ms: until(lease.ends_ms),
        }
    }
}

impl Book {
    /// How the deployment stands.
    pub fn standing(&mut self, now: &Now) -> Standing {
        self.advance(now);
        self.standing_of(now.window.number, now)
    }

    /// How the deployment stands in the window of `lease`, which may be the next one.
    pub fn standing_with(&mut self, lease: LeaseId, now: &Now) -> Standing {
        self.advance(now);
        self.standing_of(lease.window, now)
    }

    pub(super) fn standing_of(&self, window: u64, now: &Now) -> Standing {
        let Charged { outstanding, overrun } = self.account.charged(window);
        Standing {
            kind: self.policy.kind,
            limit: self.policy.limit,
            outstanding,
            overrun,
            state: self.state_of(window, now),
        }
    }

    /// How the limits over further periods stand, in the order in which they were put.
    #[must_use]
    pub fn period_standings(&self, now: &Now) -> Vec<PeriodStanding> {
        self.periods.standings(now)
    }

    /// The books of the windows that are kept, oldest first.
    pub fn pages(&mut self, now: &Now) -> Vec<BookPage> {
        self.advance(now);
        let kind = self.policy.kind;
        self.buckets.iter().map(|bucket| BookPage::of(bucket, kind, now)).collect()
    }

    /// The leases that may still be drawn from, oldest first.
    pub fn held(&mut self, now: &Now) -> Vec<HeldLease> {
        self.advance(now);
        self.held_from(FIRST, usize::MAX, now).0
    }

    /// Of the next `most` leases from `first` on those that may still be drawn from, oldest first,
    /// and the lease to go on from; `None` after the last. However many leases there are, it costs
    /// no more than `most` of them.
    #[must_use]
    pub fn held_from(
        &self,
        first: LeaseId,
        most: usize,
        now: &Now,
    ) -> (Vec<HeldLease>, Option<LeaseId>) {
        let buckets = self.buckets.iter().filter(|bucket| bucket.window >= first.window);
        let leases = buckets.flat_map(|bucket| {
            bucket.unended(if bucket.window == first.window { first.number } else { 0 })
        });
        let mut leases = leases.peekable();
        let looked_at = leases.by_ref().take(most);
        let held = looked_at.filter(|(_, lease)| lease.ends_ms > now.steady_ms && !lease.closed);
        let held = held.map(|(id, lease)| HeldLease::of(id, lease, now)).collect();
        (held, leases.peek().map(|(id, _)| *id))
    }
}

/// What a book keeps: this is what it takes of the memory.
impl Book {
    /// All leases that it keeps, ended ones too: the window and the holder of each.
    pub fn kept(&self) -> impl Iterator<Item = (u64, HolderId)> + use<'_> {
        let leases = self.buckets.iter().flat_map(Bucket::leases);
        leases.map(|(id, lease)| (id.window, lease.holder))
    }

    /// How many leases of closed windows it waits for.
    #[must_use]
    pub fn late_count(&self) -> usize {
        self.late.len()
    }

    /// Whether a lease that it keeps answers this request already.
    pub fn knows(&mut self, holder: HolderId, request: RequestKey) -> bool {
        let mut buckets = self.buckets.iter_mut().rev();
        buckets.any(|bucket| bucket.by_request(holder, request).is_some())
    }
}

impl BookPage {
    /// What was granted is all of it given back, used, held or burnt.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        let parts = [self.given_back, self.used, self.held, self.burnt];
        parts.into_iter().try_fold(Amount::ZERO, Amount::checked_add) == Some(self.granted)
    }

    fn of(bucket: &Bucket, kind: WindowKind, now: &Now) -> Self {
        let held = bucket.open();
        let over = bucket.window < now.window.number;
        Self {
            over,
            held,
            burnt: bucket.unaccounted().saturating_sub(held),
            ..Self::closed(bucket, kind)
        }
    }

    pub(super) fn closed(bucket: &Bucket, kind: WindowKind) -> Self {
        Self {
            window: bucket.window,
            minute: bucket.minute,
            kind,
            limit: bucket.limit,
            granted: bucket.tally.granted,
            given_back: bucket.tally.given_back,
            used: bucket.tally.used,
            held: Amount::ZERO,
            burnt: bucket.unaccounted(),
            overrun: bucket.tally.overrun,
            denied: bucket.denied,
            over: true,
        }
    }
}
