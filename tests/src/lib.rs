//! Everything that the scenarios, the chaos check and the API tests stand on.
//!
//! The crate `upstream` is the provider that the gateways call, with an audit of what reached it;
//! [`harness`] starts, stops, pauses and kills the real processes; [`load`] offers requests;
//! [`scenario`] plays the scenarios and judges them by the audit; [`docs`] makes the pages of the
//! documentation that say what the code says; [`intake`] is every reader of bytes that somebody
//! else wrote; [`mutants`] puts faults into a copy of the tree, to see that tests notice;
//! [`ledger_simulation`] plays the ledger itself in virtual time; [`played_gateway`] is the gateway
//! that it and `simulation/` play; [`chaos`] mistreats messages and kills the server, and reads the
//! journal afterwards. `it/` holds the tests, `src/bin/` the commands.

pub mod bench;
pub mod chaos;
pub mod clock;
pub mod docs;
pub mod harness;
pub mod intake;
pub mod ledger_simulation;
pub mod load;
pub mod mutants;
pub mod otlp;
pub mod played_gateway;
pub mod scenario;
