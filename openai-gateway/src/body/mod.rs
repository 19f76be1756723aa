//! A caller's body: read once, kept as the bytes that came, and forwarded with nothing changed but
//! what the gateway must change. Numbers, order and fields that the gateway doesn't know stay as they
//! were written.

mod chat;
mod embeddings;
mod fields;

pub use chat::ChatBody;
pub use embeddings::EmbeddingsBody;
pub use fields::{BadRequest, Fields};
