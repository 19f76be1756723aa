//! How many refusals stand in the audit log. Anybody can cause them, so they are bounded: of those
//! that show no credential together, and of each known one, so that neither the strangers of a scan
//! nor a viewer that asks for too much hides a gateway that tries what it may not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Lines of each, a minute.
const A_MINUTE: u32 = 60;

const MINUTE_MS: u64 = 60_000;

/// So many credentials are told apart before all are forgotten: more than a file of them has.
const CREDENTIALS: usize = 10_000;

/// Which refusals have been written down, by credential; `None`: none that is known.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<Option<Arc<str>>, Count>>);

#[derive(Debug, Default)]
struct Count {
    minute: u64,
    written: u32,
    left_out: u64,
}

impl Refusals {
    /// Takes a place for a line. `Some`: how many of the same were left out since the last one;
    /// `None`: this one is.
    pub(super) fn take(&self, credential: Option<&Arc<str>>, steady_ms: u64) -> Option<u64> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= CREDENTIALS {
            counts.clear();
        }
        counts.entry(credential.cloned()).or_default().take(steady_ms / MINUTE_MS)
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
    fn so_many_a_minute_and_none_takes_places_of_others() {
        let refusals = Refusals::default();
        let written = |name: Option<&str>, at| {
            let name = name.map(Arc::from);
            let lines = (0..100).filter_map(|_| refusals.take(name.as_ref(), at));
            lines.collect::<Vec<_>>()
        };
        assert_eq!(written(None, 0), [0; 60]);
        assert_eq!(written(Some("viewer"), 59_999), [0; 60]);
        assert_eq!(written(Some("gateway"), 59_999), [0; 60]);
        let next = written(None, 60_000);
        assert_eq!((next.len(), next[0], next[1]), (60, 40, 0));
    }
}
