//! The one file of the server that reads clocks.
//!
//! Leases live by a steady clock that never jumps, counts on while the machine sleeps, so that a
//! lease that a suspended holder still has is over for the server too, and that no time service
//! speeds up: the hardware's clock, and the time that the machine slept. `CLOCK_BOOTTIME` is no
//! such clock: chrony slews it by up to 8.3 % (`maxslewrate`), and a minute that is short by 5 s
//! lets two limits into one. A clock that runs late instead, as that of a virtual machine that was
//! paused, makes windows longer. The wall clock only says where minutes begin. What both mean for
//! windows is `quota_core::Timekeeper`'s.

use quota_core::Reading;
use rustix::time::{ClockId, Timespec, clock_gettime};

/// Where the ledger's time comes from.
pub trait Clock: Send + Sync + 'static {
    /// Both clocks, read together; the steady one counts from the machine's start.
    fn reading(&self) -> Reading;

    /// Which run of the machine the steady clock counts in; `None` where it cannot be told.
    fn boot(&self) -> Option<u128>;
}

/// The clocks of this machine.
#[derive(Debug, Clone)]
pub struct SystemClock {
    boot: Option<u128>,
}

/// What this clock counts is part of its run's name: a server of before counted by
/// `CLOCK_BOOTTIME`, whose readings of the same run of the machine are another clock's.
const COUNTS: u128 = u128::from_be_bytes(*b"hardware + sleep");

impl SystemClock {
    /// Looks up which run of the machine this is.
    #[must_use]
    pub fn new() -> Self {
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
        let id = text.and_then(|text| text.trim().parse::<uuid::Uuid>().ok());
        let offsets = std::fs::read_to_string("/proc/self/timens_offsets").unwrap_or_default();
        Self { boot: id.map(|id| id.as_u128() ^ COUNTS ^ namespace(&offsets)) }
    }
}

/// What a namespace of time adds to the run's name: its clocks are ahead of the machine's or
/// behind, so in another namespace, or in none, the same reading is of another time
/// (`time_namespaces(7)`). 0 where they are the machine's.
fn namespace(offsets: &str) -> u128 {
    let is_number = |word: &&str| word.parse::<i64>().is_ok();
    if offsets.split_whitespace().filter(is_number).all(|number| number == "0") {
        return 0;
    }
    xxhash_rust::xxh3::xxh3_128(offsets.as_bytes())
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn reading(&self) -> Reading {
        Reading {
            steady_ms: steady_ms(clock_gettime),
            wall_ms: nanos(clock_gettime(ClockId::Realtime)) / 1_000_000,
        }
    }

    fn boot(&self) -> Option<u128> {
        self.boot
    }
}

/// The hardware's clock, and what the machine slept: by that much more the boot clock has counted
/// than the monotonic one. They are read in this order so that what passes between two readings
/// makes it late, never early; who reads it bears that it stands still or goes back so far.
fn steady_ms(read: impl Fn(ClockId) -> Timespec) -> u64 {
    let [boot, awake, hardware] =
        [ClockId::Boottime, ClockId::Monotonic, ClockId::MonotonicRaw].map(|id| nanos(read(id)));
    (hardware + boot.saturating_sub(awake)) / 1_000_000
}

/// A clock before its epoch counts as at its epoch. Enough for 584 years.
fn nanos(at: Timespec) -> u64 {
    let seconds = u64::try_from(at.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(at.tv_nsec).unwrap_or(0);
    seconds * 1_000_000_000 + nanos
}

#[cfg(test)]
pub(crate) mod manual {
    use std::sync::{Arc, Mutex};

    use quota_core::Reading;

    use super::Clock;

    /// A clock that stands until it is moved.
    #[derive(Debug, Clone)]
    pub(crate) struct ManualClock(Arc<Mutex<(Reading, Option<u128>)>>);

    impl ManualClock {
        /// Ten seconds after the start of a minute, a thousand seconds after boot.
        pub(crate) fn new() -> Self {
            let reading = Reading { steady_ms: 1_000_000, wall_ms: 29_384_640 * 60_000 + 10_000 };
            Self(Arc::new(Mutex::new((reading, Some(7)))))
        }

        pub(crate) fn advance(&self, ms: u64) {
            let mut at = self.0.lock().unwrap();
            at.0.steady_ms += ms;
            at.0.wall_ms += ms;
        }

        /// Steps the wall clock alone.
        pub(crate) fn step_wall(&self, by_ms: i64) {
            let mut at = self.0.lock().unwrap();
            at.0.wall_ms = at.0.wall_ms.saturating_add_signed(by_ms);
        }

        /// Another machine, which has run for another while.
        pub(crate) fn on_machine(&self, boot: u128, steady_ms: u64) {
            let mut at = self.0.lock().unwrap();
            at.0.steady_ms = steady_ms;
            at.1 = Some(boot);
        }

        /// The machine starts anew: its steady clock begins at 0.
        pub(crate) fn reboot(&self, down_ms: u64) {
            let mut at = self.0.lock().unwrap();
            at.0.steady_ms = 0;
            at.0.wall_ms += down_ms;
            at.1 = at.1.map(|boot| boot + 1);
        }
    }

    impl Clock for ManualClock {
        fn reading(&self) -> Reading {
            self.0.lock().unwrap().0
        }

        fn boot(&self) -> Option<u128> {
            self.0.lock().unwrap().1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_says_which_run_it_is_and_its_clocks_run() {
        let clock = SystemClock::new();
        assert!(clock.boot().is_some());
        let of_before = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        let of_before = of_before.trim().parse::<uuid::Uuid>().unwrap();
        assert_ne!(clock.boot(), Some(of_before.as_u128()), "another clock, so another run of it");
        let (first, second) = (clock.reading(), clock.reading());
        assert!(second.steady_ms >= first.steady_ms);
        assert!(first.wall_ms > 1_700_000_000_000);
    }

    #[test]
    fn a_namespace_of_time_is_another_run() {
        let offsets = |boot_s: i64| format!("monotonic 0 0\nboottime {boot_s:11} 0\n");
        assert_eq!((namespace(&offsets(0)), namespace("")), (0, 0));
        assert_ne!(namespace(&offsets(3_600)), 0);
        assert_ne!(namespace(&offsets(3_600)), namespace(&offsets(-3_600)));
    }

    /// Clocks of which each reading takes so long, ms; the machine slept for 5 s, and its clock is
    /// slewed by as much as chrony may.
    fn slewed(reading_takes: u64) -> impl Fn(ClockId) -> Timespec {
        let at = std::cell::Cell::new(3_600_000_u64);
        move |id| {
            let now = at.replace(at.get() + reading_takes);
            let slewed = now + now / 12;
            let ms = match id {
                ClockId::MonotonicRaw => now,
                ClockId::Monotonic => slewed,
                ClockId::Boottime => slewed + 5_000,
                _ => unreachable!("{id:?}"),
            };
            let nanos = i64::try_from(ms % 1_000 * 1_000_000).unwrap();
            Timespec { tv_sec: i64::try_from(ms / 1_000).unwrap(), tv_nsec: nanos }
        }
    }

    #[test]
    fn a_time_service_speeds_no_minute_up() {
        assert_eq!(steady_ms(slewed(0)), 3_605_000);
    }

    #[test]
    fn what_passes_between_readings_makes_it_late_never_early() {
        let of_the_last_reading = 3_600_000 + 2 * 120 + 5_000;
        assert_eq!(steady_ms(slewed(120)), of_the_last_reading - 130);
    }
}
