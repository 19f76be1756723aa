//! The servers that gateways speak with, in front of one ledger: all of them at work, or one active
//! and the others standbys. They die, and they are paused and do later what came meanwhile.

use std::net::Ipv4Addr;

/// A standby takes over once the active server was silent for so long.
pub(crate) const SILENCE_US: u64 = 2_000_000;

#[derive(Debug)]
pub(crate) struct Fronts {
    fronts: Vec<Front>,
    /// The one that may ask the ledger, if not all may.
    active: Option<usize>,
}

#[derive(Debug, Clone, Default)]
struct Front {
    dead_until_us: u64,
    paused_until_us: u64,
}

/// How a server is when a message comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Greeting {
    Works,
    /// Nobody listens.
    Refuses,
    /// It goes on then, with all that came.
    PausedUntil(u64),
    /// Another one is active.
    StandbyOf(usize),
}

impl Fronts {
    pub(crate) fn new(count: usize, has_standbys: bool) -> Self {
        Self { fronts: vec![Front::default(); count], active: has_standbys.then_some(0) }
    }

    /// What a client is configured with.
    pub(crate) fn urls(&self) -> String {
        let urls: Vec<_> = (0..self.fronts.len()).map(url).collect();
        urls.join(",")
    }

    pub(crate) fn named(&self, at: &str) -> usize {
        (0..self.fronts.len()).find(|number| url(*number) == at).expect("a server of ours")
    }

    pub(crate) fn greet(&self, number: usize, now_us: u64) -> Greeting {
        let front = &self.fronts[number];
        if now_us < front.dead_until_us {
            return Greeting::Refuses;
        }
        if now_us < front.paused_until_us {
            return Greeting::PausedUntil(front.paused_until_us);
        }
        match self.active {
            Some(active) if active != number => Greeting::StandbyOf(active),
            _ => Greeting::Works,
        }
    }

    pub(crate) fn is_ready(&self, number: usize, now_us: u64) -> bool {
        let front = &self.fronts[number];
        now_us >= front.dead_until_us.max(front.paused_until_us)
    }

    pub(crate) fn die(&mut self, number: usize, until_us: u64) {
        self.fronts[number].dead_until_us = until_us;
    }

    pub(crate) fn pause(&mut self, number: usize, until_us: u64) {
        self.fronts[number].paused_until_us = until_us;
    }

    /// If the active server is still silent, the first standby that is not becomes active.
    pub(crate) fn take_over(&mut self, now_us: u64) {
        let Some(active) = self.active.filter(|active| !self.is_ready(*active, now_us)) else {
            return;
        };
        let able = (0..self.fronts.len()).find(|number| self.is_ready(*number, now_us));
        self.active = Some(able.unwrap_or(active));
    }
}

/// Addresses, so that no name has to be looked up.
pub(crate) fn url(number: usize) -> String {
    let last = u8::try_from(number + 1).expect("few servers");
    format!("http://{}:7700", Ipv4Addr::new(10, 0, 0, last))
}
