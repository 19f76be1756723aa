//! The one file that reads the clock.
//!
//! Leases are timed by the boot clock, which goes on while the machine is suspended: a client that
//! wakes finds its leases expired, as the server does (DESIGN.md, R6). The clock is a type
//! parameter and no trait object, so that reading it costs a draw one call into the vDSO.

use rustix::time::{ClockId, clock_gettime};

use crate::Moment;

/// Tells the time.
pub trait Clock: Clone + Send + Sync + 'static {
    /// The instant that it is now. Never before an instant that was told earlier.
    fn now(&self) -> Moment;
}

/// `CLOCK_BOOTTIME`: monotone, and counts the time that the machine was suspended.
#[derive(Debug, Clone, Copy, Default)]
pub struct BootClock;

impl Clock for BootClock {
    #[inline]
    fn now(&self) -> Moment {
        let time = clock_gettime(ClockId::Boottime);
        let secs = u64::try_from(time.tv_sec).unwrap_or(0);
        let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
        Moment::from_nanos(secs.wrapping_mul(1_000_000_000).wrapping_add(nanos))
    }
}
