//! What is charged over periods that are longer than a window.
//!
//! Leases are kept by the window, for a minute or two; of a day only sums are kept. What a window
//! that the book still keeps has charged stands by itself, so that returns and reports change it;
//! when its book is closed, it goes into the *slot* of each period that it reaches into: of the
//! calendar the span with this number, of a rolling span the slice of time at whose end its charges
//! leave.
//!
//! A charge counts from its grant until its period is over: of the calendar, until the span's last
//! minute is over by the windows' names; of a rolling span, until that much time has passed since
//! the last lease of its window ended and its last overrun was reported, and to the end of a slice:
//! late by some minutes and a 128th of the span, never early.

use std::collections::{BTreeMap, VecDeque};
use std::ops::RangeInclusive;

use quota_units::{CalendarSpan, Period, PeriodLimit, PeriodLimits};
use serde::{Deserialize, Serialize};

use super::calendar;
use crate::lease::Lease;
use crate::time::SLEWED_MS;
use crate::{Amount, Limit, MAX_LIMIT, MINUTE_MS, Now, Unit};

/// A rolling span has so many slices.
pub const PERIOD_SLICES: u64 = 128;

/// The accounts of a book over further periods.
#[derive(Debug, Clone, Default)]
pub(crate) struct Periods {
    /// Of the windows that the book keeps, oldest first, whether or not there are accounts: one may
    /// come.
    windows: VecDeque<WindowSum>,
    /// Those of the limits, in their order, then those whose limits were taken away: should one be
    /// put again in its period, what was charged before counts.
    accounts: Vec<PeriodAccount>,
    /// A slot changed since [`Periods::tell`].
    is_untold: bool,
    /// The last window whose entries tell of the slots; 0: none does.
    told: u64,
}

/// One unit over one period.
#[derive(Debug, Clone)]
struct PeriodAccount {
    limit: PeriodLimit,
    /// The limit holds. If not, it was taken away.
    holds: bool,
    /// The last slot that matters to a limit that was taken away: after it the period in which that
    /// was is over.
    until: u64,
    /// What closed windows charged.
    slots: BTreeMap<u64, u64>,
}

/// What a window charged.
#[derive(Debug, Clone, Copy)]
struct WindowSum {
    window: u64,
    /// The wall minutes that its leases may be drawn from in.
    minutes: MinuteSpan,
    /// When the last of its leases ends, or its last overrun was reported, steady ms.
    ends_ms: u64,
    charged: Amount,
    /// So many windows up to this one may have charged so much each without the book's knowing.
    doubted: (u64, Amount),
}

/// Wall minutes, from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MinuteSpan {
    first: u64,
    last: u64,
}

impl MinuteSpan {
    /// Those of a time span, steady ms.
    pub(crate) const fn of(starts_ms: u64, ends_ms: u64, now: &Now) -> Self {
        let window = &now.window;
        let first = window.minute_at(starts_ms);
        let mut last = window.minute_at(ends_ms.saturating_sub(1));
        // One that was left open for longer than a minute is of its last minute too, wherever it
        // stands by the clock.
        let length_ms = window.ends_ms.saturating_sub(window.opens_ms);
        let is_long = length_ms > MINUTE_MS + SLEWED_MS;
        if is_long && starts_ms < window.ends_ms && last < window.minute {
            last = window.minute;
        }
        Self { first, last: if last < first { first } else { last } }
    }

    const fn now(now: &Now) -> Self {
        Self::of(now.steady_ms, now.steady_ms + 1, now)
    }

    fn and(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }
}

/// What a limit over a further period has not enough of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PeriodShort {
    pub(crate) unit: Unit,
    pub(crate) period: Period,
    /// So much is missing.
    pub(crate) missing: u64,
    /// When that much will be there whatever holders do, ms from now.
    pub(crate) certain_ms: u64,
}

