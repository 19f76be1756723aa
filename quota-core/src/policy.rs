use serde::{Deserialize, Serialize};

use crate::Limit;

/// What a book needs to know of its deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
