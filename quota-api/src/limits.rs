//! The bounds of what the API accepts. Outside of them a request is refused, not clamped.

/// The most tokens that one lease holds: 40 bits, so that tokens and requests of a lease fit one
/// atomic word in the client.
pub const MAX_LEASE_TOKENS: u64 = quota_units::MAX_LEASE.tokens();

/// The most requests that one lease holds: 24 bits.
pub const MAX_LEASE_REQUESTS: u64 = quota_units::MAX_LEASE.requests();

/// The largest limit, in tokens or requests a window: the largest whole number that every JSON
/// reader keeps exact (2^53 - 1, RFC 8259 section 6).
pub const MAX_LIMIT: u64 = quota_units::MAX_LIMIT;

/// The longest deployment id, holder, request id or model group, in bytes.
pub const MAX_NAME_BYTES: usize = 128;

/// The most labels of a deployment.
pub const MAX_LABELS: usize = 32;

/// The most entries of one kind in a batch.
pub const MAX_BATCH_ITEMS: usize = 1_024;

/// The largest request body, in bytes.
pub const MAX_BODY_BYTES: usize = 1 << 20;
