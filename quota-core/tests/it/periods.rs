//! Limits over further periods.

use quota_core::{
    Amount, Book, Command, Event, HolderId, LeaseId, MAX_LIMIT, Period, PeriodLimit,
    PeriodStanding, Refusal, RequestKey, State, Unit, WindowKind,
};

use crate::world::{MINUTE_MS, World, amount, denial, hour, now, policy, with_periods};

const HOUR: Period = hour_period();

const fn hour_period() -> Period {
    Period::Calendar { span: quota_core::CalendarSpan::Hour, offset_min: 0 }
}

const SPAN_MS: u64 = 600_000;

fn ten_minutes(most: u64) -> PeriodLimit {
    let secs = u32::try_from(SPAN_MS / 1_000).expect("it is short");
    PeriodLimit { unit: Unit::Tokens, period: Period::Rolling { secs }, most }
}

/// A book with minutes of 500 tokens, at 00:10:00.
fn world(kind: WindowKind, limits: &[PeriodLimit]) -> World {
    World::new(with_periods(policy(kind, 500, 1_000), limits))
}

fn set(world: &mut World, limits: &[PeriodLimit]) {
    let policy = with_periods(policy(WindowKind::Minute, 500, 1_000), limits);
    world.tell(&Command::SetPolicy(policy)).expect("its kind is the same");
}

fn charged(world: &World) -> Vec<u64> {
    let standings = world.book.period_standings(&now(world.ms));
    standings.into_iter().map(|standing| standing.charged).collect()
}

#[test]
fn an_hour_that_is_used_up_is_over_at_its_end() {
    for kind in [WindowKind::Minute, WindowKind::Rolling] {
        let mut world = world(kind, &[hour(Unit::Tokens, 800)]);
        world.acquire(1, amount(500, 1)).unwrap();
        world.ms += 3 * MINUTE_MS;
        world.acquire(1, amount(300, 1)).unwrap();
        world.ms += 10 * MINUTE_MS;
        let denied = denial(world.acquire(1, amount(1, 1)));
        assert_eq!((denied.unit, denied.period), (Unit::Tokens, Some(HOUR)));
        assert_eq!((denied.state, denied.retry_after_ms), (State::Exhausted, 37 * MINUTE_MS));
        assert_eq!(world.standing(), State::Exhausted);
        // Later than that a minute's lease would be one of the next hour.
        world.ms += denied.retry_after_ms - 221;
        denial(world.acquire(1, amount(1, 1)));
        world.ms += 221;
        world.acquire(1, amount(500, 1)).unwrap();
        assert_eq!(charged(&world), [500]);
    }
}

#[test]
fn a_lease_of_the_next_window_is_of_its_hour() {
    let mut world = world(WindowKind::Minute, &[hour(Unit::Tokens, 500)]);
    world.ms = 60 * MINUTE_MS - 500;
    world.acquire(1, amount(490, 1)).unwrap();
    let denied = denial(world.acquire(1, amount(20, 1)));
    assert_eq!(
        (denied.period, denied.retry_after_ms),
        (Some(HOUR), 250),
        "its holder may give back"
    );
    let ahead = world.acquire_ahead(1, amount(400, 1)).unwrap();
    assert_eq!(charged(&world), [490]);
    world.ms += 500;
    assert_eq!(charged(&world), [400]);
    world.give_back(1, ahead.lease, amount(100, 0)).unwrap();
    assert_eq!(charged(&world), [300]);
}

#[test]
fn a_lease_that_reaches_over_the_hour_counts_in_both() {
    let mut world = world(WindowKind::Rolling, &[hour(Unit::Tokens, 450)]);
    world.ms = 60 * MINUTE_MS - 500;
    world.acquire(1, amount(400, 1)).unwrap();
    world.ms += 600;
    assert_eq!(charged(&world), [400]);
    denial(world.acquire(1, amount(60, 1)));
}

#[test]
fn a_rolling_charge_leaves_its_span_after_its_lease_and_not_much_later() {
    let mut world = world(WindowKind::Minute, &[ten_minutes(500)]);
    let ends_ms = world.ms + world.acquire(1, amount(500, 1)).unwrap().expires_in_ms;
    world.ms += 5 * MINUTE_MS;
    let denied = denial(world.acquire(1, amount(1, 1)));
    let leaves_ms = ends_ms + SPAN_MS;
    let late_ms = (world.ms + denied.retry_after_ms).checked_sub(leaves_ms).expect("not early");
    assert!(late_ms <= SPAN_MS / 128 + 1, "{late_ms} ms late");
    world.ms = leaves_ms - 1;
    denial(world.acquire(1, amount(1, 1)));
    world.ms = leaves_ms + late_ms;
    world.acquire(1, amount(500, 1)).unwrap();
}

