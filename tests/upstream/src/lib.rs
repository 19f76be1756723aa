//! The upstream for tests and demos: an OpenAI-compatible server that keeps an audit.
//!
//! It stands where a provider stands, so it is the judge of every scenario: what counts is what
//! *arrived* here, by its own clock, whatever gateways and quota server believe. It shares no code
//! with them; only the tokenizer library is the same.
//!
//! A request goes `intake` (count, decide its fate, write it into the [`audit`]) -> wait for the
//! sampled [`latency`] -> answer (`chat`, `embeddings`).

pub mod audit;
mod chat;
mod clock;
mod count;
mod embeddings;
mod intake;
pub mod latency;
mod refusal;
mod server;
mod settings;
mod wire;

pub use audit::{Arrival, AuditReport, Fate, KeyAudit, Tally};
pub use server::{router, serve};
pub use settings::{OfKey, Settings};
pub use wire::Sent;
