//! Judges a run from what was said alone: who asked for what when, what was answered, which changes
//! were acknowledged. It knows the promises (R1, R4, R5, R7, R8 and the windows' order), and
//! nothing of how they are kept.
//!
//! What it sums is a lower bound of what is outstanding: the leases that somebody was told of, less
//! all that was ever sent back of them, heard or not. What may be charged besides is in doubt, and
//! passes.

mod draws;
mod limits;
mod rules;

use std::collections::{BTreeMap, HashMap};

use quota_core::Amount;
use quota_server::ledger::LeaseRef;
use tokio::time::{Duration, Instant};

pub(crate) use draws::SPAN_SECS;
pub(crate) use limits::Setting;
pub use rules::Rule;

use draws::Draws;
use limits::Limits;

/// A rule was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub rule: Rule,
    /// When, ms from the beginning.
    pub at_ms: u64,
    /// What was seen.
    pub what: String,
}

/// An ask: its holder with its credential, and its number.
pub(crate) type Ask = (usize, u64, u128);

/// A lease that somebody was told of.
#[derive(Debug)]
pub(crate) struct Known {
    deployment: usize,
    pub(crate) ask: Ask,
    pub(crate) amount: Amount,
    /// It is drawn from then on at the latest.
    starts: Instant,
    /// It cannot end before.
    ends: Instant,
    heard: Instant,
    returned: Amount,
    credited: Amount,
    /// What was known to be in the books of it, from when on.
    overruns: Vec<(Instant, Amount)>,
}

/// A lease as it is told to its holder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    pub(crate) ask: Ask,
    pub(crate) deployment: usize,
    pub(crate) lease: LeaseRef,
    pub(crate) amount: Amount,
    pub(crate) starts_in: Duration,
    pub(crate) expires_in: Duration,
    /// When this copy of the ask was sent.
    pub(crate) sent: Instant,
}

/// What was said so far.
#[derive(Debug)]
pub(crate) struct Checker {
    began: Instant,
    limits: BTreeMap<usize, Limits>,
    asks: HashMap<Ask, Asked>,
    pub(crate) leases: HashMap<LeaseRef, Known>,
    /// By the book's number and window, in the order in which they were heard.
    windows: BTreeMap<(u32, u64), Vec<LeaseRef>>,
    draws: BTreeMap<u32, Vec<(Instant, u64)>>,
    draws_of_gateways: Draws,
    /// When each window was first known to be open, and last known to be.
    open: BTreeMap<u64, (Instant, Instant)>,
    /// When writes were lost.
    pub(crate) losses: Vec<Instant>,
    /// When machines were started anew.
    reboots: Vec<Instant>,
    pub(crate) violations: Vec<Violation>,
    /// How often each rule was looked at.
    pub(crate) checks: BTreeMap<Rule, u64>,
}

#[derive(Debug)]
struct Asked {
    first_sent: Instant,
    leases: Vec<LeaseRef>,
}

impl Checker {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            limits: BTreeMap::new(),
            asks: HashMap::new(),
            leases: HashMap::new(),
            windows: BTreeMap::new(),
            draws: BTreeMap::new(),
            draws_of_gateways: Draws::default(),
            open: BTreeMap::new(),
            losses: Vec::new(),
            reboots: Vec::new(),
            violations: Vec::new(),
            checks: BTreeMap::new(),
        }
    }

    /// A change was sent: its number.
    pub(crate) fn change(&mut self, deployment: usize, setting: Option<Setting>) -> usize {
        self.limits.entry(deployment).or_default().sent(setting, Instant::now())
    }

    pub(crate) fn changed(&mut self, deployment: usize, change: usize) {
        self.limits.entry(deployment).or_default().made(change, Instant::now());
    }

    pub(crate) fn change_over(&mut self, deployment: usize, change: usize, is_refused: bool) {
        self.limits.entry(deployment).or_default().over(change, is_refused, Instant::now());
    }

    /// A holder asks, perhaps again.
    pub(crate) fn asks(&mut self, ask: Ask) {
        let first_sent = Instant::now();
        self.asks.entry(ask).or_insert(Asked { first_sent, leases: Vec::new() });
    }

    /// All that was written after `since` is lost.
    pub(crate) fn lost(&mut self, since: Instant) {
        self.losses.push(Instant::now());
        self.limits.values_mut().for_each(|limits| limits.lost(since));
        self.leases.values_mut().for_each(|known| known.overruns.clear());
    }

    /// A machine starts anew: the window that was open may go on for longer than its leases were
    /// told.
    pub(crate) fn rebooted(&mut self) {
        self.reboots.push(Instant::now());
    }

    /// A holder sends back: from now on it may be credited.
    pub(crate) fn sends_back(&mut self, lease: LeaseRef, total: Amount) {
        if let Some(known) = self.leases.get_mut(&lease) {
            known.returned = known.returned.max(total).min(known.amount);
        }
    }

    /// How much of the last lease's window is surely outstanding, and of what limit at most;
    /// nothing where no lease was told of in the last minute.
    pub(crate) fn fullness(&self, deployment: usize) -> Option<(u64, u64)> {
        let now = Instant::now();
        let recent = self.leases.iter().filter(|(_, known)| known.deployment == deployment);
        let recent = recent.filter(|(_, known)| now - known.heard < Duration::from_secs(60));
        let (newest, _) = recent.max_by_key(|(lease, _)| lease.lease)?;
        let limits = self.limits.get(&deployment)?.between(now, now);
        let limit =
            limits.into_iter().flatten().map(|setting| setting.limit.ceiling().tokens()).max();
        Some((self.minute_sum(*newest, now).tokens(), limit.unwrap_or(0)))
    }

    /// Whether writes were lost after this time.
    fn has_lost_since(&self, at: Instant) -> bool {
        self.losses.iter().any(|loss| *loss >= at)
    }

    pub(crate) fn breaks(&mut self, rule: Rule, what: String) {
        let at_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.violations.push(Violation { rule, at_ms, what });
    }

    pub(crate) fn looks_at(&mut self, rule: Rule) {
        *self.checks.entry(rule).or_default() += 1;
    }

    pub(crate) fn expect(&mut self, rule: Rule, holds: bool, what: impl FnOnce() -> String) {
        self.looks_at(rule);
        if !holds {
            self.breaks(rule, what());
        }
    }
}