/// A limit that was taken away, and that is counted on until the period in which that was is over:
/// should it be put again, what was charged meanwhile counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedLimit {
    /// The limit.
    pub limit: PeriodLimit,
    /// The last slot of that period.
    pub until: u64,
}

/// How an account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeriodStanding {
    /// The limit.
    pub limit: PeriodLimit,
    /// What counts against it.
    pub charged: u64,
    /// When the open period ends, ms from now; of a rolling span, when the first charge leaves.
    pub resets_in_ms: u64,
}

impl Periods {
    /// Whether nothing is counted.
    pub(crate) fn is_unused(&self) -> bool {
        self.accounts.is_empty()
    }

    /// Whether nothing is charged.
    pub(crate) fn is_empty(&self) -> bool {
        self.windows.is_empty() && self.accounts.iter().all(|account| account.slots.is_empty())
    }

    /// What the limits of each unit come to a minute, the least of them.
    pub(crate) fn minutely(&self) -> Limit {
        let a_minute = |limit: PeriodLimit| (limit.most / minutes_of(limit.period)).max(1);
        let limits = || self.limited().map(|account| account.limit);
        Limit::by_unit(|unit| limits().filter(|limit| limit.unit == unit).map(a_minute).min())
    }

    /// Limits that are to be counted on when these hold, the latest ones first: as many as a
    /// deployment may have.
    pub(crate) fn counted_beside(&self, limits: &PeriodLimits, now: &Now) -> Vec<CountedLimit> {
        let is_put = |account: &&PeriodAccount| {
            limits.as_slice().iter().any(|limit| account.is_of(limit.unit, limit.period))
        };
        let counted = self.accounts.iter().filter(|account| !is_put(account)).map(|account| {
            let until =
                if account.holds { last_slot(account.limit.period, now) } else { account.until };
            CountedLimit { limit: account.limit, until }
        });
        counted.take(quota_units::MAX_PERIODS).collect()
    }

    /// These limits hold from here on, and those are counted on.
    pub(crate) fn set(&mut self, limits: &PeriodLimits, counted: &[CountedLimit]) {
        let mut before = std::mem::take(&mut self.accounts);
        let limits = limits.as_slice().iter().map(|limit| (*limit, true, 0));
        let counted = counted.iter().map(|counted| (counted.limit, false, counted.until));
        for (limit, holds, until) in limits.chain(counted) {
            let known = before.iter().position(|old| old.is_of(limit.unit, limit.period));
            let slots = known.map(|at| before.remove(at).slots).unwrap_or_default();
            self.accounts.push(PeriodAccount { limit, holds, until, slots });
        }
        (self.is_untold, self.told) = (true, 0);
    }

    /// A lease of a window is granted, from `starts_ms` to `ends_ms`.
    pub(crate) fn charge(&mut self, window: u64, lease: &Lease, now: &Now) {
        let minutes = MinuteSpan::of(lease.starts_ms, lease.ends_ms, now);
        let sum = self.window(window, minutes, lease.ends_ms);
        sum.charged = sum.charged.saturating_add(lease.granted());
    }

    /// So much of a lease of a window is given back.
    pub(crate) fn credit(&mut self, window: u64, amount: Amount) {
        if let Some(sum) = self.windows.iter_mut().find(|sum| sum.window == window) {
            sum.charged = sum.charged.saturating_sub(amount);
        }
    }

    /// So much more than a lease of a window held was used. Of one whose book is closed it counts
    /// from its report on.
    pub(crate) fn overrun(&mut self, window: u64, amount: Amount, now: &Now) {
        if amount.is_zero() {
            return;
        }
        match self.windows.iter_mut().find(|sum| sum.window == window) {
            Some(sum) => {
                sum.charged = sum.charged.saturating_add(amount);
                sum.ends_ms = sum.ends_ms.max(now.steady_ms);
            }
            None => {
                let minutes = MinuteSpan::now(now);
                self.close(&WindowSum {
                    window,
                    minutes,
                    ends_ms: now.steady_ms,
                    charged: amount,
                    doubted: (0, Amount::ZERO),
                });
            }
        }
    }

