//! Who is chosen: which deployment of a model group takes a request.
//!
//! Choosing and drawing are one step: what is chosen has been drawn, so that between the two nobody
//! can take the room away. A group whose deployments have no room says so once, with the earliest
//! time at which the request's size may fit one of them.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use gateway_client::clock::BootClock;
//! use gateway_client::{Amount, QuotaClient};
//! use gateway_router::{
//!     Dice, Fault, Group, GroupSettings, Member, MemberSettings, Request, Router, RouterSettings,
//!     StrategyName,
//! };
//!
//! # async fn send_to(url: &str) -> Result<u64, Fault> { Ok(812) }
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = QuotaClient::builder("http://127.0.0.1:7700").holder("gw-1").build()?;
//! let members = [("gpt-4o-eu", "https://eu.example"), ("gpt-4o-us", "https://us.example")];
//! let members = members
//!     .map(|(id, url)| Member::new(url, Some(client.deployment(id)), MemberSettings::default()));
//! let strategy = StrategyName::LatencyBased;
//! let settings = GroupSettings { strategy, ..GroupSettings::default() };
//! let group = Group::new("gpt-4o", members.into(), settings, BootClock);
//! let settings = RouterSettings { num_retries: 2, ..RouterSettings::default() };
//! let (router, dice) = (Router::new(vec![group], &settings)?, Dice::new(7));
//!
//! // One request: tried on a sibling when the first provider fails.
//! let group = router.find("gpt-4o").expect("it was made above");
//! let mut tries = router.tries(group, Request::default());
//! loop {
//!     let size = |_: &&str| Amount::new(1_500, 1);
//!     let choice = tries.next(&size, &mut dice.roll()).await?;
//!     match send_to(choice.stay.member().target).await {
//!         Ok(used) => {
//!             choice.stay.succeeded();
//!             let used = Amount::new(used, 1);
//!             choice.permit.into_iter().for_each(|permit| permit.settle(used));
//!             break;
//!         }
//!         Err(fault) => {
//!             choice.stay.failed(fault);
//!             // Not reached, so nothing was used.
//!             choice.permit.into_iter().for_each(|permit| permit.cancel());
//!             if !tries.failed() {
//!                 break;
//!             }
//!         }
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # How it works
//!
//! - [`Router`] knows the groups by their names and aliases, and the order in which a request goes
//!   from one to another ([`Tries`]).
//! - [`Group::draw`] asks its [`Strategy`] for an order and draws from the first deployment that
//!   has room. To add a strategy: see [`strategy`].
//! - A request that finds no room may wait for it ([`LineSettings`]), in turns with those of other
//!   callers.
//! - A provider that fails is left alone for a while ([`Cooling`]); a denial by the quota server's
//!   leases is no failure.
//! - Statistics are atomics: no lock, and no sample lost.

#![warn(missing_docs)]

mod denial;
mod dice;
mod group;
mod health;
mod line;
mod member;
mod request;
mod router;
mod samples;
mod statistics;
pub mod strategy;
mod tags;
mod tally;
#[cfg(test)]
mod tests;
mod tries;

pub use denial::{Denial, Refusal};
pub use dice::Dice;
pub use group::{Group, GroupSettings};
pub use health::{Cooling, Fault};
pub use line::LineSettings;
pub use member::{Choice, Member, MemberSettings, Stay};
pub use request::{Request, Size};
pub use router::{Leaves, Router, RouterSettings, UnknownGroup};
pub use samples::{MAX_SAMPLES, Samples};
pub use statistics::Statistics;
pub use strategy::{LatencySettings, Strategy, StrategyName};
pub use tags::TagFilter;
pub use tries::Tries;
