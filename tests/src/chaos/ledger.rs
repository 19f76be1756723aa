//! One deployment's grants and returns, added up naively. A run is shorter than 60 s, so for
//! `rolling` everything counts against one limit.

use std::collections::{BTreeMap, HashMap, HashSet};

use quota_api::{Amount, WindowKind};
use quota_core::{Event, HolderId, LeaseId, Now, RequestKey};

use super::record::{plus, within};

/// What the journal says of one deployment.
#[derive(Debug)]
pub(super) struct Ledger {
    kind: WindowKind,
    limit: Amount,
    leases: HashMap<LeaseId, Entered>,
    requests: HashSet<(HolderId, RequestKey)>,
    /// Granted minus given back, by the minute that a window stands for.
    pub(super) outstanding: BTreeMap<u64, Amount>,
    /// The rules that an entry broke, and how.
    pub(super) broken: Vec<String>,
}

#[derive(Debug)]
struct Entered {
    minute: u64,
    granted: Amount,
    given_back: Amount,
    used: Amount,
}

impl Ledger {
    pub(super) fn new(kind: WindowKind, limit: Amount) -> Self {
        Self {
            kind,
            limit,
            leases: HashMap::new(),
            requests: HashSet::new(),
            outstanding: BTreeMap::new(),
            broken: Vec::new(),
        }
    }

    /// How many leases were granted.
    pub(super) fn grants(&self) -> u64 {
        self.leases.len() as u64
    }

    /// Outstanding in all windows together.
    pub(super) fn total(&self) -> Amount {
        self.outstanding.values().copied().fold(Amount::default(), plus)
    }

    pub(super) fn apply(&mut self, now: &Now, event: &Event) {
        match *event {
            Event::Granted { lease, holder, request, amount, .. } => {
                self.ask_once(holder, request);
                self.grant(now, lease, api(amount));
            }
            Event::GivenBack { lease, total, .. } => self.give_back(lease, api(total)),
            Event::Used { lease, used, .. } => self.report(lease, api(used)),
            Event::PolicySet { .. }
            | Event::PeriodsSet { .. }
            | Event::Carried { .. }
            | Event::Summed { .. }
            | Event::Doubted { .. } => (),
        }
    }

    /// R5: the same request, the same lease.
    fn ask_once(&mut self, holder: HolderId, request: RequestKey) {
        if !self.requests.insert((holder, request)) {
            self.broken.push(format!("R5: {request:?} of {holder:?} was granted twice"));
        }
    }

    /// R1: never above the limit.
    fn grant(&mut self, now: &Now, lease: LeaseId, granted: Amount) {
        let minute = now.window.minute + lease.window.saturating_sub(now.window.number);
        let none = Amount::default();
        let entered = Entered { minute, granted, given_back: none, used: none };
        if self.leases.insert(lease, entered).is_some() {
            self.broken.push(format!("R1: lease {lease} was granted twice"));
        }
        let window = self.outstanding.entry(minute).or_default();
        *window = plus(*window, granted);
        let counts = match self.kind {
            WindowKind::Minute => *window,
            WindowKind::Rolling => self.total(),
        };
        if !within(counts, self.limit) {
            let limit = self.limit;
            self.broken.push(format!("R1: lease {lease} makes {counts:?} of {limit:?}"));
        }
    }

    /// R5: running totals, merged by maximum. R3: never more than was leased.
    fn give_back(&mut self, lease: LeaseId, told: Amount) {
        let Some(entered) = self.leases.get_mut(&lease) else {
            return self.broken.push(format!("R3: {lease} was given back, but never granted"));
        };
        let before = entered.given_back;
        let total = largest(before, told);
        entered.given_back = total;
        let minute = entered.minute;
        self.check_lease(lease);
        let window = self.outstanding.entry(minute).or_default();
        window.tokens = window.tokens.saturating_sub(total.tokens - before.tokens);
        window.requests = window.requests.saturating_sub(total.requests - before.requests);
    }

    fn report(&mut self, lease: LeaseId, told: Amount) {
        let Some(entered) = self.leases.get_mut(&lease) else {
            return self.broken.push(format!("R3: {lease} was used, but never granted"));
        };
        entered.used = largest(entered.used, told);
        self.check_lease(lease);
    }

    fn check_lease(&mut self, lease: LeaseId) {
        let entered = &self.leases[&lease];
        if !within(plus(entered.given_back, entered.used), entered.granted) {
            self.broken.push(format!("R3: lease {lease} is overdrawn: {entered:?}"));
        }
    }
}

fn largest(a: Amount, b: Amount) -> Amount {
    Amount { tokens: a.tokens.max(b.tokens), requests: a.requests.max(b.requests) }
}

fn api(amount: quota_core::Amount) -> Amount {
    Amount { tokens: amount.tokens(), requests: amount.requests() }
}

#[cfg(test)]
mod tests {
    use quota_core::WindowSpan;

    use super::*;

    const LIMIT: Amount = Amount { tokens: 100, requests: 10 };

    fn now() -> Now {
        let window = WindowSpan { number: 7, minute: 1_007, opens_ms: 0, ends_ms: 60_000 };
        Now { steady_ms: 10, window }
    }

    fn grant(number: u32, window: u64, tokens: u64) -> Event {
        Event::Granted {
            lease: LeaseId { window, number },
            holder: HolderId(1),
            request: RequestKey(u128::from(number) + u128::from(window) * 1_000),
            amount: quota_core::Amount::new(tokens, 1),
            starts_ms: 0,
            ends_ms: 0,
        }
    }

    fn give_back(number: u32, tokens: u64) -> Event {
        let total = quota_core::Amount::new(tokens, 0);
        Event::GivenBack { lease: LeaseId { window: 7, number }, total, closed: false }
    }

    fn broken(kind: WindowKind, events: &[Event]) -> Vec<String> {
        let mut ledger = Ledger::new(kind, LIMIT);
        events.iter().for_each(|event| ledger.apply(&now(), event));
        ledger.broken
    }

    #[test]
    fn a_sound_journal_breaks_nothing() {
        let events = [
            grant(0, 7, 60),
            grant(1, 7, 40),
            give_back(0, 30),
            give_back(0, 20),
            grant(2, 7, 30),
            grant(0, 8, 100),
        ];
        assert!(broken(WindowKind::Minute, &events).is_empty());
    }

    #[test]
    fn each_broken_rule_is_found() {
        let over = [grant(0, 7, 60), grant(1, 7, 41)];
        let ahead = [grant(0, 7, 60), grant(0, 8, 60)];
        let twice = [grant(0, 7, 6), grant(0, 7, 6)];
        let overdrawn = [grant(0, 7, 6), give_back(0, 7)];
        for (kind, events, rule) in [
            (WindowKind::Minute, over.as_slice(), "R1: lease 7-1 makes"),
            (WindowKind::Rolling, &ahead, "R1: lease 8-0 makes"),
            (WindowKind::Minute, &twice, "R5"),
            (WindowKind::Minute, &overdrawn, "R3: lease 7-0 is overdrawn"),
            (WindowKind::Minute, &[give_back(3, 1)], "R3: 7-3 was given back"),
        ] {
            let broken = broken(kind, events);
            assert!(broken.iter().any(|broken| broken.starts_with(rule)), "{rule}: {broken:?}");
        }
    }
}