    /// Of so many windows up to the one after the open one nobody knows what they charged: each may
    /// have charged `most`, and of a period no more count than it has. Again for the same windows,
    /// it changes nothing.
    pub(crate) fn doubt(&mut self, windows: u64, most: Amount, now: &Now) {
        if self.is_unused() {
            return;
        }
        let ends_ms = now.window.ends_ms + MINUTE_MS;
        let sum =
            self.window(now.window.number, MinuteSpan::of(now.steady_ms, ends_ms, now), ends_ms);
        sum.doubted = (sum.doubted.0.max(windows), sum.doubted.1.max(most));
    }

    fn window(&mut self, window: u64, minutes: MinuteSpan, ends_ms: u64) -> &mut WindowSum {
        let at = self.windows.partition_point(|sum| sum.window < window);
        match self.windows.get_mut(at) {
            Some(sum) if sum.window == window => {
                sum.minutes = sum.minutes.and(minutes);
                sum.ends_ms = sum.ends_ms.max(ends_ms);
            }
            _ => {
                let (charged, doubted) = (Amount::ZERO, (0, Amount::ZERO));
                self.windows.insert(at, WindowSum { window, minutes, ends_ms, charged, doubted });
            }
        }
        &mut self.windows[at]
    }

    /// Closes windows before `first_kept`, and lets go what counts no more.
    pub(crate) fn advance(&mut self, first_kept: u64, now: &Now) {
        while let Some(sum) = self.windows.front().copied().filter(|sum| sum.window < first_kept) {
            self.windows.pop_front();
            self.close(&sum);
        }
        self.accounts.retain_mut(|account| {
            let first = first_slot(account.limit.period, now);
            account.release(first);
            account.holds || account.until >= first
        });
        if self.windows.is_empty() {
            self.windows = VecDeque::new();
        }
    }

    fn close(&mut self, sum: &WindowSum) {
        for account in &mut self.accounts {
            for slot in slots(account.limit.period, sum) {
                let added = sum.counts(&account.limit, slot);
                if added > 0 {
                    let slot = account.slots.entry(slot).or_default();
                    *slot = slot.saturating_add(added).min(MAX_LIMIT);
                    self.is_untold = true;
                }
            }
        }
    }

    /// What each unit has room for in all of these minutes.
    pub(crate) fn room(&self, minutes: MinuteSpan, now: &Now) -> Amount {
        let mut room = Amount::of_each(MAX_LIMIT);
        for account in self.limited() {
            let PeriodLimit { unit, most, .. } = account.limit;
            room[unit] = room[unit].min(most.saturating_sub(self.charged(account, minutes, now)));
        }
        room
    }

    /// What is missing for `min` in one of these minutes, where that is there last. A limit that is
    /// exceeded holds up those too who ask for nothing of its unit.
    pub(crate) fn short_of(
        &self,
        min: Amount,
        minutes: MinuteSpan,
        now: &Now,
    ) -> Option<PeriodShort> {
        let shorts = self.limited().filter_map(|account| {
            let PeriodLimit { unit, period, most } = account.limit;
            let in_minute = |minute| {
                let at = MinuteSpan { first: minute, last: minute };
                let charged = self.charged(account, at, now);
                let missing = charged.saturating_add(min[unit]).saturating_sub(most);
                (missing > 0).then(|| PeriodShort {
                    unit,
                    period,
                    missing,
                    certain_ms: self.freed_in_ms(account, missing, minute, now),
                })
            };
            let MinuteSpan { first, last } = minutes;
            in_minute(first).or_else(|| (last != first).then(|| in_minute(last)).flatten())
        });
        shorts.max_by_key(|short| short.certain_ms)
    }

