//! A caller's body: read once, kept as the bytes that came, and forwarded with nothing changed but
//! what the gateway must change. Numbers, order and fields that the gateway doesn't know stay as
//! they were written.

mod fields;
mod form;
mod json;
mod stream_options;

pub use fields::{BadRequest, Edit, Fields, json, text};
pub use form::Multipart;
pub use json::JsonBody;
pub use stream_options::StreamOptions;
