//! Which deployment of a model group takes a request: `gateway-router`, with what this gateway
//! keeps of each deployment ([`Target`]), made of its configuration (`settings`).

mod groups;
mod need;
mod settings;
mod target;

use gateway_router as router;

pub use groups::{Groups, UnfitGroups};
pub use need::Need;
pub use router::{Denial, Dice, Fault, Leaves, Refusal, Request, Size};
pub use target::{Target, UnfitForHeader};

/// A deployment of a group.
pub type Member = router::Member<Target>;
/// The deployments that answer to one model name.
pub type Group = router::Group<Target>;
/// A deployment that takes a request, and what was drawn from it.
pub type Choice = router::Choice<Target>;
/// A request's stay at a deployment.
pub type Stay = router::Stay<Target>;
/// The tries of one request.
pub type Tries<'r> = router::Tries<'r, Target>;
