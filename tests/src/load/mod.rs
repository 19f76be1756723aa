//! Offers requests to gateways: open loop, each at its moment, whatever became of those before.

mod answer;
mod body;
mod offer;
mod progress;

pub use answer::{Answer, Outcome};
pub use body::{chat, embedding, embedding_sized};
pub use offer::{Call, Offer, Targets, every};
pub use progress::Progress;
