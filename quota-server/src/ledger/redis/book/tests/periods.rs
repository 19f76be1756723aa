//! Longer periods where Redis loses what it had, where limits come and go, and where an older
//! build's library calls.

use std::collections::BTreeMap;

use quota_core::{
    Amount, CalendarSpan, Denial, Period, PeriodLimit, PeriodLimits, Policy, Refusal, Report,
    RequestKey, State, Unit, WindowKind, Wish,
};
use redis::{Cmd, Value};

use super::lost::begun;
use super::world::{World, gw, policy};
use crate::ledger::redis::book::{Answer, Operation, Reply, Seen};
use crate::ledger::redis::functions::Library;
use crate::ledger::redis::testing::TestRedis;

/// Tokens a minute.
const LIMIT: u64 = 1_000;
const DAY: Period = Period::Calendar { span: CalendarSpan::Day, offset_min: 0 };
const HOUR: Period = Period::Calendar { span: CalendarSpan::Hour, offset_min: 0 };
const DAY_MS: u64 = 86_400_000;

fn limited(limits: &[(Period, u64)]) -> Policy {
    let limit = |(period, most): &(Period, u64)| PeriodLimit {
        unit: Unit::Tokens,
        period: *period,
        most: *most,
    };
    let limits = limits.iter().map(limit).collect();
    Policy { periods: PeriodLimits::new(limits).unwrap(), ..policy(WindowKind::Minute, LIMIT) }
}

