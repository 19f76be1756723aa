use std::sync::atomic::Ordering::Relaxed;

use quota_api::Amount;

use super::atomic::AtomicU64;
use super::slot::Line;
use super::word::Word;

/// What draws that got nothing leave behind for the one who asks for leases.
#[derive(Debug, Default)]
pub struct Signals {
    line: Line<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    denied_tokens: AtomicU64,
    denied_requests: AtomicU64,
    missed_tokens: AtomicU64,
    missed_requests: AtomicU64,
    last_missed: AtomicU64,
}

/// Draws that found no lease and did not wait for one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Missed {
    /// All of them together.
    pub sum: Amount,
    /// The last of them.
    pub last: Amount,
}

impl Signals {
    /// A draw was denied. Answers with whether it is the first since they were taken.
    pub fn denied(&self, amount: Amount) -> bool {
        let counts = &self.line.0;
        let amount = Word::pack_capped(amount).amount();
        let tokens = counts.denied_tokens.fetch_add(amount.tokens, Relaxed);
        let requests = counts.denied_requests.fetch_add(amount.requests, Relaxed);
        tokens == 0 && requests == 0
    }

    /// Whether draws were denied since they were taken.
    #[must_use]
    pub fn has_denied(&self) -> bool {
        let counts = &self.line.0;
        counts.denied_requests.load(Relaxed) > 0 || counts.denied_tokens.load(Relaxed) > 0
    }

    /// A draw was denied that a lease would have helped.
    pub fn missed(&self, amount: Amount) {
        let counts = &self.line.0;
        let last = Word::pack_capped(amount).bits();
        counts.last_missed.store(last, Relaxed);
        counts.missed_tokens.fetch_add(amount.tokens, Relaxed);
        counts.missed_requests.fetch_add(amount.requests, Relaxed);
    }

    /// What was denied since the last call.
    pub fn take_denied(&self) -> Amount {
        let counts = &self.line.0;
        Amount {
            tokens: counts.denied_tokens.swap(0, Relaxed),
            requests: counts.denied_requests.swap(0, Relaxed),
        }
    }

    /// What was missed since the last call.
    pub fn take_missed(&self) -> Missed {
        let counts = &self.line.0;
        let sum = Amount {
            tokens: counts.missed_tokens.swap(0, Relaxed),
            requests: counts.missed_requests.swap(0, Relaxed),
        };
        Missed { sum, last: Word::from_bits(counts.last_missed.swap(0, Relaxed)).amount() }
    }
}
