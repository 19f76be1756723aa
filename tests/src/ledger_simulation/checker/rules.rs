//! The rules.

use quota_core::{Amount, WindowKind};
use quota_server::ledger::LeaseRef;
use strum::{IntoStaticStr, VariantNames};
use tokio::time::{Duration, Instant};

use super::{Checker, Known, Told};

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, IntoStaticStr, VariantNames)]
pub enum Rule {
    /// A minute's leases stay within its limit (R1, R7, R8).
    MinuteWithinLimit,
    /// The leases of any 60 s stay within the limit (R1, R7, R8).
    RollingWithinLimit,
    /// What holders draw in any 60 s, and in a minute's window, stays within the limit (R1, R2).
    DrawsWithinLimit,
    /// What holders draw in a longer period stays within the limit over it (R1, R2).
    SpanWithinLimit,
    /// A gateway draws out of a lease of its own, in the lease's life, and no more than it holds
    /// (R2).
    DrawsWithinLease,
    /// Nothing is granted of what there is not.
    DeploymentExists,
    /// A lease holds what was asked for: `min` at least, `want` at most.
    AsAsked,
    /// The same ask gets the same lease (R5).
    SameAskSameLease,
    /// A lease has one holder.
    OneHolder,
    /// What is given back is credited once (R4).
    CreditedOnce,
    /// Only the credential that acquired a lease gives it back.
    NotAnothers,
    /// A window never opens again (R6).
    WindowsGoOn,
    /// No two windows in less than one (R6).
    WindowsLastAMinute,
    /// A server that is started starts.
    Starts,
    /// After a restart the books are as before it.
    SameBooks,
    /// Where nothing was lost, nothing is quarantined (R7).
    NoNeedlessQuarantine,
    /// A server that waits for something rests meanwhile.
    Rests,
    /// When all is well again, the ledger serves by the next clean window.
    ServesAgain,
}

/// Two clocks of machines differ in rate by so much at most: 500 ppm each.
const DRIFT: u32 = 1_000;

/// A minute's window is never shorter, ms: as the ledger promises, less the drift.
const SHORTEST: Duration = Duration::from_millis(59_940 - 60);

/// Held charges leave after so long at the earliest.
pub(super) const PERIOD: Duration = Duration::from_millis(60_000 - 60_000 / DRIFT as u64 - 10);

impl Checker {
    /// A holder hears of a lease.
    pub(crate) fn granted(&mut self, told: &Told, min: Amount, want: Amount) {
        let now = Instant::now();
        let window = told.lease.lease.window;
        self.expect(Rule::AsAsked, min.fits(told.amount) && told.amount.fits(want), || {
            format!("{} for {min:?} to {want:?}: {:?}", told.lease, told.amount)
        });
        self.is_same_lease(told);
        let is_new = !self.leases.contains_key(&told.lease);
        if !is_new {
            return;
        }
        // One that is heard of after its end may have ended any time since it was asked for.
        let first_sent = self.asks.get(&told.ask).map_or(told.sent, |asked| asked.first_sent);
        let has_ended = told.expires_in.is_zero();
        let ends = if has_ended { first_sent } else { told.sent + told.expires_in };
        self.leases.insert(
            told.lease,
            Known {
                deployment: told.deployment,
                ask: told.ask,
                amount: told.amount,
                starts: now + told.starts_in,
                ends,
                heard: now,
                returned: Amount::ZERO,
                credited: Amount::ZERO,
                overruns: Vec::new(),
            },
        );
        self.windows.entry((told.lease.deployment, window)).or_default().push(told.lease);
        self.is_within_limit(told, now);
        let is_over_a_start = self.reboots.iter().any(|reboot| *reboot >= first_sent);
        if told.starts_in.is_zero() && told.expires_in > Duration::ZERO && !is_over_a_start {
            // It may be the answer to an earlier copy, and a rolling lease outlives its window. One
            // that was granted ahead starts where its window was to open, also if the one before
            // was left open by then.
            self.saw_open(window, first_sent, now);
        }
    }

