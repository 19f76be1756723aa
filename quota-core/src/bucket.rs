//! The leases of one window, and their sums.

use std::collections::BTreeMap;

use hashbrown::HashTable;

use crate::account::Charged;
use crate::audit::Audit;
use crate::lease::Lease;
use crate::leases::Leases;
use crate::{Amount, HolderId, Imbalance, LeaseId, Limit, RequestKey};

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

    /// What counts against a limit.
    pub(crate) fn charged(&self) -> Charged {
        Charged { outstanding: self.outstanding(), overrun: self.overrun }
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
    /// The largest that somebody was denied.
    pub(crate) short: Amount,
    leases: Leases,
    /// Overrun by lease number: few leases have any.
    overruns: BTreeMap<u32, Amount>,
    by_request: ByRequest,
    /// The rests of the leases that may still be drawn from.
    open: Amount,
    /// Leases before this one have ended.
    first_open: usize,
    /// Its first leases start before the open window ends: see [`Bucket::look_ahead`].
    pub(crate) is_early: bool,
    audit: Audit,
}

impl Bucket {
    /// An empty one, with room for about so many leases.
    pub(crate) fn new(window: u64, minute: u64, limit: Limit, leases: usize) -> Self {
        Self {
            window,
            minute,
            limit,
            tally: Tally::default(),
            denied: Amount::ZERO,
            short: Amount::ZERO,
            leases: Leases::with_room(leases),
            overruns: BTreeMap::new(),
            by_request: ByRequest::with_room(leases),
            open: Amount::ZERO,
            first_open: 0,
            is_early: false,
            audit: Audit::default(),
        }
    }

    pub(crate) fn next_id(&self) -> Option<LeaseId> {
        let number = u32::try_from(self.leases.len()).ok()?;
        Some(LeaseId { window: self.window, number })
    }

    pub(crate) fn find(&self, id: LeaseId) -> Option<&Lease> {
        self.leases.get(usize::try_from(id.number).ok()?)
    }

    pub(crate) fn overrun_of(&self, id: LeaseId) -> Amount {
        self.overruns.get(&id.number).copied().unwrap_or_default()
    }

    pub(crate) fn by_request(
        &mut self,
        holder: HolderId,
        request: RequestKey,
    ) -> Option<(LeaseId, &Lease)> {
        let number = self.by_request.find(holder, request, &self.leases)?;
        let id = LeaseId { window: self.window, number };
        Some((id, self.find(id)?))
    }

    /// How many leases were granted.
    pub(crate) fn count(&self) -> usize {
        self.leases.len()
    }

    /// The leases, oldest first.
    pub(crate) fn leases(&self) -> impl DoubleEndedIterator<Item = (LeaseId, &Lease)> {
        self.leases_from(0)
    }

    fn leases_from(&self, first: usize) -> impl DoubleEndedIterator<Item = (LeaseId, &Lease)> {
        self.leases.from(first).map(|(index, lease)| {
            let number = u32::try_from(index).expect("a lease's number is 32 bits");
            (LeaseId { window: self.window, number }, lease)
        })
    }

    /// What leases that may still be drawn from have neither given back nor reported as used, as
    /// far as [`Bucket::end`] has come.
    pub(crate) fn open(&self) -> Amount {
        self.open
    }

    /// What nobody has accounted for yet: open rests, running permits, and what is lost.
    pub(crate) fn unaccounted(&self) -> Amount {
        self.tally.outstanding().saturating_sub(self.tally.used)
    }

    /// Ends the leases whose time is over, in the order of their grants. One with a longer life
    /// than those after it (the life was shortened in between) keeps them open with it, until it
    /// ends.
    pub(crate) fn end(&mut self, steady_ms: u64) {
        while let Some(lease) = self.leases.get(self.first_open) {
            if lease.ends_ms > steady_ms {
                break;
            }
            debug_assert!(lease.open_rest().fits(self.open), "{:?} of {:?}", lease, self.open);
            self.open = self.open.saturating_sub(lease.open_rest());
            self.audit.ends(self.first_open, lease);
            self.first_open += 1;
        }
    }

