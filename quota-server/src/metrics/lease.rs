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
    granted: ByUnit,
    given_back: ByUnit,
    denied: ByUnit,
    denied_by_holders: Counter,
    overrun_tokens: Counter,
}

/// One for each unit, in their order.
#[derive(Clone)]
struct ByUnit([Counter; Unit::COUNT]);

impl ByUnit {
    fn of(&self, unit: Unit) -> &Counter {
        &self.0[unit as usize]
    }

    fn add(&self, amount: Amount) {
        Unit::ALL.into_iter().for_each(|unit| self.of(unit).increment(amount[unit]));
    }
}

impl LeaseMetrics {
    /// Handles of the recorder that is installed.
    #[must_use]
    pub fn new() -> Self {
        let by_unit = |names: [&'static str; Unit::COUNT]| ByUnit(names.map(counter_of));
        Self {
            grants: counter_of(GRANTS),
            granted: by_unit([GRANTED_TOKENS, GRANTED_REQUESTS]),
            given_back: by_unit([GIVEN_BACK_TOKENS, GIVEN_BACK_REQUESTS]),
            denied: ByUnit(Unit::ALL.map(|unit| counter!(DENIED, "unit" => unit.name()))),
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
        self.denied.of(unit).increment(1);
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