impl World {
    /// What counts against each limit.
    fn charged(&mut self) -> Vec<u64> {
        let command = self.call().overview(&self.library);
        match self.ask(&command).1 {
            Answer::Overview(seen) => {
                seen.periods.iter().map(|standing| standing.charged).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    fn put(&mut self, policy: &Policy) {
        assert_eq!(self.configure(policy), Answer::Configured);
    }

    fn denied(&mut self, tokens: u64) -> Denial {
        self.tokens(tokens).1.expect_err("nothing of it is left")
    }

    /// Nothing is granted until the window is over.
    fn sit_out(&mut self) {
        assert_eq!(self.denied(1).state, State::Quarantined);
        self.wait(60_000 - self.wall_ms % 60_000);
    }

    async fn restart(&mut self, redis: &mut TestRedis) {
        redis.restart().await;
        self.reconnect(redis);
    }
}

/// It is ten seconds past midnight.
fn begun_with(redis: &TestRedis, limits: &[(Period, u64)]) -> World {
    let mut world = World::of(redis, 1);
    world.open(&limited(limits), true);
    world.wait(10_000);
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn each_window_that_may_be_lost_counts_its_limit_once() {
    let mut redis = TestRedis::start().await;
    let mut world = begun_with(&redis, &[(DAY, 6_400), (HOUR, 90_000)]);
    world.granted(400);
    redis.ask("SAVE").await;
    for _ in 0..3 {
        world.wait(60_000);
        world.granted(900);
    }
    world.restart(&mut redis).await;
    world.sit_out();
    // The four minutes since, and the next, ahead; what is known of the first is charged already.
    assert_eq!(world.charged(), [5_400, 5_400]);
    for seen in [Seen::default(), world.seen] {
        world.seen = seen;
        assert_eq!(world.charged(), [5_400, 5_400], "one loss counts once");
    }
    world.granted(500);
    world.wait(60_000);
    world.granted(499);
    assert_eq!(world.denied(2).period, Some(DAY));
    world.wait(300_000);
    assert_eq!(world.charged(), [6_399, 6_399], "its windows are closed");
    world.wait(DAY_MS);
    assert_eq!(world.charged(), [0, 0]);
    world.granted(LIMIT);
}

/// Of a book that is gone nobody knows anything: all minutes of the period count.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_lost_book_all_that_a_period_can_have_held_counts() {
    for most in [2_000_000, 700_000] {
        let redis = TestRedis::start().await;
        let limits = [(DAY, most), (Period::Rolling { secs: 600 }, 90_000)];
        let mut world = begun_with(&redis, &limits);
        world.wait(DAY_MS / 2);
        world.granted(400);
        redis.ask("FLUSHALL").await;
        world.open(&limited(&limits), false);
        world.sit_out();
        assert_eq!(world.charged(), [724_000, 12_000], "12 hours, the open minute and the next");
        if most == 2_000_000 {
            world.granted(LIMIT);
            world.wait(15 * 60_000);
            assert_eq!(world.charged(), [725_000, 0]);
            continue;
        }
        // Neither putting it again nor taking it away for a while makes it another day.
        world.put(&policy(WindowKind::Minute, LIMIT));
        world.granted(100);
        world.wait(300_000);
        world.put(&limited(&limits));
        assert_eq!(world.charged()[0], 724_100);
        let denied = world.denied(1);
        assert_eq!(denied.period, Some(DAY));
        world.put(&limited(&[(DAY, 725_000)]));
        world.granted(900);
        world.wait(denied.retry_after_ms);
        world.put(&limited(&[(DAY, LIMIT)]));
        world.granted(LIMIT);
    }
}

/// A put that was lost with what was granted after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_loss_counts_against_limits_that_were_lost_with_it() {
    let mut redis = TestRedis::start().await;
    let mut world = begun(&redis, WindowKind::Minute);
    redis.ask("SAVE").await;
    let raised =
        Policy { limit: policy(WindowKind::Minute, 3_000).limit, ..limited(&[(DAY, 9_000)]) };
    world.put(&raised);
    world.granted(2_900);
    world.restart(&mut redis).await;
    // A server that was not told of the put finds the loss, and another one tells the book.
    world.version -= 1;
    assert_eq!(world.denied(1).state, State::Quarantined);
    world.put(&raised);
    world.sit_out();
    assert_eq!(world.charged(), [6_000], "two windows of the larger limit");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_lost_nothing_puts_nothing_in_doubt() {
    let mut redis = TestRedis::start_durable().await;
    let mut world = begun_with(&redis, &[(DAY, 6_000)]);
    world.trust.keeps = true;
    world.granted(400);
    world.trust.vouched = Some(world.process().into());
    world.restart(&mut redis).await;
    world.granted(100);
    assert_eq!(world.charged(), [500]);
}

/// What was granted before something was counted counts from the minute before.
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_new_counts_the_windows_that_are_kept() {
    let redis = TestRedis::start().await;
    for (hours, before) in [(0, 300), (1, 0)] {
        let mut world = begun(&redis, WindowKind::Minute);
        world.wait(if hours == 0 { 600_000 } else { 3_600_000 - 40_000 });
        let lease = world.granted(300);
        let (used, overrun) = (Amount::new(1, 0), Amount::new(7, 0));
        world.run(1, Operation::Use(Report { lease, used, overrun }));
        world.wait(60_000);
        world.granted(20);
        world.put(&limited(&[(HOUR, 9_000), (Period::Rolling { secs: 600 }, 9_000)]));
        let of_the_hour = if hours == 0 { 327 } else { 20 };
        assert_eq!(world.charged(), [of_the_hour, 327], "{before}");
        world.wait(300_000);
        world.granted(1);
        assert_eq!(world.charged()[1], 328);
        redis.ask("FLUSHALL").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_deployment_s_book_is_kept_as_long_as_its_day_counts() {
    let redis = TestRedis::start().await;
    let mut world = begun_with(&redis, &[(DAY, 6_000)]);
    world.granted(400);
    for (wait_ms, kept) in [(600_000, true), (10 * 3_600_000, true), (DAY_MS, false)] {
        world.wait(wait_ms);
        for answer in [None, Some(if kept { Answer::Busy } else { Answer::Forgotten })] {
            let command = match answer {
                None => world.call().harvest(&world.library, 9),
                Some(_) => world.call().forget(&world.library),
            };
            let (_, got) = world.ask(&command);
            if let Answer::Harvest(due) = &got {
                let stored: Vec<_> = due.iter().map(|due| (due.page.window, due.stamp)).collect();
                let command = world.call().acknowledge(&world.library, &stored);
                world.ask(&command);
            }
            assert!(answer.is_none_or(|answer| answer == got), "{got:?} after {wait_ms} ms");
        }
    }
}

/// A server whose library knows no longer periods.
fn older(redis: &TestRedis, of: &World) -> World {
    let mut older = World::by(Library::before_periods(), redis, of.book);
    older.version = of.version;
    older.wait(of.steady_ms - older.steady_ms);
    older
}

fn all_of(world: &mut World) -> BTreeMap<String, Vec<u8>> {
    redis::cmd("HGETALL")
        .arg(format!("tl:{{{}}}:book", world.book))
        .query(&mut world.redis)
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_library_does_nothing_where_a_longer_limit_holds() {
    let redis = TestRedis::start().await;
    let mut world = begun_with(&redis, &[(DAY, 500)]);
    world.granted(400);
    let before = all_of(&mut world);
    let mut older = older(&redis, &world);
    let plain = policy(WindowKind::Minute, LIMIT);
    for version in [1, 2] {
        older.version = version;
        let (call, library) = (older.call(), older.library.clone());
        let calls: [Cmd; 6] = [
            call.run(&library, [(&gw(1), Operation::Denied(Amount::new(1, 1)))]),
            call.open(&library, &plain, false),
            call.open(&library, &plain, true),
            call.configure(&library, &plain),
            call.forget(&library),
            call.overview(&library),
        ];
        for command in calls {
            let refused = command.query::<Value>(&mut older.redis).unwrap_err();
            assert!(refused.to_string().contains("unpack"), "{refused}");
        }
    }
    assert_eq!(all_of(&mut world), before);
    world.granted(100);
    assert_eq!(world.denied(1).period, Some(DAY));
}

/// What it granted while none held is not known: each window counts its limit.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_older_library_grants_counts_once_a_limit_is_put_again() {
    let redis = TestRedis::start().await;
    let mut world = begun_with(&redis, &[(DAY, 90_000)]);
    world.granted(400);
    world.put(&policy(WindowKind::Minute, LIMIT));
    let mut older = older(&redis, &world);
    older.granted(600);
    for _ in 0..4 {
        older.wait(60_000);
        older.granted(LIMIT);
        older.wait(60_000);
        older.granted(1);
    }
    world.wait(8 * 60_000);
    world.put(&limited(&[(DAY, 90_000)]));
    let charged = world.charged();
    assert!((5_004..=12_000).contains(&charged[0]), "{charged:?}");
    world.wait(600_000);
    assert_eq!(world.charged(), charged);
    world.granted(LIMIT);
    assert_eq!(world.charged(), [charged[0] + LIMIT]);
}

/// It was quicker to tell the book of a put, of which it knows the rest.
#[tokio::test(flavor = "multi_thread")]
async fn limits_that_an_older_library_did_not_tell_are_told() {
    let redis = TestRedis::start().await;
    let mut world = begun(&redis, WindowKind::Minute);
    world.granted(100);
    let mut older = older(&redis, &world);
    older.put(&policy(WindowKind::Minute, LIMIT));
    older.granted(200);
    world.version += 1;
    let denied = (&gw(1), Operation::Denied(Amount::new(1, 1)));
    let command = world.call().run(&world.library, [denied]);
    assert!(matches!(world.send(&command), Reply::Outdated(_)));
    let command = world.call().configure(&world.library, &limited(&[(DAY, 500)]));
    assert_eq!(world.ask(&command).1, Answer::Configured);
    assert_eq!(world.charged(), [300]);
    world.wait(10);
    world.granted(200);
    assert_eq!(world.denied(1).period, Some(DAY));
}

/// The open window and the next one share a day, whichever is asked of first.
#[tokio::test(flavor = "multi_thread")]
async fn leases_of_two_windows_in_one_call_count_together() {
    for ahead_first in [false, true] {
        let redis = TestRedis::start().await;
        let mut world = begun_with(&redis, &[(DAY, 500)]);
        world.wait(49_300);
        let wish = |request, ahead| {
            let min = Amount::new(200, 1);
            Operation::Acquire(Wish { request: RequestKey(request), min, want: min, ahead })
        };
        let caller = gw(1);
        let asks = [wish(1, ahead_first), wish(2, !ahead_first), wish(3, ahead_first)];
        let command = world.call().run(&world.library, asks.map(|ask| (&caller, ask)));
        let Answer::Ran(answers) = world.ask(&command).1 else { panic!("not run") };
        let granted = answers.iter().filter(|answer| matches!(answer, Answer::Granted(..)));
        assert_eq!(granted.count(), 2, "{answers:?}");
        assert_eq!(world.charged(), [400]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_fits_a_longer_period_is_told() {
    let redis = TestRedis::start().await;
    let mut world = begun_with(&redis, &[(HOUR, 600), (DAY, 500)]);
    let (tokens, requests) = (700, 1);
    let min = Amount::new(tokens, requests);
    let wish = Wish { request: RequestKey(7), min, want: min, ahead: false };
    let expected = Refusal::NeverFits { unit: Unit::Tokens, period: Some(HOUR), limit: 600 };
    assert_eq!(world.run(1, Operation::Acquire(wish)).1, Answer::Refused(expected, None));
}
