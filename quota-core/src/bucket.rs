//! The leases of one window, and their sums.

use rustc_hash::FxHashMap;

use crate::{Amount, HolderId, Imbalance, LeaseId, Limit, RequestKey};

/// A lease, as the book has it. `used + given_back <= granted`, always.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) holder: HolderId,
    pub(crate) granted: Amount,
    pub(crate) given_back: Amount,
    pub(crate) used: Amount,
    pub(crate) overrun: Amount,
    pub(crate) starts_ms: u64,
    pub(crate) ends_ms: u64,
    pub(crate) closed: bool,
}

impl Lease {
    pub(crate) fn kept(&self) -> Amount {
        self.granted.saturating_sub(self.given_back)
    }

    /// Held by its holder: neither given back nor reported as used.
    pub(crate) fn rest(&self) -> Amount {
        self.kept().saturating_sub(self.used)
    }
}

/// Sums over the leases of a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) granted: Amount,
    pub(crate) given_back: Amount,
    pub(crate) used: Amount,
    pub(crate) overrun: Amount,
}

impl Tally {
    pub(crate) fn outstanding(&self) -> Amount {
        self.granted.saturating_sub(self.given_back)
    }
}

/// One window's leases. They are numbered in the order of their grants, so an id is an index.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    pub(crate) window: u64,
    pub(crate) minute: u64,
    pub(crate) limit: Limit,
    pub(crate) tally: Tally,
    pub(crate) denied: Amount,
    pub(crate) largest_min: Amount,
    leases: Vec<Lease>,
    by_request: FxHashMap<(HolderId, RequestKey), u32>,
    /// The rests of the leases that may still be drawn from.
    open: Amount,
    /// Leases before this one have ended.
    first_open: usize,
}

impl Bucket {
    pub(crate) fn new(window: u64, minute: u64, limit: Limit) -> Self {
        Self {
            window,
            minute,
            limit,
            tally: Tally::default(),
            denied: Amount::ZERO,
            largest_min: Amount::ZERO,
            leases: Vec::new(),
            by_request: FxHashMap::default(),
            open: Amount::ZERO,
            first_open: 0,
        }
    }

    pub(crate) fn next_id(&self) -> Option<LeaseId> {
        let number = u32::try_from(self.leases.len()).ok()?;
        Some(LeaseId {
            window: self.window,
            number,
        })
    }

    pub(crate) fn find(&self, id: LeaseId) -> Option<&Lease> {
        self.leases.get(usize::try_from(id.number).ok()?)
    }

    pub(crate) fn by_request(
        &self,
        holder: HolderId,
        request: RequestKey,
    ) -> Option<(LeaseId, &Lease)> {
        let number = *self.by_request.get(&(holder, request))?;
        let id = LeaseId {
            window: self.window,
            number,
        };
        Some((id, self.find(id)?))
    }

    pub(crate) fn leases(&self) -> impl Iterator<Item = (LeaseId, &Lease)> {
        (0..).zip(&self.leases).map(|(number, lease)| {
            (
                LeaseId {
                    window: self.window,
                    number,
                },
                lease,
            )
        })
    }

    /// What leases that may still be drawn from have neither given back nor reported as used, as far
    /// as [`Bucket::end`] has come.
    pub(crate) fn open(&self) -> Amount {
        self.open
    }

    /// What nobody has accounted for yet: open rests, running permits, and what is lost.
    pub(crate) fn unaccounted(&self) -> Amount {
        self.tally.outstanding().saturating_sub(self.tally.used)
    }

    /// Ends the leases whose time is over. They end in the order of their grants, but for a life
    /// that was shortened in between: then the younger ones end here with the older.
    pub(crate) fn end(&mut self, steady_ms: u64) {
        while let Some(lease) = self.leases.get(self.first_open) {
            if lease.ends_ms > steady_ms {
                break;
            }
            if !lease.closed {
                self.open = self.open.saturating_sub(lease.rest());
            }
            self.first_open += 1;
        }
    }

