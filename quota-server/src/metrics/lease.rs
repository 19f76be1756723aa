//! Metrics of what leases are about.

use metrics::{Counter, counter};
use quota_core::{Amount, Unit};

use super::{
    DENIED, DENIED_BY_HOLDERS, GIVEN_BACK_REQUESTS, GIVEN_BACK_TOKENS, GRANTED_REQUESTS,
    GRANTED_TOKENS, GRANTS, OVERRUN_TOKENS, counter_of,
};

/// Handles: these move at every call.
#[derive(Clone)]
pub struct LeaseMetrics {
    grants: Counter,
    granted: Pair,
    given_back: Pair,
    denied: Pair,
    denied_by_holders: Counter,
    overrun_tokens: Counter,
}

#[derive(Clone)]
struct Pair {
    tokens: Counter,
    requests: Counter,
}

impl Pair {
    fn add(&self, amount: Amount) {
        self.tokens.increment(amount.tokens);
        self.requests.increment(amount.requests);
    }
}

impl LeaseMetrics {
    /// Handles of the recorder that is installed.
    #[must_use]
    pub fn new() -> Self {
        let pair =
            |tokens, requests| Pair { tokens: counter_of(tokens), requests: counter_of(requests) };
        Self {
            grants: counter_of(GRANTS),
            granted: pair(GRANTED_TOKENS, GRANTED_REQUESTS),
            given_back: pair(GIVEN_BACK_TOKENS, GIVEN_BACK_REQUESTS),
            denied: Pair {
                tokens: counter!(DENIED, "unit" => "tokens"),
                requests: counter!(DENIED, "unit" => "requests"),
            },
            denied_by_holders: counter_of(DENIED_BY_HOLDERS),
            overrun_tokens: counter_of(OVERRUN_TOKENS),
        }
    }

    /// A lease was granted.
    pub fn granted(&self, amount: Amount) {
        self.grants.increment(1);
        self.granted.add(amount);
    }

    /// A return was credited.
    pub fn given_back(&self, credited: Amount) {
        self.given_back.add(credited);
    }

    /// An acquire was denied for want of `unit`.
    pub fn denied(&self, unit: Unit) {
        match unit {
            Unit::Tokens => self.denied.tokens.increment(1),
            Unit::Requests => self.denied.requests.increment(1),
        }
    }

    /// A report added so many tokens to what was used above the reservations.
    pub fn overrun(&self, tokens: u64) {
        self.overrun_tokens.increment(tokens);
    }

    /// A holder tells of draws that it denied by itself.
    pub fn denied_by_holder(&self, requests: u64) {
        self.denied_by_holders.increment(requests);
    }
}

impl Default for LeaseMetrics {
    fn default() -> Self {
        Self::new()
    }
}