#[test]
fn what_is_not_used_comes_back_for_a_window_longer_than_to_the_minute() {
    let mut world = world(WindowKind::Minute, &[hour(Unit::Tokens, 500)]);
    let granted = world.acquire(1, amount(500, 1)).unwrap();
    assert_eq!(granted.credit_ends_in_ms, MINUTE_MS, "to the minute");
    assert!(granted.returns_in_ms.is_some_and(|ms| ms >= MINUTE_MS + 59_940));
    world.ms += 2 * MINUTE_MS - 1;
    assert_eq!(world.give_back(1, granted.lease, amount(450, 0)).unwrap().credited.tokens(), 450);
    assert_eq!(charged(&world), [50]);
    world.ms += 1;
    assert_eq!(world.give_back(1, granted.lease, amount(460, 0)).unwrap().credited.tokens(), 0);
    world.report(1, granted.lease, amount(50, 1), amount(25, 0)).unwrap();
    assert_eq!(charged(&world), [75], "an overrun that comes late counts too");
}

#[test]
fn more_than_a_period_holds_never_fits() {
    let mut world = world(WindowKind::Minute, &[hour(Unit::Tokens, 400)]);
    let refused = world.acquire(1, amount(401, 1)).unwrap_err();
    let period = Some(HOUR);
    assert_eq!(refused, Refusal::NeverFits { unit: Unit::Tokens, period, limit: 400 });
}

#[test]
fn a_limit_that_was_taken_away_remembers_its_period() {
    let mut world = world(WindowKind::Minute, &[hour(Unit::Tokens, 800)]);
    world.acquire(1, amount(500, 1)).unwrap();
    world.ms += 5 * MINUTE_MS;
    set(&mut world, &[]);
    world.acquire(1, amount(200, 1)).unwrap();
    world.ms += 5 * MINUTE_MS;
    set(&mut world, &[hour(Unit::Tokens, 800)]);
    assert_eq!(charged(&world), [700]);
    world.ms += 60 * MINUTE_MS;
    assert_eq!(charged(&world), [0]);
    set(&mut world, &[]);
    world.ms += 15 * MINUTE_MS;
    world.book.advance(&now(world.ms));
    world.book.take_closed();
    assert!(world.book.is_at_rest(), "and is forgotten with it");
}

#[test]
fn a_new_limit_counts_the_windows_that_are_kept() {
    let mut world = world(WindowKind::Minute, &[]);
    world.acquire(1, amount(300, 1)).unwrap();
    world.ms += MINUTE_MS;
    world.acquire(1, amount(100, 1)).unwrap();
    set(&mut world, &[hour(Unit::Tokens, 800)]);
    assert_eq!(charged(&world), [400]);
    world.ms += 5 * MINUTE_MS;
    assert_eq!(charged(&world), [400]);
}

/// Of what may be lost each window may have charged its limit, and that once.
#[test]
fn windows_in_doubt_count_as_spent() {
    let limits = [hour(Unit::Tokens, 2_000), hour(Unit::Requests, 9_000)];
    let mut world = world(WindowKind::Minute, &limits);
    world.acquire(1, amount(300, 1)).unwrap();
    for _ in 0..2 {
        world.tell(&Command::Doubt(2)).unwrap();
        assert_eq!(charged(&world), [1_000, 2_000]);
    }
    world.ms += 5 * MINUTE_MS;
    assert_eq!(charged(&world), [1_000, 2_000]);
    world.tell(&Command::Doubt(u64::MAX)).unwrap();
    denial(world.acquire(1, amount(1, 1)));
    world.ms += 60 * MINUTE_MS;
    world.acquire(1, amount(1, 1)).unwrap();
}

/// Each hour is doubted as far as it had come by then, also where a doubt reaches over its end.
#[test]
fn a_doubt_at_the_end_of_an_hour_counts_in_each_hour_what_that_had() {
    let mut world = world(WindowKind::Minute, &[hour(Unit::Tokens, 40_000)]);
    world.ms = 60 * MINUTE_MS - 30_000;
    world.tell(&Command::Doubt(10_000)).unwrap();
    assert!(charged(&world)[0] >= 59 * 500, "nothing is known of this hour: {:?}", charged(&world));
    world.ms += 2 * MINUTE_MS;
    let next = charged(&world)[0];
    assert!((500..=4 * 500).contains(&next), "of the next hour two windows at most: {next}");
    world.acquire(1, amount(500, 1)).unwrap();
    world.ms += 5 * MINUTE_MS;
    assert_eq!(charged(&world), [next + 500]);
}

