//! What quota server and gateway ask of a request before they look at it.

#![warn(missing_docs)]

pub mod same_site;