    /// This is the window after one that ends at `ends_ms`. Leases granted ahead start where it was
    /// to end. Where it goes on for longer since then (a start on another run of the machine), both
    /// are drawn from at one time.
    pub(crate) fn look_ahead(&mut self, ends_ms: u64) {
        self.is_early = self.leases.get(0).is_some_and(|first| first.starts_ms < ends_ms);
    }

    /// How many leases may still be drawn from, and their rests. The latest are looked at, back to
    /// a chunk that has ended; where there are very many, what [`Bucket::end`] has left open is the
    /// answer.
    pub(crate) fn in_hands(&self, steady_ms: u64) -> (u64, Amount) {
        const CHUNK: usize = 64;
        const CHUNKS: usize = 16;
        let (mut leases, mut rests) = (0, Amount::ZERO);
        let mut end = self.count();
        for _ in 0..CHUNKS {
            let first = end.saturating_sub(CHUNK).max(self.first_open);
            let chunk = self.leases.from(first).take(end.saturating_sub(first));
            let mut going = chunk.filter(|(_, lease)| lease.ends_ms > steady_ms).peekable();
            if going.peek().is_none() {
                return (leases, rests);
            }
            for (_, lease) in going.filter(|(_, lease)| !lease.closed) {
                leases += 1;
                rests = rests.saturating_add(lease.open_rest());
            }
            end = first;
        }
        let left_open = self.count() - self.first_open;
        (u64::try_from(left_open).unwrap_or(u64::MAX), self.open)
    }

    /// The leases from this number on that have not ended, as far as [`Bucket::end`] has come.
    pub(crate) fn unended(&self, first: u32) -> impl Iterator<Item = (LeaseId, &Lease)> {
        self.leases_from(self.first_open.max(first as usize))
    }

    pub(crate) fn grant(&mut self, id: LeaseId, lease: Lease) -> Result<(), Imbalance> {
        if self.next_id() != Some(id) {
            return Err(Imbalance::OutOfOrder(id));
        }
        let granted = self.tally.granted.checked_add(lease.granted());
        self.tally.granted = granted.ok_or(Imbalance::OverLimit(id))?;
        self.open = self.open.saturating_add(lease.granted());
        self.leases.push(lease);
        self.check();
        Ok(())
    }

    /// Takes a return in and answers with what it adds to the credit.
    pub(crate) fn give_back(
        &mut self,
        id: LeaseId,
        total: Amount,
        closed: bool,
    ) -> Result<Amount, Imbalance> {
        let before = *self.find(id).ok_or(Imbalance::UnknownLease(id))?;
        let total = total.max(before.given_back());
        let after = before.with(total, before.used(), before.closed || closed);
        self.change(id, before, after.ok_or(Imbalance::LeaseOverdrawn(id))?);
        Ok(total.saturating_sub(before.given_back()))
    }

    /// Takes a report in and answers with what it adds to the overrun.
    pub(crate) fn record(
        &mut self,
        id: LeaseId,
        used: Amount,
        overrun: Amount,
    ) -> Result<Amount, Imbalance> {
        let before = *self.find(id).ok_or(Imbalance::UnknownLease(id))?;
        let after = before.with(before.given_back(), used.max(before.used()), before.closed);
        self.change(id, before, after.ok_or(Imbalance::LeaseOverdrawn(id))?);
        let added = overrun.saturating_sub(self.overrun_of(id));
        if !added.is_zero() {
            let sum = self.overruns.entry(id.number).or_default();
            *sum = sum.saturating_add(added);
            self.tally.overrun = self.tally.overrun.saturating_add(added);
            self.audit.overruns(id.number as usize, added);
        }
        Ok(added)
    }

    fn change(&mut self, id: LeaseId, before: Lease, after: Lease) {
        let index = id.number as usize;
        let is_open = index >= self.first_open;
        if is_open {
            self.open = moved(self.open, before.open_rest(), after.open_rest());
        }
        self.audit.changes(index, &before, &after, is_open);
        self.tally.given_back =
            moved(self.tally.given_back, before.given_back(), after.given_back());
        self.tally.used = moved(self.tally.used, before.used(), after.used());
        if let Some(lease) = self.leases.get_mut(index) {
            *lease = after;
        }
        self.check();
    }

