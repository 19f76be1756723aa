//! The book of one deployment.
//!
//! Each command is *decided* on the book as it is (`acquire.rs`, `returns.rs`): that gives an
//! outcome and at most one event, and changes nothing. The event is then *entered* (`enter`,
//! below), which is all that a replay does. What is not in an event (who asked lately, how much was
//! denied) decides sizes and hints, never whether a grant is within the limit.

mod acquire;
mod hints;
mod overview;
mod returns;
mod view;

use std::collections::VecDeque;

use crate::account::{Account, CountedLimit, Periods};
use crate::bucket::Bucket;
use crate::late::{Late, LateLease};
use crate::lease::Lease;
use crate::{
    Amount, Command, Event, HolderId, Imbalance, LeaseId, Now, Outcome, Policy, Refusal, WindowKind,
};
use hints::Holders;

pub use acquire::SHORTEST_LIFE_MS;
pub use hints::{ACTIVE_MS, BEAT_MS, REFUND_MS};
pub use overview::Overview;
pub use view::{BookPage, HeldLease, Standing};

/// How many ms before its opening the next window can be asked for.
pub const AHEAD_MS: u64 = 1_000;

/// The accounts of one deployment: its open window, the one before and the one after it, and what
/// older ones left open.
#[derive(Debug, Clone)]
pub struct Book {
    policy: Policy,
    /// Windows in which something was granted or denied, oldest first.
    buckets: VecDeque<Bucket>,
    account: Account,
    periods: Periods,
    late: Late,
    /// Leases of windows that are kept, but whose grants this book has not seen: its journal begins
    /// later.
    apart: Late,
    holders: Holders,
    closed: Vec<BookPage>,
    /// The last window whose audit came to its end; 0: all did.
    audited: u64,
}

