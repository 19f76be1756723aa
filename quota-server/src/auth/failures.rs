//! How many wrong tokens one address may show.
//!
//! A token of 256 random bits is not guessed, however fast: this bounds what a caller that tries
//! costs, in log lines and handshakes, and makes it visible. Only what failed is counted, so a good
//! token passes from an address that others behind it have brought to the bound.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use edge::network;
use tokio::time::Instant;

/// Failures in a row that an address may have at any time; then at the configured rate.
const BURST: u32 = 10;

/// So many addresses are told apart; above, all new ones count as one.
const ADDRESSES: usize = 16_384;

/// How often addresses that are at rest are forgotten, at most.
const SWEEP: Duration = Duration::from_secs(1);

/// Who is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Source {
    Address(IpAddr),
    /// All that there is no more room for.
    Others,
}

/// The failures of all addresses.
#[derive(Debug)]
pub(super) struct Failures {
    /// Between two failures, at the rate.
    every: Duration,
    /// When each address would be at rest again.
    rests: HashMap<Source, Instant>,
    swept: Option<Instant>,
}

impl Failures {
    /// At most so many a minute.
    pub(super) fn new(a_minute: u32) -> Self {
        let every = Duration::from_secs(60) / a_minute.max(1);
        Self { every, rests: HashMap::new(), swept: None }
    }

    /// Counts a failure. `Some`: it was one too many; when the next is not.
    pub(super) fn count(&mut self, from: IpAddr, now: Instant) -> Option<Duration> {
        let source = self.source(from, now);
        let rest = self.rests.get(&source).map_or(now, |rest| (*rest).max(now));
        let ahead = rest.duration_since(now);
        let most = self.every * (BURST - 1);
        if ahead > most {
            return Some(ahead - most);
        }
        self.rests.insert(source, rest + self.every);
        None
    }

    fn source(&mut self, from: IpAddr, now: Instant) -> Source {
        let source = Source::Address(network(from));
        if self.rests.len() >= ADDRESSES && !self.rests.contains_key(&source) {
            self.sweep(now);
            if self.rests.len() >= ADDRESSES {
                return Source::Others;
            }
        }
        source
    }

    fn sweep(&mut self, now: Instant) {
        if self.swept.is_none_or(|swept| now.duration_since(swept) >= SWEEP) {
            self.rests.retain(|_, rest| *rest > now);
            self.swept = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn fresh() -> (Failures, Instant) {
        (Failures::new(60), Instant::now())
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let (mut failures, now) = fresh();
        for _ in 0..BURST {
            assert_eq!(failures.count(HOME, now), None);
        }
        assert_eq!(failures.count(HOME, now), Some(Duration::from_secs(1)));
        assert_eq!(failures.count(HOME, now), Some(Duration::from_secs(1)), "not counted again");
        assert_eq!(failures.count(HOME, now + Duration::from_secs(1)), None);
        assert!(failures.count(HOME, now + Duration::from_secs(1)).is_some());
        let later = now + Duration::from_secs(3_600);
        assert!((0..BURST).all(|_| failures.count(HOME, later).is_none()));
    }

    #[test]
    fn addresses_are_told_apart_and_networks_of_one_host_are_not() {
        let (mut failures, now) = fresh();
        let mut allowed = |from: &str| failures.count(from.parse().unwrap(), now).is_none();
        assert!((0..BURST).all(|n| allowed(&format!("2001:db8::{n}"))));
        assert!(!allowed("2001:db8::ffff"));
        assert!(allowed("2001:db8:0:1::1") && allowed("192.0.2.1"));
        assert!((1..BURST).all(|_| allowed("192.0.2.1")));
        assert!(!allowed("::ffff:192.0.2.1"), "the same address, written as IPv6");
    }

    #[test]
    fn memory_is_bounded() {
        let (mut failures, now) = fresh();
        let at = |number: u32| IpAddr::from(std::net::Ipv4Addr::from_bits(number));
        for number in 0..100_000 {
            let _limited = failures.count(at(number), now);
        }
        assert_eq!(failures.rests.len(), ADDRESSES + 1);
        assert!(failures.count(at(200_000), now).is_some(), "the others share one bound");
        assert_eq!(failures.count(at(1), now), None, "who was there first does not");
        assert_eq!(failures.count(at(200_000), now + Duration::from_secs(60)), None);
        assert!(failures.rests.len() < 3, "those at rest are forgotten");
    }
}