    /// What must hold of the sums whatever the leases are; [`Bucket::adds_up`] looks at each of
    /// them.
    fn check(&self) {
        let Tally { granted, given_back, used, .. } = self.tally;
        let parts = given_back.checked_add(used);
        debug_assert!(parts.is_some_and(|parts| parts.fits(granted)), "{:?}", self.tally);
        debug_assert!(self.open.fits(self.unaccounted()), "{:?} of {:?}", self.open, self.tally);
    }

    /// The sums are those of the leases.
    pub(crate) fn adds_up(&self) -> bool {
        let mut audit = Audit::default();
        audit.look(&self.leases, &self.overruns, self.first_open, usize::MAX);
        self.agrees(&audit)
    }

    /// The same in parts: how many leases this one looked at, and after the last of them whether it
    /// is so.
    pub(crate) fn audit_some(&mut self, most: usize) -> (usize, Option<bool>) {
        let looked_at = self.audit.look(&self.leases, &self.overruns, self.first_open, most);
        if !self.audit.has_seen_all(&self.leases) {
            return (looked_at, None);
        }
        let audit = std::mem::take(&mut self.audit);
        (looked_at, Some(self.agrees(&audit)))
    }

    fn agrees(&self, audit: &Audit) -> bool {
        (audit.tally, audit.open) == (self.tally, self.open)
    }
}

/// A sum after one of its parts changed.
fn moved(sum: Amount, before: Amount, after: Amount) -> Amount {
    sum.saturating_sub(before).saturating_add(after)
}

/// Finds a lease by the request that it answers. It keeps 8 bytes a lease and looks the rest up in
/// the lease itself, so growing touches no lease. It takes in new leases when it is asked: a
/// replay, which never asks, pays for none of it, and the first question after it for all at once.
#[derive(Debug, Clone, Default)]
struct ByRequest {
    table: HashTable<Entry>,
    /// Leases before this number are in the table.
    taken_in: usize,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u32,
    number: u32,
}

impl Entry {
    fn of(number: u32, lease: &Lease) -> Self {
        Self { hash: hash(lease.holder, lease.request), number }
    }

    /// Spread over 64 bits: the table takes its buckets from the low ones, its tags from the high.
    fn spread(hash: u32) -> u64 {
        u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

impl ByRequest {
    fn with_room(leases: usize) -> Self {
        Self { table: HashTable::with_capacity(leases), taken_in: 0 }
    }

    fn find(&mut self, holder: HolderId, request: RequestKey, leases: &Leases) -> Option<u32> {
        self.take_in(leases);
        let hash = hash(holder, request);
        let is_it = |entry: &Entry| {
            let is_of =
                |lease: &Lease| lease.request.id() == request.id() && lease.holder == holder;
            entry.hash == hash && leases.get(entry.number as usize).is_some_and(is_of)
        };
        self.table.find(Entry::spread(hash), is_it).map(|entry| entry.number)
    }

    fn take_in(&mut self, leases: &Leases) {
        let spread = |entry: &Entry| Entry::spread(entry.hash);
        self.table.reserve(leases.len() - self.taken_in, spread);
        for (number, lease) in leases.from(self.taken_in) {
            let number = u32::try_from(number).expect("a lease's number is 32 bits");
            let entry = Entry::of(number, lease);
            self.table.insert_unique(spread(&entry), entry, spread);
        }
        self.taken_in = leases.len();
    }
}

/// The request key is a hash already: fold it.
#[expect(clippy::cast_possible_truncation, reason = "folding a hash to 32 bits")]
fn hash(holder: HolderId, request: RequestKey) -> u32 {
    let half = request.id() as u64 ^ (request.id() >> 64) as u64;
    let mixed = (half ^ u64::from(holder.0)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    (mixed >> 32) as u32
}
