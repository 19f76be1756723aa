//! What is said: the wire types, routes and error codes of the lease API.
//!
//! JSON over HTTP, snake_case, durations and never instants (a reader compares nothing here with
//! its own clock). Requests refuse unknown fields; answers may grow fields, codes and states, so
//! readers ignore fields that they do not know, judge a code by its status, take a state for the
//! safe one, and read a batch entry by entry. Nothing here decides anything: see `quota-core` for
//! what is true.
//!
//! To add a call: its types in a file here, its path in [`routes`], its new error codes in
//! [`Code`]; then its handler in `quota-server/src/http/`.

#![warn(missing_docs)]

mod amount;
mod batch;
mod deployment;
mod error;
mod lease;
pub mod limits;
mod overview;
mod period;
mod reading;
pub mod routes;
mod window;

pub use amount::{Amount, Ask, Usage, UsagePair};
pub use batch::{AcquireItem, Batch, BatchReply, DeniedItem, GiveBackItem, Item, UsedItem};
pub use deployment::{
    Declared, Deployment, DeploymentList, DeploymentSpec, LeasePolicy, Refused, Reservation,
    Settlement,
};
pub use error::{Code, Problem};
pub use lease::{
    Acquire, GiveBack, GivenBack, HeldLease, Lease, LeaseList, LeaseWindow, State, UseRecorded,
    Which,
};
pub use overview::{DeploymentOverview, LedgerKind, Overview, ServerInfo, ServerRole};
pub use period::{LimitFault, LimitSpec, LimitStanding, PeriodKind, per};
pub use quota_units::Unit;
pub use window::{WindowBook, WindowKind, WindowList};
