//! Random sequences of commands: the book must agree with the naive model at every step, and a book
//! replayed from the journal must agree with the book.

use proptest::prelude::*;
use quota_core::{
    Amount, Book, Command, HolderId, LeaseId, Outcome, Period, PeriodLimit, Policy, Refusal,
    Report, RequestKey, Unit, WindowKind,
};

use crate::naive::{Grant, Naive};
use crate::world::{World, amount, hour, now, policy, with_periods};

#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Acquire {
        holder: u32,
        request: u128,
        tokens: u64,
        requests: u64,
        more: u64,
        ahead: bool,
    },
    GiveBack {
        holder: u32,
        lease: usize,
        tokens: u64,
        requests: u64,
        closed: bool,
    },
    /// All of a lease, which is not closed for that.
    GiveBackAll {
        lease: usize,
    },
    Report {
        lease: usize,
        tokens: u64,
        requests: u64,
        overrun: u64,
    },
    /// An ask under the id of a lease: the same, or a little more of it.
    Repeat {
        lease: usize,
        more: u64,
    },
    Limit {
        tokens: u64,
        requests: u64,
    },
}

/// A pause is as likely as all other limits are.
fn limit(most: u64) -> impl Strategy<Value = u64> {
    prop_oneof![1 => Just(0), 4 => 0..most]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => prop_oneof![0..2_000_u64, 50_000..70_000_u64].prop_map(Step::Wait),
        6 => (0..3_u32, 0..40_u128, 0..120_u64, 0..4_u64, 0..300_u64, any::<bool>()).prop_map(
            |(holder, request, tokens, requests, more, ahead)| Step::Acquire { holder, request, tokens, requests, more, ahead }
        ),
        4 => (0..3_u32, 0..20_usize, 0..120_u64, 0..4_u64, any::<bool>()).prop_map(
            |(holder, lease, tokens, requests, closed)| Step::GiveBack { holder, lease, tokens, requests, closed }
        ),
        1 => (0..20_usize).prop_map(|lease| Step::GiveBackAll { lease }),
        3 => (0..20_usize, 0..3_u64).prop_map(|(lease, more)| Step::Repeat { lease, more }),
        4 => (0..20_usize, 0..120_u64, 0..4_u64, 0..60_u64)
            .prop_map(|(lease, tokens, requests, overrun)| Step::Report { lease, tokens, requests, overrun }),
        1 => (limit(900), limit(25)).prop_map(|(tokens, requests)| Step::Limit { tokens, requests }),
    ]
}

struct Check {
    world: World,
    naive: Naive,
    kind: WindowKind,
    periods: Vec<PeriodLimit>,
}

impl Check {
    fn new(kind: WindowKind, periods: &[PeriodLimit]) -> Self {
        let naive = Naive { has_periods: !periods.is_empty(), ..Naive::default() };
        let periods = periods.to_vec();
        let mut world = World::new(with_periods(policy(kind, 500, 20), &periods));
        // An hour is over in three minutes.
        world.ms = 57 * 60_000;
        Self { world, naive, kind, periods }
    }

