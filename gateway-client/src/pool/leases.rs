use std::sync::Arc;

use quota_units::Amount;

use super::slab::Seat;
use super::word::Word;
use super::{Permit, Pool};
use crate::Moment;
use crate::refill::{Grant, LeaseNo, LeaseSample};

/// The leases of a pool, for their one owner: those that can be drawn from, and those that have
/// ended but whose permits are still out.
#[derive(Debug)]
pub struct Leases {
    pool: Arc<Pool>,
    held: Vec<PooledLease>,
}

#[derive(Debug)]
struct PooledLease {
    no: LeaseNo,
    seat: Seat,
    is_placed: bool,
    is_closed: bool,
}

impl Leases {
    /// The owner's side of `pool`, which must have no other owner.
    #[must_use]
    pub fn of(pool: Arc<Pool>) -> Self {
        Self { pool, held: Vec::new() }
    }

    /// Opens a lease. `first` may draw from it before anybody else can, through the function that
    /// it is given: so newcomers do not take what others waited for.
    pub fn install(&mut self, grant: &Grant, first: impl FnOnce(&Draw<'_>)) {
        let granted = Word::pack_capped(grant.amount);
        let seat = Seat::open(granted, grant.not_before, grant.not_after);
        first(&|amount, now| {
            let amount = Word::pack(amount).filter(|amount| *amount != Word::ZERO)?;
            seat.slot.draw(seat.generation, amount, now)?;
            Some(Permit::new(seat.slot, amount))
        });
        self.held.push(PooledLease {
            no: grant.no,
            seat,
            is_placed: self.pool.place(seat),
            is_closed: false,
        });
    }

    /// Ends a lease, if it has not ended yet, and takes out what is free of it: the rest, and later
    /// what its permits return.
    pub fn sweep(&mut self, no: LeaseNo) -> Amount {
        let Some(at) = self.held.iter().position(|held| held.no == no) else {
            return Amount::default();
        };
        let seat = self.held[at].seat;
        if !self.held[at].is_closed {
            seat.slot.close();
            self.pool.remove(seat);
            self.held[at].is_closed = true;
            self.place_next();
        }
        seat.slot.sweep()
    }

    /// Sets below what rest a lease's draws report that it is low; those of the others never do.
    pub fn warn(&self, below: Option<(LeaseNo, Amount)>) {
        for held in &self.held {
            let low_water = below.filter(|(no, _)| *no == held.no);
            let low_water = low_water.map_or(Word::ZERO, |(_, rest)| Word::pack_capped(rest));
            held.seat.slot.warn_below(low_water);
        }
    }

    /// Forgets a lease. Permits that are still out may be settled, but nobody hears of it.
    pub fn retire(&mut self, no: LeaseNo) {
        self.sweep(no);
        if let Some(at) = self.held.iter().position(|held| held.no == no) {
            self.held.swap_remove(at).seat.retire();
        }
    }

    /// How the leases stand just now.
    #[must_use]
    pub fn sample(&self) -> Vec<LeaseSample> {
        self.held.iter().map(PooledLease::sample).collect()
    }

    fn place_next(&mut self) {
        let next = self.held.iter_mut().find(|held| !held.is_placed && !held.is_closed);
        if let Some(held) = next {
            held.is_placed = self.pool.place(held.seat);
        }
    }
}

/// Draws from one lease.
pub type Draw<'a> = dyn Fn(Amount, Moment) -> Option<Permit> + 'a;

impl PooledLease {
    fn sample(&self) -> LeaseSample {
        let standing = self.seat.slot.standing();
        LeaseSample {
            no: self.no,
            free: standing.free,
            in_flight: standing.in_flight,
            used: standing.used,
            refunded: standing.refunded,
            overrun: standing.overrun,
        }
    }
}

impl Drop for Leases {
    fn drop(&mut self) {
        while let Some(held) = self.held.first() {
            self.retire(held.no);
        }
    }
}