    /// The leases that have not ended.
    pub(crate) fn held(&self, steady_ms: u64) -> impl Iterator<Item = (LeaseId, &Lease)> {
        self.leases()
            .skip(self.first_open)
            .filter(move |(_, lease)| lease.ends_ms > steady_ms && !lease.closed)
    }

    pub(crate) fn grant(
        &mut self,
        id: LeaseId,
        request: RequestKey,
        lease: Lease,
    ) -> Result<(), Imbalance> {
        if self.next_id() != Some(id) {
            return Err(Imbalance::OutOfOrder(id));
        }
        self.tally.granted = self
            .tally
            .granted
            .checked_add(lease.granted)
            .ok_or(Imbalance::OverLimit(id))?;
        self.open = self.open.saturating_add(lease.granted);
        self.by_request.insert((lease.holder, request), id.number);
        self.leases.push(lease);
        Ok(())
    }

    /// Takes a return in and answers with what it adds to the credit.
    pub(crate) fn give_back(
        &mut self,
        id: LeaseId,
        total: Amount,
        closed: bool,
    ) -> Result<Amount, Imbalance> {
        self.change(id, |lease| {
            let added = total.saturating_sub(lease.given_back);
            lease.given_back = lease.given_back.max(total);
            lease.closed |= closed;
            added
        })
    }

    /// Takes a report in and answers with what it adds to the overrun.
    pub(crate) fn record(
        &mut self,
        id: LeaseId,
        used: Amount,
        overrun: Amount,
    ) -> Result<Amount, Imbalance> {
        self.change(id, |lease| {
            let added = overrun.saturating_sub(lease.overrun);
            lease.used = lease.used.max(used);
            lease.overrun = lease.overrun.max(overrun);
            added
        })
    }

    fn change(
        &mut self,
        id: LeaseId,
        change: impl FnOnce(&mut Lease) -> Amount,
    ) -> Result<Amount, Imbalance> {
        let index = usize::try_from(id.number).map_err(|_| Imbalance::UnknownLease(id))?;
        let lease = self
            .leases
            .get_mut(index)
            .ok_or(Imbalance::UnknownLease(id))?;
        let before = lease.clone();
        let added = change(lease);
        let fits = lease
            .given_back
            .checked_add(lease.used)
            .is_some_and(|sum| sum.fits(lease.granted));
        if !fits {
            return Err(Imbalance::LeaseOverdrawn(id));
        }
        let open_rest = |lease: &Lease| {
            if lease.closed {
                Amount::ZERO
            } else {
                lease.rest()
            }
        };
        if index >= self.first_open {
            self.open = self
                .open
                .saturating_sub(open_rest(&before))
                .saturating_add(open_rest(lease));
        }
        let moved = |sum: Amount, before: Amount, after: Amount| {
            sum.saturating_add(after.saturating_sub(before))
        };
        self.tally.given_back = moved(self.tally.given_back, before.given_back, lease.given_back);
        self.tally.used = moved(self.tally.used, before.used, lease.used);
        self.tally.overrun = moved(self.tally.overrun, before.overrun, lease.overrun);
        Ok(added)
    }

    /// The sums are those of the leases.
    pub(crate) fn adds_up(&self) -> bool {
        let mut tally = Tally::default();
        let mut open = Amount::ZERO;
        for (index, lease) in self.leases.iter().enumerate() {
            tally.granted = tally.granted.saturating_add(lease.granted);
            tally.given_back = tally.given_back.saturating_add(lease.given_back);
            tally.used = tally.used.saturating_add(lease.used);
            tally.overrun = tally.overrun.saturating_add(lease.overrun);
            if index >= self.first_open && !lease.closed {
                open = open.saturating_add(lease.rest());
            }
        }
        (tally, open) == (self.tally, self.open)
    }
}