    fn policy(&self, tokens: u64, requests: u64) -> Policy {
        with_periods(policy(self.kind, tokens, requests), &self.periods)
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Wait(ms) => self.world.ms += ms,
            Step::Acquire { holder, request, tokens, requests, more, ahead } => {
                let min = amount(tokens, requests);
                let want = amount(tokens + more, requests + more / 50);
                self.acquire(holder, request, min, want, ahead);
            }
            Step::GiveBack { holder, lease, tokens, requests, closed } => {
                self.give_back(holder, lease, amount(tokens, requests), closed);
            }
            Step::GiveBackAll { lease } => self.give_back_all(lease),
            Step::Repeat { lease, more } => self.repeat(lease, more),
            Step::Report { lease, tokens, requests, overrun } => {
                self.report(lease, tokens, requests, overrun);
            }
            Step::Limit { tokens, requests } => {
                let policy = self.policy(tokens, requests);
                self.world.tell(&Command::SetPolicy(policy)).expect("a limit can be set");
            }
        }
        self.compare();
    }

    fn repeat(&mut self, index: usize, more: u64) {
        let Some((id, holder)) = self.lease(index) else {
            return;
        };
        let grant = &self.naive.grants[&id];
        let (request, (min, want, ahead)) = (grant.request, grant.wish);
        let want = amount(want.tokens() + more, want.requests());
        self.acquire(holder.0, request.0, min, want, ahead);
    }

    fn acquire(&mut self, holder: u32, request: u128, min: Amount, want: Amount, ahead: bool) {
        let at = now(self.world.ms);
        let limit = self.world.book.policy().limit;
        let (holder_id, key) = (HolderId(holder), RequestKey(request));
        let known = self.naive.of_request(holder_id, key);
        match self.world.ask(holder, request, min, want, ahead) {
            Ok(granted) if granted.repeated => {
                assert_eq!(known, Some(granted.lease));
                let grant = &self.naive.grants[&granted.lease];
                assert_eq!((grant.wish, grant.is_through()), ((min, want, ahead), false));
            }
            Err(Refusal::OtherWish) => {
                let id = known.expect("the id was used before");
                assert_ne!(self.naive.grants[&id].wish, (min, want, ahead));
            }
            Err(Refusal::LeaseClosed) => {
                assert!(self.naive.grants[&known.expect("the id was used before")].is_through());
            }
            Ok(granted) => {
                assert!(limit.paused().is_none(), "granted in a pause");
                let window = granted.lease.window;
                assert!(
                    !self.naive.is_over(self.kind, limit, window, &at),
                    "granted above the limit"
                );
                let room = self.naive.room(self.kind, limit, window, &at);
                assert!(granted.amount.fits(room), "{granted:?} into {room:?}");
                assert!(min.fits(granted.amount) && granted.amount.fits(want));
                for limit in &self.periods {
                    let room = self.naive.period_room(limit, &at, false);
                    let ahead =
                        if window > at.window.number { self.next_room(limit) } else { room };
                    let got = granted.amount.get(limit.unit);
                    assert!(got <= room.max(ahead), "{granted:?} into {room} of {limit:?}");
                }
                let recent = known.is_some_and(|id| id.window + 1 >= at.window.number);
                assert!(!recent, "a repeated request was granted anew");
                let ends_ms = at.steady_ms + granted.expires_in_ms;
                let grant = Grant {
                    holder: holder_id,
                    request: key,
                    wish: (min, want, ahead),
                    is_closed: false,
                    amount: granted.amount,
                    starts_ms: at.steady_ms + granted.starts_in_ms,
                    ends_ms,
                    returns: vec![],
                    reports: vec![],
                };
                assert!(
                    self.naive.grants.insert(granted.lease, grant).is_none(),
                    "an id was given twice"
                );
            }
            Err(Refusal::Denied(denial)) => {
                assert!(denial.retry_after_ms > 0);
                let windows = [at.window.number, at.window.number + 1];
                let fits_all = windows.iter().all(|window| {
                    min.fits(self.naive.room(self.kind, limit, *window, &at))
                        && !self.naive.is_over(self.kind, limit, *window, &at)
                });
                // Who needs nothing now is given no crumbs.
                let is_paused = limit.paused().is_some();
                let periods = &self.world.book.policy().periods;
                let is_short = self.naive.may_be_short(periods, min, &at);
                assert!(denial.period.is_none() || is_short, "{denial:?}");
                let has_reason = min.is_zero() || is_paused || is_short;
                assert!(!fits_all || has_reason, "denied, though there was room");
            }
            Err(Refusal::NeverFits { .. }) => {
                let is_above = |of: &PeriodLimit| min.get(of.unit) > of.most;
                assert!(!min.fits(limit.ceiling()) || self.periods.iter().any(is_above));
            }
            Err(Refusal::TooEarly { in_ms }) => {
                assert!(ahead && at.window_ends_in_ms() == in_ms + 1_000);
            }
            Err(Refusal::NothingAsked) => assert!(want.is_zero()),
            Err(other) => panic!("an acquire was refused: {other}"),
        }
    }

    fn lease(&self, index: usize) -> Option<(LeaseId, HolderId)> {
        let grants = &self.naive.grants;
        let (id, grant) = grants.iter().rev().nth(index % grants.len().max(1))?;
        Some((*id, grant.holder))
    }

    fn give_back(&mut self, holder: u32, index: usize, total: Amount, closed: bool) {
        let Some((id, owner)) = self.lease(index) else {
            return;
        };
        let at = now(self.world.ms);
        let known = self.world.book.owner(id).is_some();
        match self.world.return_of(holder, id, total, closed) {
            Ok(returned) if known => {
                assert_eq!(owner, HolderId(holder));
                let credit = self.naive.credit(id, total, self.kind, &at);
                if self.world.book.pages(&at).iter().any(|page| page.window == id.window) {
                    assert_eq!(Some(returned.credited), credit);
                }
                let in_time = self.naive.is_in_time(id, self.kind, &at);
                let grant = self.naive.grants.get_mut(&id).expect("it is there");
                if !returned.credited.is_zero() {
                    grant.returns.push(total);
                }
                grant.is_closed |= closed && in_time;
            }
            Ok(returned) => assert!(returned.credited.is_zero()),
            Err(Refusal::NotYours) => assert_ne!(owner, HolderId(holder)),
            Err(Refusal::ExceedsLease) => {
                assert_eq!(self.naive.credit(id, total, self.kind, &at), None);
            }
            Err(other) => panic!("a return was refused: {other}"),
        }
    }

    fn give_back_all(&mut self, index: usize) {
        if let Some((id, holder)) = self.lease(index) {
            self.give_back(holder.0, index, self.naive.grants[&id].amount, false);
        }
    }

    fn report(&mut self, index: usize, tokens: u64, requests: u64, overrun: u64) {
        let Some((lease, holder)) = self.lease(index) else {
            return;
        };
        let (used, overrun) = (amount(tokens, requests), amount(overrun, 0));
        let known = self.world.book.owner(lease).is_some();
        match self.world.tell(&Command::Use(holder, Report { lease, used, overrun })) {
            Ok(Outcome::Used(_)) => {
                let reports = &mut self.naive.grants.get_mut(&lease).expect("it is there").reports;
                reports.push((self.world.ms, used, overrun));
            }
            Err(Refusal::ExceedsLease) => assert!(self.naive.is_too_much(lease, used)),
            Err(Refusal::NoSuchLease) => assert!(!known),
            other => panic!("a report came to {other:?}"),
        }
    }

    fn compare(&mut self) {
        let at = now(self.world.ms);
        let standing = self.world.book.standing(&at);
        let window = at.window.number;
        assert_eq!(standing.outstanding, self.naive.outstanding(self.kind, window, &at));
        assert_eq!(standing.overrun, self.naive.overrun(self.kind, window, &at));
        for page in self.world.book.pages(&at) {
            let parts = [page.used, page.held, page.burnt]
                .into_iter()
                .fold(page.given_back, |sum, part| sum.saturating_add(part));
            assert_eq!(page.granted, parts, "the page adds up");
        }
    }

    fn compare_replayed(&mut self) {
        let mut replayed = Book::new(self.policy(500, 20));
        for (event, at) in &self.world.journal {
            replayed.replay(event, at).expect("what was applied can be replayed");
        }
        let at = now(self.world.ms);
        assert_eq!(replayed.standing(&at).outstanding, self.world.book.standing(&at).outstanding);
        assert_eq!(replayed.held(&at), self.world.book.held(&at));
        assert_eq!(replayed.period_standings(&at), self.world.book.period_standings(&at));
    }

    /// What a further period has room for when the next window opens.
    fn next_room(&self, limit: &PeriodLimit) -> u64 {
        let at = now(self.world.ms);
        self.naive.period_room(limit, &now(at.window.ends_ms), false)
    }
}

fn check(kind: WindowKind, periods: &[PeriodLimit], steps: &[Step]) {
    let mut check = Check::new(kind, periods);
    for step in steps {
        check.step(step);
    }
    check.compare_replayed();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_minute_book_agrees_with_the_naive_model(steps in prop::collection::vec(step(), 1..120)) {
        check(WindowKind::Minute, &[], &steps);
    }

    #[test]
    fn a_rolling_book_agrees_with_the_naive_model(steps in prop::collection::vec(step(), 1..120)) {
        check(WindowKind::Rolling, &[], &steps);
    }

    #[test]
    fn further_periods_agree_with_the_naive_model(
        is_rolling in any::<bool>(),
        most in (300..2_000_u64, 5..60_u64, 5..60_u64),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let kind = if is_rolling { WindowKind::Rolling } else { WindowKind::Minute };
        let period = Period::Rolling { secs: 600 };
        let rolling = PeriodLimit { unit: Unit::Requests, period, most: most.2 };
        let periods = [hour(Unit::Tokens, most.0), hour(Unit::Requests, most.1), rolling];
        check(kind, &periods, &steps);
    }
}
