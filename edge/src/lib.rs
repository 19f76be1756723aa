//! The HTTP edge of quota server and gateway: connections and what bounds them, who is at their
//! other end, bodies and the room that there is for them, and which requests may come from a
//! browser.

#![warn(missing_docs)]

pub mod body;
pub mod certificate;
pub mod descriptors;
pub mod listener;
mod peer;
pub mod same_site;

pub use peer::{Peer, network};
