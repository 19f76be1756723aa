//! Client and server together in virtual time: the refill machine and the pool of `gateway-client`
//! against the book of `quota-core`, over a network that delays, loses and repeats messages, with
//! clocks that drift, a server that crashes and gateways that die. With several servers in front of
//! the ledger, they die and are paused too, and the client's choice between them is played with.
//!
//! Nothing here reads a clock or waits; a run is a function of its [`plan::Plan`]. A run that
//! breaks a rule is to be kept as a plan with its seed in `tests.rs`.

mod audit;
mod endgame;
mod fronts;
mod ledger;
mod network;
mod plan;
mod server;
mod site;
mod tests;