    /// R5, and a lease has one holder.
    fn is_same_lease(&mut self, told: &Told) {
        let window = told.lease.lease.window;
        let Some(asked) = self.asks.get_mut(&told.ask) else { return };
        let before: Vec<LeaseRef> = asked.leases.clone();
        if !before.contains(&told.lease) {
            asked.leases.push(told.lease);
        }
        let another = before.iter().find(|old| {
            **old != told.lease
                && old.lease.window + 1 >= window
                && old.deployment == told.lease.deployment
        });
        let another = another.filter(|old| {
            self.leases.get(old).is_some_and(|known| !self.has_lost_since(known.heard))
        });
        let another = another.copied();
        self.expect(Rule::SameAskSameLease, another.is_none(), || {
            format!(
                "{:?} has {} and gets {}",
                told.ask,
                another.map(|old| old.to_string()).unwrap_or_default(),
                told.lease
            )
        });
        let owner = self.leases.get(&told.lease).map(|known| (known.ask, known.amount));
        self.expect(
            Rule::OneHolder,
            owner.is_none_or(|owner| owner == (told.ask, told.amount)),
            || format!("{} of {owner:?} goes to {:?}, {:?}", told.lease, told.ask, told.amount),
        );
    }

    /// R1 and R8, from below.
    fn is_within_limit(&mut self, told: &Told, now: Instant) {
        let from = self.asks.get(&told.ask).map_or(told.sent, |asked| asked.first_sent);
        let possible = self
            .limits
            .get(&told.deployment)
            .map_or_else(|| vec![None], |limits| limits.between(from, now));
        let settings: Vec<_> = possible.into_iter().flatten().collect();
        self.expect(Rule::DeploymentExists, !settings.is_empty(), || {
            format!("{} of deployment {}, which there is not", told.lease, told.deployment)
        });
        if settings.is_empty() {
            return;
        }
        let limit = settings.iter().map(|setting| setting.limit.ceiling());
        let limit = limit.fold(Amount::ZERO, Amount::max);
        let (rule, sum) = if settings.iter().all(|setting| setting.kind == WindowKind::Minute) {
            let next = self.next_sum(told.lease, from);
            (Rule::MinuteWithinLimit, self.minute_sum(told.lease, from).saturating_add(next))
        } else if settings.iter().all(|setting| setting.kind == WindowKind::Rolling) {
            (Rule::RollingWithinLimit, self.rolling_sum(told.lease.deployment, now))
        } else {
            return;
        };
        // Where a limit was lowered, what takes nothing of a unit does not take it over.
        let of = |amount: u64, sum: u64| if amount == 0 { 0 } else { sum };
        let sum = Amount::new(
            of(told.amount.tokens(), sum.tokens()),
            of(told.amount.requests(), sum.requests()),
        );
        self.expect(rule, sum.fits(limit), || {
            format!(
                "with {} of deployment {} there are {sum:?} out of {limit:?}",
                told.lease, told.deployment
            )
        });
    }

    /// What is outstanding of a window, and used above it, at least.
    pub(super) fn minute_sum(&self, lease: LeaseRef, from: Instant) -> Amount {
        let leases = self.windows.get(&(lease.deployment, lease.lease.window));
        let known = leases.into_iter().flatten().filter_map(|lease| self.leases.get(lease));
        known.fold(Amount::ZERO, |sum, known| {
            let reported = known.overruns.iter().rev().find(|(at, _)| *at <= from);
            let overrun = reported.map_or(Amount::ZERO, |(_, overrun)| *overrun);
            sum.saturating_add(known.amount.saturating_sub(known.returned)).saturating_add(overrun)
        })
    }

    /// What of the window after is drawn from by this time, at least: granted ahead, and the window
    /// that was open then goes on. Both are drawn from in one minute.
    fn next_sum(&self, lease: LeaseRef, from: Instant) -> Amount {
        let next = (lease.deployment, lease.lease.window + 1);
        let leases = self.windows.get(&next).into_iter().flatten();
        let started = leases.filter_map(|lease| self.leases.get(lease));
        let started = started.filter(|known| known.starts <= from);
        started.fold(Amount::ZERO, |sum, known| {
            sum.saturating_add(known.amount.saturating_sub(known.returned))
        })
    }

