//! Ports for the processes, from below the range that the system takes for outgoing connections.
//!
//! A server that is killed and started again keeps its port. Were that one of the outgoing range,
//! a client that keeps trying to reconnect could be given that very port, and talk to itself.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    ops::Range,
    sync::atomic::{AtomicU16, Ordering},
};

use super::HarnessError;

const RANGE: Range<u16> = 12_000..32_000;

/// How many were tried so far in this process.
static TRIED: AtomicU16 = AtomicU16::new(0);

/// A port that is free just now, and that no other caller in this process is given.
///
/// # Errors
/// None is free.
pub fn free_address() -> Result<SocketAddr, HarnessError> {
    let size = RANGE.end - RANGE.start;
    (0..size)
        .map(|_| TRIED.fetch_add(1, Ordering::Relaxed))
        .map(|tried| RANGE.start + (first_offset(size) + tried % size) % size)
        .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .find(|address| TcpListener::bind(address).is_ok())
        .ok_or(HarnessError::NoPort(RANGE))
}

/// Test processes that run side by side begin at different places.
fn first_offset(size: u16) -> u16 {
    let spread = u64::from(std::process::id()) * 487 % u64::from(size);
    u16::try_from(spread).expect("a remainder of a 16 bit number")
}