    /// The first limit that is less than `min` by itself.
    pub(crate) fn below(&self, min: Amount) -> Option<PeriodLimit> {
        let mut limits = self.limited().map(|account| account.limit);
        limits.find(|limit| min[limit.unit] > limit.most)
    }

    /// How each limit stands.
    pub(crate) fn standings(&self, now: &Now) -> Vec<PeriodStanding> {
        let minutes = MinuteSpan::now(now);
        let standings = self.limited().map(|account| PeriodStanding {
            limit: account.limit,
            charged: self.charged(account, minutes, now),
            resets_in_ms: self.freed_in_ms(account, 1, minutes.first, now),
        });
        standings.collect()
    }

    fn limited(&self) -> impl Iterator<Item = &PeriodAccount> {
        self.accounts.iter().filter(|account| account.holds)
    }

    /// What counts against a limit in that of these minutes in which it is most, at most
    /// [`MAX_LIMIT`].
    fn charged(&self, account: &PeriodAccount, minutes: MinuteSpan, now: &Now) -> u64 {
        let charged = match account.limit.period {
            Period::Calendar { span, offset_min } => {
                let reached = spans(span, offset_min, minutes);
                reached.map(|slot| self.in_slot(account, slot)).max().unwrap_or(0)
            }
            Period::Rolling { .. } => {
                let closed = account.slots.range(first_slot(account.limit.period, now)..);
                let closed = closed.fold(0, |sum: u64, (_, slot)| sum.saturating_add(*slot));
                let kept = self.windows.iter().map(|sum| sum.counts(&account.limit, 0));
                kept.fold(closed, u64::saturating_add)
            }
        };
        charged.min(MAX_LIMIT)
    }

    fn in_slot(&self, account: &PeriodAccount, slot: u64) -> u64 {
        let closed = account.slots.get(&slot).copied().unwrap_or(0);
        let is_in = |sum: &&WindowSum| slots(account.limit.period, sum).contains(&slot);
        let kept = self.windows.iter().filter(is_in).map(|sum| sum.counts(&account.limit, slot));
        kept.fold(closed, u64::saturating_add)
    }

    /// When so much of what counts in a minute will have left whatever holders do, ms from now.
    fn freed_in_ms(&self, account: &PeriodAccount, wanted: u64, minute: u64, now: &Now) -> u64 {
        match account.limit.period {
            Period::Calendar { span, offset_min } => {
                let number = calendar::span_of(span, offset_min, minute);
                let end = calendar::end_of(span, offset_min, number);
                let windows = end.saturating_sub(now.window.minute + 1);
                now.window_ends_in_ms() + windows.saturating_mul(MINUTE_MS)
            }
            Period::Rolling { secs } => {
                let first = first_slot(account.limit.period, now);
                let closed = account.slots.range(first..).map(|(slot, sum)| (*slot, *sum));
                let kept = self.windows.iter().map(|sum| {
                    (*slots(account.limit.period, sum).end(), sum.counts(&account.limit, 0))
                });
                let mut freed = 0_u64;
                let reached = closed.chain(kept).find(|(_, sum)| {
                    freed = freed.saturating_add(*sum);
                    freed >= wanted
                });
                let at_ms = reached.map(|(slot, _)| slot.saturating_mul(slice_ms(secs)));
                at_ms.map_or(0, |at_ms| at_ms.saturating_sub(now.steady_ms))
            }
        }
    }

    /// What each account's slots hold, where no entry from window `floor` on tells of it. Entries
    /// of `window` do from now on.
    pub(crate) fn tell(&mut self, floor: u64, window: u64) -> Vec<(PeriodLimit, Vec<(u64, u64)>)> {
        if !std::mem::take(&mut self.is_untold) && self.told >= floor {
            return Vec::new();
        }
        self.told = window;
        let of = |account: &PeriodAccount| {
            (account.limit, account.slots.iter().map(|(slot, sum)| (*slot, *sum)).collect())
        };
        self.accounts.iter().map(of).collect()
    }

