//! The integration tests: real processes only.
//!
//! [`api`] and [`bad_input`] say what the lease API answers, [`roles`] who may ask, [`fuzz`] that
//! the document tells all, [`tls`], [`rotation`] and [`secrets`] how it keeps what is secret,
//! [`recovery`] and [`disk`] what it survives, [`ask`] what the command line says of it, [`docs`]
//! that what the documentation shows works, [`lifecycle`] how it starts and stops, [`gateway`] what
//! becomes of a gateway's configuration, [`second_tries`] what it does when its providers fail,
//! [`away`] how it waits for its store, [`stalled`] that it waits for no reader of its logs,
//! [`scenarios`], [`rolling`] and [`chaos`] what the whole does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and the panic says where")]

mod api;
mod ask;
mod away;
mod bad_input;
mod batch;
mod chaos;
mod deployments;
mod disk;
mod docs;
mod fuzz;
mod gateway;
mod half_sent;
mod lifecycle;
mod recovery;
mod roles;
mod rolling;
mod rotation;
mod rungs;
mod scenarios;
mod second_tries;
mod secrets;
mod stalled;
mod stores;
mod support;
mod tls;
mod upstream;
mod watch;
