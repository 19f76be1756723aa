//! Who is at the other end of a connection.

use std::net::SocketAddr;

/// The other end, as every request of the connection carries it (in an `Arc`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its address: a proxy's, if there is one in between.
    pub address: SocketAddr,
    /// The names in its certificate, DNS names and URIs, if it showed one that was verified.
    pub names: Vec<String>,
}