    /// An account's slots are what the journal says, all of them.
    pub(crate) fn told(&mut self, unit: Unit, period: Period, slots: &[(u64, u64)]) {
        if let Some(account) = self.accounts.iter_mut().find(|of| of.is_of(unit, period)) {
            account.slots = slots.iter().copied().collect();
        }
    }
}

impl PeriodAccount {
    fn is_of(&self, unit: Unit, period: Period) -> bool {
        (self.limit.unit, self.limit.period) == (unit, period)
    }

    /// Lets go what is before this slot.
    fn release(&mut self, first: u64) {
        while self.slots.first_key_value().is_some_and(|(slot, _)| *slot < first) {
            self.slots.pop_first();
        }
    }
}

impl WindowSum {
    /// What of it counts against a limit, of the calendar in this slot. Of windows in doubt no more
    /// can than have been in it by then.
    fn counts(&self, limit: &PeriodLimit, slot: u64) -> u64 {
        let (windows, each) = self.doubted;
        if windows == 0 {
            return self.charged[limit.unit];
        }
        let most = match limit.period {
            Period::Calendar { span, offset_min } => {
                let end = |slot| calendar::end_of(span, offset_min, slot);
                let passed = end(slot).min(self.minutes.last.saturating_add(1));
                passed.saturating_sub(slot.checked_sub(1).map_or(0, end))
            }
            Period::Rolling { secs } => u64::from(secs).div_ceil(60),
        };
        // The open window and the one after it are beside the minutes that have passed.
        let doubted = each[limit.unit].saturating_mul(windows.min(most + 2)).min(MAX_LIMIT);
        self.charged[limit.unit].max(doubted)
    }
}

/// How many minutes a period has, about.
const fn minutes_of(period: Period) -> u64 {
    match period {
        Period::Calendar { span: CalendarSpan::Hour, .. } => 60,
        Period::Calendar { span: CalendarSpan::Day, .. } => 1_440,
        Period::Calendar { span: CalendarSpan::Week, .. } => 7 * 1_440,
        Period::Calendar { span: CalendarSpan::Month, .. } => 30 * 1_440,
        Period::Rolling { secs } => secs as u64 / 60,
    }
}

const fn slice_ms(secs: u32) -> u64 {
    (secs as u64 * 1_000).div_ceil(PERIOD_SLICES)
}

/// The slots that a window's charges go into.
fn slots(period: Period, sum: &WindowSum) -> RangeInclusive<u64> {
    match period {
        Period::Calendar { span, offset_min } => spans(span, offset_min, sum.minutes),
        Period::Rolling { secs } => {
            let leaves_ms = sum.ends_ms.saturating_add(u64::from(secs) * 1_000);
            let slot = leaves_ms.div_ceil(slice_ms(secs));
            slot..=slot
        }
    }
}

/// The spans of the calendar that some minutes reach into: two at most, whatever a journal says, as
/// the shortest is an hour.
fn spans(span: CalendarSpan, offset_min: i16, minutes: MinuteSpan) -> RangeInclusive<u64> {
    let number = |minute| calendar::span_of(span, offset_min, minute);
    let first = number(minutes.first);
    first..=number(minutes.last).min(first.saturating_add(1))
}

/// The last slot of a period that begins now at the latest.
fn last_slot(period: Period, now: &Now) -> u64 {
    match period {
        Period::Calendar { .. } => first_slot(period, now),
        Period::Rolling { secs } => {
            (now.steady_ms + u64::from(secs) * 1_000).div_ceil(slice_ms(secs))
        }
    }
}

/// The first slot that counts.
fn first_slot(period: Period, now: &Now) -> u64 {
    match period {
        Period::Calendar { span, offset_min } => {
            calendar::span_of(span, offset_min, MinuteSpan::now(now).first)
        }
        Period::Rolling { secs } => now.steady_ms / slice_ms(secs) + 1,
    }
}
