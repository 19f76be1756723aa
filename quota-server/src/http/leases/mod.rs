//! Leases: `/v1/leases`.

pub(super) mod acquire;
pub(super) mod batch;
pub(super) mod give_back;
mod outcome;

pub use outcome::LeaseDesk;