impl Book {
    /// An empty book.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        let mut periods = Periods::default();
        periods.set(&policy.periods, &[]);
        Self {
            account: Account::new(policy.kind),
            policy,
            buckets: VecDeque::new(),
            periods,
            late: Late::default(),
            apart: Late::default(),
            holders: Holders::default(),
            closed: Vec::new(),
            audited: 0,
        }
    }

    /// Decides on a command and enters what follows from it. The event, if there is one, must be
    /// durable before the outcome is told to anybody.
    ///
    /// # Errors
    /// Why the command changed nothing.
    pub fn apply(
        &mut self,
        command: &Command,
        now: &Now,
    ) -> Result<(Outcome, Option<Event>), Refusal> {
        self.advance(now);
        let (outcome, event) = match command {
            Command::Acquire(holder, wish) => self.decide_acquire(*holder, wish, now)?,
            Command::GiveBack(holder, give_back) => {
                self.decide_give_back(*holder, give_back, now)?
            }
            Command::Use(holder, report) => self.decide_use(*holder, report)?,
            Command::Denied(amount) => {
                self.note_denied(now.window.number, *amount, now);
                (Outcome::Noted, None)
            }
            Command::SetPolicy(policy) => self.decide_policy(policy, now)?,
            Command::Doubt(windows) => self.decide_doubt(*windows),
        };
        if let Some(event) = &event {
            self.enter(event, now).expect("what was decided on this book follows on it");
        }
        Ok((outcome, event))
    }

    /// Enters an event of the journal that was written at `now`.
    ///
    /// # Errors
    /// The event cannot follow on this book.
    pub fn replay(&mut self, event: &Event, now: &Now) -> Result<(), Imbalance> {
        self.advance(now);
        self.enter(event, now)
    }

    /// Lets time pass: ends leases, releases what left the last 60 s, and closes the books of
    /// windows that are over. Every call of this type does it first; an active book needs it once a
    /// window.
    pub fn advance(&mut self, now: &Now) {
        for bucket in &mut self.buckets {
            bucket.end(now.steady_ms);
        }
        let first_kept = (now.window.number + 1).saturating_sub(self.kept_windows());
        self.account.advance(first_kept, now);
        self.periods.advance(first_kept, now);
        while self.buckets.front().is_some_and(|bucket| bucket.window < first_kept) {
            if let Some(bucket) = self.buckets.pop_front() {
                self.late.take_over(&bucket);
                self.closed.push(BookPage::closed(&bucket, self.policy.kind));
            }
        }
        let next = self.buckets.back_mut().filter(|last| last.window == now.window.number + 1);
        if let Some(next) = next {
            next.look_ahead(now.window.ends_ms);
        }
        self.late.forget(now.window.number);
        self.apart.forget_before(first_kept);
        if self.buckets.is_empty() {
            // What an idle deployment costs is what is left here.
            self.buckets = VecDeque::new();
            self.holders = Holders::default();
        }
    }

    /// The pages of the windows that were closed since the last call, for the history.
    pub fn take_closed(&mut self) -> Vec<BookPage> {
        std::mem::take(&mut self.closed)
    }

    /// Whether nothing is going on: no window kept, no charge held, nobody waited for. A book at
    /// rest needs no [`Book::advance`].
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.keeps_no_window() && self.periods.is_empty()
    }

    fn keeps_no_window(&self) -> bool {
        self.buckets.is_empty()
            && self.account.is_empty()
            && self.late.is_empty()
            && self.apart.is_empty()
            && self.closed.is_empty()
    }

    /// A book with another policy, whose kind of window may be another: what counts over further
    /// periods goes on in it. `None` while it keeps windows.
    #[must_use]
    pub fn renewed(&self, policy: Policy, now: &Now) -> Option<Self> {
        let mut periods = self.keeps_no_window().then(|| self.periods.clone())?;
        periods.advance(now.window.number, now);
        let counted = periods.counted_beside(&policy.periods, now);
        periods.set(&policy.periods, &counted);
        Some(Self { periods, ..Self::new(policy) })
    }

    /// What older windows left open, each as the event that carries it.
    pub fn carried(&self) -> impl Iterator<Item = Event> {
        self.late.iter().map(|(lease, late)| Event::Carried { lease, late })
    }

    /// Carries what older windows left open past a compaction of the journal: events for entries of
    /// `window`, the open one, of what no entry from window `floor` on tells. The sums of further
    /// periods come first, and belong together; of the leases after them as many as are taken are
    /// told.
    pub fn carry(&mut self, floor: u64, window: u64) -> (Vec<Event>, impl Iterator<Item = Event>) {
        let sums = self.periods.tell(floor, window).into_iter();
        let sums = sums.map(|(limit, slots)| Event::Summed {
            unit: limit.unit,
            period: limit.period,
            slots,
        });
        let untold = self.late.tell(floor, window);
        (sums.collect(), untold.map(|(lease, late)| Event::Carried { lease, late }))
    }

    /// What is known of a lease of an earlier window than the open one: with that before it, a
    /// report on the lease can be replayed by who has no older entries. A book that has the lease's
    /// window takes nothing from it.
    #[must_use]
    pub fn carried_lease(&self, lease: LeaseId, now: &Now) -> Option<Event> {
        if !self.is_over(lease.window, now) {
            return None;
        }
        let late = match self.bucket(lease.window) {
            Some(bucket) => LateLease::of(bucket.find(lease)?, bucket.overrun_of(lease)),
            None => *self.late.find(lease)?,
        };
        Some(Event::Carried { lease, late })
    }

    /// The event that sets its policy, as it is: what a journal that has no older ones is to tell
    /// first.
    #[must_use]
    pub fn policy_event(&self, now: &Now) -> Event {
        let counted = self.periods.counted_beside(&self.policy.periods, now);
        Event::policy_set(self.policy.clone(), counted)
    }

    /// Whether something is counted over further periods.
    #[must_use]
    pub fn counts_periods(&self) -> bool {
        !self.periods.is_unused()
    }

    /// What the book knows of its deployment.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The book adds up: every sum is the sum of its parts.
    ///
    /// # Errors
    /// Which one is not.
    pub fn audit(&self) -> Result<(), Imbalance> {
        for bucket in &self.buckets {
            if !bucket.adds_up() || !self.account.agrees(bucket.window, bucket.tally.charged()) {
                return Err(Imbalance::SumsDiffer(bucket.window));
            }
        }
        if self.account.adds_up() { Ok(()) } else { Err(Imbalance::SumsDiffer(0)) }
    }

    /// The same in parts: looks over the next `most` leases of a window at most. Answers how many
    /// there were, or charges of the last 60 s, and whether that was the last part; then the next
    /// one begins anew. Parts go on where the last one ended, whatever happens to the leases in
    /// between.
    ///
    /// # Errors
    /// A sum whose parts are all seen by now, and that is another.
    pub fn audit_some(&mut self, most: usize) -> Result<(usize, bool), Imbalance> {
        let seen = self.audited;
        let Some(bucket) = self.buckets.iter_mut().find(|bucket| bucket.window > seen) else {
            self.audited = 0;
            let is_right = self.account.adds_up();
            return is_right.then(|| (self.account.count(), true)).ok_or(Imbalance::SumsDiffer(0));
        };
        let window = bucket.window;
        let (looked_at, is_right) = bucket.audit_some(most);
        let charged = bucket.tally.charged();
        if let Some(is_right) = is_right {
            self.audited = window;
            let is_right = is_right && self.account.agrees(window, charged);
            is_right.then_some(()).ok_or(Imbalance::SumsDiffer(window))?;
        }
        Ok((looked_at, false))
    }

    /// How many leases it keeps: what an audit costs.
    #[must_use]
    pub fn lease_count(&self) -> usize {
        self.buckets.iter().map(Bucket::count).sum()
    }

    fn enter(&mut self, event: &Event, now: &Now) -> Result<(), Imbalance> {
        match *event {
            Event::Granted { lease, holder, request, amount, starts_ms, ends_ms } => {
                self.holders.seen(holder, now.steady_ms);
                let held = Lease::new(holder, request, amount, starts_ms, ends_ms);
                self.enter_grant(lease, held.ok_or(Imbalance::OverLimit(lease))?, now)
            }
            Event::GivenBack { lease, total, closed } => self.enter_return(lease, total, closed),
            Event::Used { lease, used, overrun } => self.enter_use(lease, used, overrun, now),
            Event::PolicySet { ref policy } => self.enter_policy(policy, &[], now),
            Event::PeriodsSet { ref policy, ref counted } => {
                self.enter_policy(policy, counted, now)
            }
            Event::Summed { unit, period, ref slots } => {
                self.periods.told(unit, period, slots);
                Ok(())
            }
            Event::Doubted { windows } => {
                self.periods.doubt(windows, self.policy.limit.ceiling(), now);
                Ok(())
            }
            Event::Carried { lease, late } => {
                if self.bucket(lease.window).is_none() {
                    let is_closed = lease.window + self.kept_windows() <= now.window.number;
                    let leases = if is_closed { &mut self.late } else { &mut self.apart };
                    leases.insert(lease, late, now.window.number);
                }
                Ok(())
            }
        }
    }

    fn enter_policy(
        &mut self,
        policy: &Policy,
        counted: &[CountedLimit],
        now: &Now,
    ) -> Result<(), Imbalance> {
        self.set_kind(policy.kind)?;
        self.policy = policy.clone();
        for bucket in &mut self.buckets {
            if bucket.window >= now.window.number {
                bucket.limit = policy.limit;
            }
        }
        self.periods.set(&policy.periods, counted);
        Ok(())
    }

    /// How many windows are kept, the open one counted: the last one for returns under way and
    /// repeated requests; with rolling one more, since charges live longer than a minute.
    #[must_use]
    pub const fn kept_windows(&self) -> u64 {
        match self.policy.kind {
            WindowKind::Minute => 2,
            WindowKind::Rolling => 3,
        }
    }

    /// Charges of one kind mean nothing to the other.
    fn set_kind(&mut self, kind: WindowKind) -> Result<(), Imbalance> {
        if kind != self.policy.kind {
            self.account.is_empty().then_some(()).ok_or(Imbalance::KindChanged)?;
            self.account = Account::new(kind);
        }
        Ok(())
    }

    fn bucket(&self, window: u64) -> Option<&Bucket> {
        self.buckets.iter().rev().find(|bucket| bucket.window == window)
    }

    fn bucket_mut(&mut self, window: u64) -> Option<&mut Bucket> {
        self.buckets.iter_mut().rev().find(|bucket| bucket.window == window)
    }

    /// The bucket of the open window or the one after it, made if need be.
    fn open_bucket(&mut self, window: u64, now: &Now) -> &mut Bucket {
        let at = self.buckets.partition_point(|bucket| bucket.window < window);
        if self.buckets.get(at).is_none_or(|bucket| bucket.window != window) {
            let minute = now.window.minute + window.saturating_sub(now.window.number);
            // About as much will happen as in the window before.
            let leases = at.checked_sub(1).map_or(0, |before| self.buckets[before].count());
            let bucket = Bucket::new(window, minute, self.policy.limit, leases);
            self.buckets.insert(at, bucket);
        }
        &mut self.buckets[at]
    }

    fn is_over(&self, window: u64, now: &Now) -> bool {
        window < now.window.number
    }

    fn note_denied(&mut self, window: u64, amount: Amount, now: &Now) {
        let bucket = self.open_bucket(window, now);
        bucket.denied = bucket.denied.saturating_add(amount);
    }

    fn decide_policy(
        &self,
        policy: &Policy,
        now: &Now,
    ) -> Result<(Outcome, Option<Event>), Refusal> {
        if policy.kind != self.policy.kind {
            return Err(Refusal::KindIsFixed);
        }
        let counted = self.periods.counted_beside(&policy.periods, now);
        let event = (*policy != self.policy).then(|| Event::policy_set(policy.clone(), counted));
        Ok((Outcome::Noted, event))
    }

    fn decide_doubt(&self, windows: u64) -> (Outcome, Option<Event>) {
        let counts = windows > 0 && !self.periods.is_unused();
        (Outcome::Noted, counts.then_some(Event::Doubted { windows }))
    }

    /// Whose a lease is, among those that the book still has.
    #[must_use]
    pub fn owner(&self, lease: LeaseId) -> Option<HolderId> {
        let held = self.bucket(lease.window).and_then(|bucket| bucket.find(lease));
        let late = || self.late.find(lease).or_else(|| self.apart.find(lease));
        held.map(|lease| lease.holder).or_else(|| late().map(|late| late.holder))
    }
}
