//! The one file that reads the clock.
//!
//! Leases are timed by the boot clock, which goes on while the machine is suspended: a client that
//! wakes finds its leases expired, as the server does (DESIGN.md, R6). The clock is a type
//! parameter and no trait object, so that reading it costs a draw one call into the vDSO.
//!
//! The boot clock can be wrong: a virtual machine that is paused and resumed may not count the
//! pause, and a time service may slow it down, chrony by up to 83 333 ppm. The driver compares it
//! with other clocks; see [`Witness`].

use rustix::time::{ClockId, clock_gettime};

use crate::Moment;

/// Tells the time.
pub trait Clock: Clone + Send + Sync + 'static {
    /// The instant that it is now. Never before an instant that was told earlier.
    fn now(&self) -> Moment;

    /// What other clocks of the machine say; none by default.
    fn witness(&self) -> Option<Witness> {
        None
    }
}

/// Clocks beside the one that leases are timed by, each with an origin of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Witness {
    /// The clock of the hardware, which no time service slows down; it may stand while the machine
    /// sleeps.
    pub raw: Moment,
    /// The wall clock, which is set right after a pause.
    pub wall: Moment,
}

/// `CLOCK_BOOTTIME`: monotone, and counts the time that the machine was suspended.
#[derive(Debug, Clone, Copy, Default)]
pub struct BootClock;

impl Clock for BootClock {
    #[inline]
    fn now(&self) -> Moment {
        read(ClockId::Boottime)
    }

    fn witness(&self) -> Option<Witness> {
        Some(Witness { raw: read(ClockId::MonotonicRaw), wall: read(ClockId::Realtime) })
    }
}

#[inline]
fn read(clock: ClockId) -> Moment {
    let time = clock_gettime(clock);
    let secs = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    Moment::from_nanos(secs.wrapping_mul(1_000_000_000).wrapping_add(nanos))
}
