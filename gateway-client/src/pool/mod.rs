//! What a deployment's draws come out of: atomics only, no lock, no clock, no IO.
//!
//! A [`Pool`] is a handful of places, each naming a slot with a lease in it. Draws read the places
//! and take from the first lease that covers them. The leases belong to one owner, who opens,
//! closes and counts them through [`Leases`]. Time is passed in, so a simulation can drive both.

mod atomic;
mod leases;
mod permit;
mod signals;
mod slab;
mod slot;
mod stripe;
mod word;

use std::sync::atomic::Ordering::{Acquire, Release};

use quota_units::Amount;

use crate::Moment;
use atomic::AtomicU64;
use slab::Seat;
use slot::{Line, Slot};
use word::Word;

pub use leases::{Draw, Leases};
pub use permit::Permit;
pub use signals::{Missed, Signals};

/// How many leases can be drawn from at once: the one in use, the one that follows, the next
/// window's, and a rest.
pub const PLACES: usize = 4;

/// Whether a lease can hold this amount at all: 40 bits of tokens and 24 bits of requests.
#[must_use]
pub const fn holds(amount: Amount) -> bool {
    Word::pack(amount).is_some()
}

/// The leases of one deployment, for drawing.
#[derive(Debug, Default)]
pub struct Pool {
    places: Line<[AtomicU64; PLACES]>,
}

/// A draw that was made.
#[derive(Debug)]
pub struct Drawn {
    /// Its permit.
    pub permit: Permit,
    /// Little is left of the lease, so its owner should have a look.
    pub is_low: bool,
}

impl Pool {
    /// Takes an amount from the first lease that covers it at `now`.
    #[inline]
    pub fn draw(&self, amount: Amount, now: Moment) -> Option<Drawn> {
        let amount = Word::pack(amount).filter(|amount| *amount != Word::ZERO)?;
        self.seats().find_map(|(slot, generation)| {
            let took = slot.draw(generation, amount, now)?;
            Some(Drawn { permit: Permit::new(slot, amount), is_low: took.is_low })
        })
    }

    /// Whether a draw of this amount would succeed at `now`.
    #[must_use]
    pub fn covers(&self, amount: Amount, now: Moment) -> bool {
        Word::pack(amount).is_some_and(|amount| {
            self.seats().any(|(slot, generation)| slot.covers(generation, amount, now))
        })
    }

    /// What is free in all leases that can be drawn from at `now`. One draw takes from one lease,
    /// so a draw of all of it need not succeed.
    #[must_use]
    pub fn free(&self, now: Moment) -> Amount {
        let free = self.seats().map(|(slot, generation)| slot.free(generation, now));
        free.fold(Amount::ZERO, Amount::saturating_add)
    }

    #[inline]
    fn seats(&self) -> impl Iterator<Item = (&'static Slot, u32)> {
        self.places.0.iter().filter_map(|place| {
            let (index, generation) = parted(place.load(Acquire))?;
            Some((slab::slot(index)?, generation))
        })
    }

    /// Puts a lease up for drawing, if a place is free.
    fn place(&self, seat: Seat) -> bool {
        let free = self.places.0.iter().find(|place| place.load(Acquire) == 0);
        free.inspect(|place| place.store(joined(seat), Release)).is_some()
    }

    fn remove(&self, seat: Seat) {
        for place in &self.places.0 {
            if place.load(Acquire) == joined(seat) {
                place.store(0, Release);
            }
        }
    }
}

/// A place's word. It is never 0, since the generation of a live lease is odd.
fn joined(seat: Seat) -> u64 {
    u64::from(seat.generation) << 32 | u64::from(seat.index)
}

#[inline]
fn parted(place: u64) -> Option<(u32, u32)> {
    let generation = u32::try_from(place >> 32).ok()?;
    let index = u32::try_from(place & u64::from(u32::MAX)).ok()?;
    (generation != 0).then_some((index, generation))
}

#[cfg(test)]
mod tests;
