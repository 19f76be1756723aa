//! How many refusals stand in the audit log. Anybody can cause them, so they are bounded: of those that show no credential,
//! and of known ones, apart, so that the many strangers of a scan hide no gateway that tries what it may not.

use std::sync::{Mutex, PoisonError};

/// Lines of each kind, a minute.
const A_MINUTE: u32 = 60;

const MINUTE_MS: u64 = 60_000;

/// Which refusals have been written down.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    known: Mutex<Count>,
    strangers: Mutex<Count>,
}

#[derive(Debug, Default)]
struct Count {
    minute: u64,
    written: u32,
    left_out: u64,
}

impl Refusals {
    /// Takes a place for a line. `Some`: how many were left out since the last one; `None`: this one is.
    pub(super) fn take(&self, is_known: bool, steady_ms: u64) -> Option<u64> {
        let count = if is_known { &self.known } else { &self.strangers };
        count.lock().unwrap_or_else(PoisonError::into_inner).take(steady_ms / MINUTE_MS)
    }
}

impl Count {
    fn take(&mut self, minute: u64) -> Option<u64> {
        if self.minute != minute {
            (self.minute, self.written) = (minute, 0);
        }
        if self.written == A_MINUTE {
            self.left_out += 1;
            return None;
        }
        self.written += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_a_minute_and_strangers_take_no_places_of_others() {
        let refusals = Refusals::default();
        let written = |is_known, at| {
            let lines = (0..100).filter_map(|_| refusals.take(is_known, at));
            lines.collect::<Vec<_>>()
        };
        assert_eq!(written(false, 0), [0; 60]);
        assert_eq!(written(true, 59_999), [0; 60]);
        let next = written(false, 60_000);
        assert_eq!((next.len(), next[0], next[1]), (60, 40, 0));
    }
}
