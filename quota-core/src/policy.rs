use quota_units::{PeriodLimit, PeriodLimits};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Limit;

/// What a book needs to know of its deployment.
///
/// As JSON it is what databases keep of a policy: fields that come later have defaults there, and
/// stand in it only where they say something, so that an older server reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// How much a window may hold.
    pub limit: Limit,
    /// What the limit counts over. Fixed for the life of a book.
    pub kind: WindowKind,
    /// How long a lease lasts, ms.
    pub life_ms: u64,
    /// How long before its window's end a lease of a minute ends at the latest, ms.
    pub guard_ms: u64,
    /// Whether unused reservations come back.
    pub settlement: Settlement,
    /// How much longer periods may hold.
    #[serde(default, skip_serializing_if = "PeriodLimits::is_empty")]
    pub periods: PeriodLimits,
}

impl Policy {
    /// Whether it allows more of something than another one.
    #[must_use]
    pub fn raises(&self, other: &Self) -> bool {
        let is_kept = |limit: &PeriodLimit| {
            let is_as_tight = |own: &PeriodLimit| {
                (own.unit, own.period) == (limit.unit, limit.period) && own.most <= limit.most
            };
            self.periods.as_slice().iter().any(is_as_tight)
        };
        !self.limit.ceiling().fits(other.limit.ceiling())
            || !other.periods.as_slice().iter().all(is_kept)
    }
}

/// The period that a limit counts over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WindowKind {
    /// The aligned minute.
    Minute,
    /// Any 60 s.
    Rolling,
}

/// Whether unused reservations come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Settlement {
    /// They do, so a denied holder may hope for them.
    Refund,
    /// They do not.
    None,
}

/// What a policy was in journals from before there were further periods, where the order of the
/// fields is the format: it never changes.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Policy")]
struct WindowPolicy {
    limit: Limit,
    kind: WindowKind,
    life_ms: u64,
    guard_ms: u64,
    settlement: Settlement,
}

impl WindowPolicy {
    const fn of(policy: &Policy) -> Self {
        let Policy { limit, kind, life_ms, guard_ms, settlement, .. } = *policy;
        Self { limit, kind, life_ms, guard_ms, settlement }
    }

    fn with(self, periods: PeriodLimits) -> Policy {
        let Self { limit, kind, life_ms, guard_ms, settlement } = self;
        Policy { limit, kind, life_ms, guard_ms, settlement, periods }
    }
}

/// A policy in a journal, without further periods.
pub(crate) mod of_window {
    use super::{
        Deserialize, Deserializer, PeriodLimits, Policy, Serialize, Serializer, WindowPolicy,
    };

    pub(crate) fn serialize<S: Serializer>(policy: &Policy, to: S) -> Result<S::Ok, S::Error> {
        debug_assert!(policy.periods.is_empty(), "they would be lost: {policy:?}");
        WindowPolicy::of(policy).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Policy, D::Error> {
        WindowPolicy::deserialize(from).map(|policy| policy.with(PeriodLimits::default()))
    }
}

/// A policy in a journal, with further periods.
pub(crate) mod of_periods {
    use super::{
        Deserialize, Deserializer, PeriodLimits, Policy, Serialize, Serializer, WindowPolicy,
    };

    pub(crate) fn serialize<S: Serializer>(policy: &Policy, to: S) -> Result<S::Ok, S::Error> {
        (WindowPolicy::of(policy), &policy.periods).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Policy, D::Error> {
        let (policy, periods) = <(WindowPolicy, PeriodLimits)>::deserialize(from)?;
        Ok(policy.with(periods))
    }
}
