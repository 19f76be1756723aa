//! The ledger on a Redis of the test's own, in real time.

mod busy;
mod forgotten;
mod in_use;
mod losses;
mod outages;
mod permitted;
mod servers;
mod shards;
mod world;
