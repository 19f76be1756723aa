//! Who is at the other end of a connection.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The other end, as every request of the connection carries it (in an `Arc`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its address: a proxy's, if there is one in between.
    pub address: SocketAddr,
    /// The names in its certificate, DNS names and URIs, if it showed one that was verified.
    pub names: Vec<String>,
}

/// Whom an address is counted with: who has one of IPv6 has its /64.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}
