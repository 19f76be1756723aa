//! A thin OpenAI-compatible gateway on `gateway-client`.
//!
//! A caller's request is read ([`endpoints`], [`body`]), counted ([`tokens`]), drawn for
//! ([`routing`]), sent on and settled by what the provider says it used ([`upstream`]). [`config`]
//! reads a LiteLLM `config.yaml`; [`run`] starts it all and stops it.

#![warn(missing_docs)]

pub mod app;
pub mod body;
mod check;
pub mod cli;
pub mod config;
pub mod endpoints;
pub mod http;
pub mod logs;
pub mod metrics;
mod register;
pub mod routing;
mod run;
mod serve;
mod signals;
mod tls;
pub mod tokens;
pub mod upstream;

pub use check::check;
pub use run::{StartError, run};
pub use tls::TlsFile;
