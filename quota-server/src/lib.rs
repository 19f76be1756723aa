//! Who keeps the book: the quota server.

pub mod app;
pub mod ask;
pub mod audit;
pub mod auth;
pub mod backup;
mod banner;
pub mod clock;
pub mod config;
pub mod declared;
pub mod http;
pub mod intake;
pub mod journal;
pub mod ledger;
pub mod lifecycle;
pub mod logging;
pub mod memory;
pub mod metrics;
pub mod mistake;
pub mod password;
pub mod plain;
mod reload;
mod renewal;
pub mod secret_file;
#[cfg(feature = "simulation")]
pub mod simulation;
pub mod store;
#[cfg(test)]
mod testing;
pub mod tls;
pub mod verify;
