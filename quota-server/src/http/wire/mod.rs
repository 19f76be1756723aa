//! Wire types to the ledger's and back: nowhere else. What comes in is checked here against the
//! bounds of `quota_api::limits`; what goes out needs no check.

mod amount;
pub(super) mod bounds;
mod deployment;
mod lease;
mod overview;
mod window;

pub(super) use amount::{state, usage};
pub use deployment::put;

pub(crate) use deployment::{memory, normal, remembering, shown, spec};
pub(super) use lease::{denied, give_back, given_back, granted, held, use_recorded, used, wish};
pub(super) use overview::{ledger_kind, overviews, role};
pub(super) use window::book;