/// A journal that says of a lease that it lasts for ever is no reason to stand still.
#[test]
fn a_lease_without_end_reaches_into_two_hours_at_most() {
    let mut world = world(WindowKind::Rolling, &[hour(Unit::Tokens, 800)]);
    let (lease, request) = (LeaseId { window: 10, number: 0 }, RequestKey(1));
    let (amount, starts_ms, ends_ms) = (amount(500, 1), world.ms, u64::MAX - MINUTE_MS);
    let granted =
        Event::Granted { lease, holder: HolderId(1), request, amount, starts_ms, ends_ms };
    world.book.replay(&granted, &now(world.ms)).unwrap();
    world.ms += 5 * MINUTE_MS;
    world.book.advance(&now(world.ms));
    assert_eq!(charged(&world), [500]);
}

/// A book from the entries of its last windows alone stands as the one from all of them.
#[test]
fn sums_are_carried_past_a_compaction() {
    let limits = [hour(Unit::Tokens, 5_000), ten_minutes(5_000)];
    let mut world = world(WindowKind::Minute, &limits);
    let mut entries: Vec<(Event, u64)> = Vec::new();
    for minute in 0..30 {
        let (window, at) = (now(world.ms).window.number, world.ms);
        world.book.advance(&now(at));
        entries.push((world.book.policy_event(&now(world.ms)), at));
        if minute % 3 == 2 {
            let floor = window - 2;
            let (sums, late) = world.book.carry(floor, window);
            entries.extend(sums.into_iter().chain(late).map(|event| (event, at)));
            entries.retain(|(_, at)| at / MINUTE_MS >= floor);
        }
        world.acquire(1, amount(10 * minute, 1)).ok();
        entries.extend(world.journal.drain(..).map(|(event, at)| (event, at.steady_ms)));
        compare(&world, &entries);
        world.ms += MINUTE_MS;
    }
    assert_eq!(charged(&world).len(), 2);
}

fn compare(world: &World, entries: &[(Event, u64)]) {
    let floor = entries[0].1 / MINUTE_MS;
    let is_complete = |event: &Event| match event {
        Event::Granted { lease, .. } => lease.window > floor || floor == 10,
        _ => true,
    };
    let mut read = Book::new(world.book.policy().clone());
    for (event, at) in entries.iter().filter(|(event, _)| is_complete(event)) {
        read.replay(event, &now(*at)).expect("entries follow on each other");
    }
    let at = now(world.ms);
    read.advance(&at);
    assert_eq!(read.period_standings(&at), world.book.period_standings(&at), "at {}", world.ms);
}

#[test]
fn another_kind_of_window_keeps_what_its_periods_hold() {
    let mut world = world(WindowKind::Minute, &[hour(Unit::Tokens, 800)]);
    world.acquire(1, amount(500, 1)).unwrap();
    let rolling = with_periods(policy(WindowKind::Rolling, 500, 1_000), &[hour(Unit::Tokens, 900)]);
    assert!(world.book.renewed(rolling.clone(), &now(world.ms)).is_none(), "a window is kept");
    world.ms += 14 * MINUTE_MS;
    world.book.advance(&now(world.ms));
    world.book.take_closed();
    assert!(!world.book.is_at_rest());
    world.book = world.book.renewed(rolling, &now(world.ms)).unwrap();
    let standings = world.book.period_standings(&now(world.ms));
    let [PeriodStanding { limit, charged, resets_in_ms }] = standings[..] else { panic!() };
    assert_eq!((limit.most, charged, resets_in_ms), (900, 500, 36 * MINUTE_MS));
}

#[test]
fn a_policy_raises_what_it_limits_less() {
    let of = |tokens, limits: &[PeriodLimit]| {
        with_periods(policy(WindowKind::Minute, tokens, 9), limits)
    };
    let day = of(500, &[hour(Unit::Tokens, 800)]);
    assert!(!day.raises(&day) && !of(499, &[hour(Unit::Tokens, 799)]).raises(&day));
    assert!(!of(500, &[hour(Unit::Tokens, 800), ten_minutes(5)]).raises(&day));
    let looser = [of(501, &[hour(Unit::Tokens, 800)]), of(500, &[hour(Unit::Tokens, 801)])];
    let gone = [of(500, &[]), of(500, &[hour(Unit::Requests, 1)])];
    assert!(looser.iter().chain(&gone).all(|policy| policy.raises(&day)));
}

#[test]
fn what_a_period_holds_has_a_bound() {
    let mut world = world(WindowKind::Minute, &[hour(Unit::Requests, MAX_LIMIT), ten_minutes(9)]);
    world.tell(&Command::Doubt(u64::MAX)).unwrap();
    world.tell(&Command::Doubt(u64::MAX)).unwrap();
    let lease = world.acquire_ahead(1, Amount::new(0, 1)).err();
    assert!(lease.is_some());
    assert!(charged(&world).into_iter().all(|charged| charged <= 2 * MAX_LIMIT));
}
