//! What a request will cost, before it is sent: counted as the provider counts, offline.
//!
//! Embeddings are counted exactly. Chat follows OpenAI's cookbook for messages; tools and response
//! formats are counted as the JSON that they are written in, which errs to the safe side; images
//! and other attachments are flat guesses. Whatever is guessed wrong the settlement sets right.

mod chat;
mod encoding;
mod list;
mod prompt;

pub use chat::{attached_tokens, content_tokens, item_tokens, message_tokens};
pub use encoding::Encoding;
pub use prompt::{document_tokens, prompt_tokens, prompts};
