//! Which deployment of a model group takes a request.
//!
//! `shuffle` says in which order the deployments are tried; [`draw`](Group::draw) draws from the
//! first that has room. That order is the seam: another strategy is another function from a group's
//! deployments to an order; filters, cool-down and retries come before and after it.

mod denial;
mod dice;
mod group;
mod need;
mod shuffle;
mod target;

pub use denial::{Denial, Refusal};
pub use dice::Dice;
pub use group::{Choice, Group, Groups};
pub use need::Need;
pub use target::{Target, UnfitForHeader};