    fn rolling_sum(&self, book: u32, now: Instant) -> Amount {
        let recent = self.windows.range((book, 0)..=(book, u64::MAX)).rev().take(5);
        let leases =
            recent.flat_map(|(_, leases)| leases).filter_map(|lease| self.leases.get(lease));
        let held = leases.filter(|known| known.ends + PERIOD > now);
        held.fold(Amount::ZERO, |sum, known| {
            sum.saturating_add(known.amount.saturating_sub(known.returned))
        })
    }

    /// A window was open at some time between these.
    fn saw_open(&mut self, window: u64, from: Instant, to: Instant) {
        let later = self.open.range(window + 1..).find(|(_, (first, _))| *first < from);
        let later = later.map(|(later, _)| *later);
        self.expect(Rule::WindowsGoOn, later.is_none(), || {
            format!("window {window} is open after {}", later.unwrap_or_default())
        });
        // The last one that was surely open at a time, and those between it and this one. Where
        // writes were lost in between, time goes on from what is left, and two windows are
        // quarantined.
        let before = self.open.range(..window).next_back().map(|(no, (_, last))| (*no, *last));
        let before = before.filter(|(_, last)| !self.has_lost_since(*last));
        if let Some((no, last)) = before {
            let whole = u32::try_from(window - no - 1).unwrap_or(u32::MAX);
            self.expect(
                Rule::WindowsLastAMinute,
                to.saturating_duration_since(last) >= SHORTEST * whole,
                || {
                    format!(
                        "window {window} opens {:?} after {no} was open",
                        to.saturating_duration_since(last)
                    )
                },
            );
        }
        let seen = self.open.entry(window).or_insert((to, from));
        seen.0 = seen.0.min(to);
        seen.1 = seen.1.max(from);
    }

    /// A holder hears what of its return was credited.
    pub(crate) fn returned(&mut self, lease: LeaseRef, credited: Amount, asked: Amount) {
        let Some(known) = self.leases.get_mut(&lease) else { return };
        known.credited = known.credited.saturating_add(credited);
        let (sum, most, heard) = (known.credited, known.returned, known.heard);
        let holds = sum.fits(most) || self.has_lost_since(heard);
        self.expect(Rule::CreditedOnce, holds, || {
            format!("{lease}: {sum:?} credited of {most:?} that were sent back, {asked:?} just now")
        });
    }

    /// A return that nobody could make was answered with this credit.
    pub(crate) fn forged(&mut self, lease: LeaseRef, credited: Amount) {
        self.expect(Rule::NotAnothers, credited.is_zero(), || {
            format!("{lease}: {credited:?} credited to a forged return")
        });
    }

    /// An overrun is in the books, unless it is lost later.
    pub(crate) fn overran(&mut self, lease: LeaseRef, overrun: Amount) {
        if let Some(known) = self.leases.get_mut(&lease)
            && known.overruns.last().is_none_or(|(_, last)| !overrun.fits(*last))
        {
            known.overruns.push((Instant::now(), overrun));
        }
    }

    /// A holder draws from a lease of a rolling window.
    pub(crate) fn draws(&mut self, deployment: usize, book: u32, tokens: u64) {
        let now = Instant::now();
        let draws = self.draws.entry(book).or_default();
        draws.push((now, tokens));
        draws.retain(|(at, _)| now.duration_since(*at) < PERIOD);
        let sum: u64 = draws.iter().map(|(_, tokens)| tokens).sum();
        let from = (now - PERIOD - Duration::from_secs(10)).max(self.began);
        let Some(limits) = self.limits.get(&deployment) else { return };
        let settings: Vec<_> = limits.between(from, now).into_iter().flatten().collect();
        if settings.iter().any(|setting| setting.kind == WindowKind::Minute) {
            return;
        }
        let limit = settings.iter().map(|setting| setting.limit.ceiling().tokens()).max();
        self.expect(Rule::DrawsWithinLimit, limit.is_none_or(|limit| sum <= limit), || {
            format!("{sum} tokens in 60 s of deployment {deployment} out of {limit:?}")
        });
    }
}
