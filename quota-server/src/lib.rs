//! Who keeps the book: the quota server.

pub mod auth;
pub mod config;
pub mod http;
pub mod ledger;
pub mod metrics;
pub mod mistake;
