//! What becomes of a gateway's configuration: what reaches providers, and how it starts.

mod start;
mod wire;
