//! The aligned minute.

use quota_core::{Amount, Command, Limit, Policy, Refusal, State, Unit, WindowKind};

use crate::world::{MINUTE_MS, World, amount, denial, now, policy};

fn world(tokens: u64, requests: u64) -> World {
    World::new(policy(WindowKind::Minute, tokens, requests))
}

#[test]
fn thirty_three_of_fifteen_fit_five_hundred_whoever_asks() {
    for holders in [1, 2, 5, 20] {
        let mut world = world(500, 600_000);
        let granted =
            (0..300).filter(|n| world.acquire(n % holders, amount(15, 1)).is_ok()).count();
        assert_eq!(granted, 33, "{holders} holders");
        assert_eq!(world.outstanding(), amount(495, 33));
        world.ms += MINUTE_MS;
        assert_eq!(
            (0..300).filter(|n| world.acquire(n % holders, amount(15, 1)).is_ok()).count(),
            33
        );
    }
}

#[test]
fn tokens_and_requests_are_granted_together_or_not_at_all() {
    let mut world = world(1_000, 2);
    world.acquire(1, amount(10, 1)).unwrap();
    world.acquire(1, amount(10, 1)).unwrap();
    let denied = denial(world.acquire(1, amount(10, 1)));
    assert_eq!(denied.unit, Unit::Requests);
    assert_eq!(world.outstanding(), amount(20, 2), "the tokens of the denied ask are free");
}

#[test]
fn the_same_request_gets_the_same_lease() {
    let mut world = world(100, 100);
    let first = world.ask(1, 7, amount(60, 1), amount(60, 1), false).unwrap();
    world.at(500);
    let again = world.ask(1, 7, amount(60, 1), amount(60, 1), false).unwrap();
    assert_eq!((again.lease, again.amount, again.repeated), (first.lease, first.amount, true));
    assert_eq!(again.expires_in_ms, first.expires_in_ms - 500, "what is left of its life");
    assert_eq!(world.outstanding(), amount(60, 1));
    let other = world.ask(2, 7, amount(40, 1), amount(40, 1), false).unwrap();
    assert_ne!(other.lease, first.lease, "another holder's request id is another request");
    world.at(5_000);
    assert_eq!(world.ask(1, 7, amount(60, 1), amount(60, 1), false).unwrap().expires_in_ms, 0);
    world.ms += MINUTE_MS;
    assert!(
        world.ask(1, 7, amount(60, 1), amount(60, 1), false).unwrap().repeated,
        "over the window's turn too"
    );
}

#[test]
fn another_wish_under_the_same_id_is_no_repeat() {
    let mut world = world(1_000, 100);
    let first = world.ask(1, 7, amount(60, 1), amount(90, 2), false).unwrap();
    for (min, want) in [
        (amount(61, 1), amount(90, 2)),
        (amount(60, 0), amount(90, 2)),
        (amount(60, 1), amount(91, 2)),
        (amount(60, 1), amount(90, 3)),
        (amount(91, 1), amount(200, 2)),
    ] {
        assert_eq!(world.ask(1, 7, min, want, false), Err(Refusal::OtherWish), "{min:?} {want:?}");
    }
    let again = world.ask(1, 7, amount(60, 1), amount(90, 2), false).unwrap();
    assert_eq!((again.lease, again.repeated), (first.lease, true));
    let ahead = world.at(59_500).ask(1, 7, amount(60, 1), amount(90, 2), true);
    assert_eq!(ahead, Err(Refusal::OtherWish), "it is of another window");
    assert_eq!(world.outstanding(), amount(90, 2));
}

#[test]
fn a_lease_that_was_closed_is_not_given_again() {
    let mut world = world(100, 100);
    let ask = |world: &mut World| world.ask(1, 7, amount(60, 1), amount(60, 1), false);
    let lease = ask(&mut world).unwrap().lease;
    world.close(1, lease, amount(60, 1));
    world.acquire(2, amount(100, 1)).unwrap();
    assert_eq!(ask(&mut world), Err(Refusal::LeaseClosed), "another holder has its quota");
    world.ms += MINUTE_MS;
    assert_eq!(ask(&mut world), Err(Refusal::LeaseClosed), "in the next window too");
}

#[test]
fn a_limit_of_nothing_pauses_a_deployment() {
    for kind in [WindowKind::Minute, WindowKind::Rolling] {
        for (tokens, requests, unit) in
            [(0, 100, Unit::Tokens), (100, 0, Unit::Requests), (0, 0, Unit::Tokens)]
        {
            let mut world = World::new(policy(kind, 500, 500));
            let lease = world.at(10_000).acquire(1, amount(50, 1)).unwrap().lease;
            world.tell(&Command::SetPolicy(policy(kind, tokens, requests))).unwrap();
            for asked in [amount(0, 1), amount(1, 0), amount(60, 1), amount(101, 200)] {
                let denied = denial(world.acquire(1, asked));
                assert_eq!((denied.unit, denied.state), (unit, State::Exhausted), "{asked:?}");
                assert_eq!(denied.retry_after_ms, 50_000, "as long as is known");
            }
            assert_eq!(world.outstanding(), amount(50, 1));
            world.give_back(1, lease, amount(50, 1)).unwrap();
            assert!(world.acquire(1, amount(0, 1)).is_err(), "nothing out, and nothing granted");
            world.tell(&Command::SetPolicy(policy(kind, 100, 100))).unwrap();
            assert!(world.acquire(1, amount(60, 1)).is_ok(), "it goes on with its limit");
        }
    }
}

#[test]
fn a_large_ask_is_no_endgame_for_others_while_there_is_plenty() {
    let mut world = world(1_000_000, 1_000_000);
    world.acquire(1, amount(2_000, 2)).unwrap();
    assert!(world.acquire(2, amount(1_000_000, 1)).is_err());
    assert_eq!(world.standing(), State::Ok);
    world.acquire(1, amount(880_000, 2)).unwrap();
    assert_eq!(world.standing(), State::Ok, "more than a tenth is left");
    world.acquire(1, amount(20_000, 2)).unwrap();
    assert_eq!(world.standing(), State::Endgame, "somebody is short of the last tenth");
    world.ms += MINUTE_MS;
    world.acquire(1, amount(960_000, 2)).unwrap();
    assert_eq!(world.standing(), State::Ok, "nobody was denied in this window");
    world.acquire(1, amount(10_001, 2)).unwrap();
    assert_eq!(world.standing(), State::Endgame, "less than 3 % is left");
}

#[test]
fn a_window_grants_no_more_in_all_than_a_page_can_count() {
    let mut world =
        World::new(Policy { limit: Limit::default(), ..policy(WindowKind::Minute, 0, 0) });
    let most = quota_core::MAX_LEASE.tokens();
    let mut granted = 0;
    while let Ok(lease) = world.acquire(1, amount(most, 1)) {
        granted += lease.amount.tokens();
        world.close(1, lease.lease, amount(most, 1));
    }
    assert_eq!(granted, quota_core::MAX_LIMIT / most * most);
    world.ms += 2 * MINUTE_MS;
    assert_eq!(world.outstanding(), Amount::ZERO);
    let [page] = world.book.take_closed()[..] else { panic!("one window is closed") };
    assert!(page.adds_up() && page.granted.tokens() == granted, "{page:?}");
    assert!(world.acquire(1, amount(most, 1)).is_ok(), "the next window counts anew");
}

#[test]
fn a_glance_sees_what_is_out_however_much_it_is() {
    for out in [1, 63, 64, 65, 200, 1_023, 1_024, 1_025, 3_000] {
        let mut world = world(1_000_000, 1_000_000);
        let leases: Vec<_> =
            (0..out).map(|_| world.acquire(1, amount(3, 1)).unwrap().lease).collect();
        world.report(1, leases[0], amount(1, 1), Amount::ZERO).unwrap();
        let glance = world.book.overview(&now(world.ms));
        assert_eq!((glance.leases, glance.page.held), (out, amount(3 * out - 1, out - 1)));
        assert!(glance.page.adds_up());
        world.at(2_000);
        assert_eq!(world.outstanding(), amount(3 * out, out));
        let glance = world.book.overview(&now(world.ms));
        assert_eq!((glance.leases, glance.page.held), (0, Amount::ZERO), "they have ended");
    }
}

#[test]
fn returns_are_running_totals() {
    let mut world = world(100, 100);
    let lease = world.acquire(1, amount(80, 8)).unwrap().lease;
    // total given back -> credited by this message, in any order, however often
    let table = [
        (amount(10, 1), amount(10, 1)),
        (amount(30, 1), amount(20, 0)),
        (amount(10, 1), Amount::ZERO),
        (amount(30, 4), amount(0, 3)),
        (amount(30, 4), Amount::ZERO),
    ];
    for (total, credited) in table {
        assert_eq!(world.give_back(1, lease, total).unwrap().credited, credited, "{total:?}");
    }
    assert_eq!(world.outstanding(), amount(50, 4));
    assert_eq!(world.give_back(1, lease, amount(81, 4)), Err(Refusal::ExceedsLease));
    assert_eq!(world.give_back(2, lease, amount(40, 4)), Err(Refusal::NotYours));
    assert_eq!(world.outstanding(), amount(50, 4));
}

#[test]
fn what_is_given_back_is_granted_again_and_no_more() {
    let mut world = world(100, 100);
    let lease = world.acquire(1, amount(100, 10)).unwrap().lease;
    world.give_back(1, lease, amount(40, 4)).unwrap();
    assert!(world.acquire(2, amount(41, 1)).is_err());
    assert!(world.acquire(2, amount(40, 1)).is_ok());
}

#[test]
fn a_lease_that_ends_without_word_stays_charged() {
    let mut world = world(100, 100);
    world.acquire(1, amount(100, 10)).unwrap();
    world.at(59_000);
    assert_eq!(world.outstanding(), amount(100, 10));
    assert!(world.acquire(2, amount(1, 1)).is_err());
}

#[test]
fn nothing_is_credited_once_the_window_is_over() {
    let mut world = world(100, 100);
    let lease = world.acquire(1, amount(100, 10)).unwrap().lease;
    world.ms += MINUTE_MS;
    assert_eq!(world.give_back(1, lease, amount(100, 10)).unwrap().credited, Amount::ZERO);
    world.ms += 20 * MINUTE_MS;
    assert_eq!(world.give_back(1, lease, amount(100, 10)).unwrap().credited, Amount::ZERO);
}

#[test]
fn a_lease_ends_before_its_window_does() {
    let mut world = world(100, 100);
    // ms into the window -> starts in, expires in
    let table = [
        (0, (0, 2_000)),
        (57_800, (0, 2_000)),
        (58_000, (0, 1_800)),
        (59_779, (0, 21)),
        (59_781, (219, 2_219)),
        (59_999, (1, 2_001)),
    ];
    for (at, expected) in table {
        let granted = world.at(at).acquire(1, amount(1, 1)).unwrap();
        assert_eq!((granted.starts_in_ms, granted.expires_in_ms), expected, "at {at}");
    }
}

#[test]
fn the_next_window_is_granted_in_the_last_second_and_charged_to_itself() {
    let mut world = world(100, 100);
    assert_eq!(
        world.at(58_000).acquire_ahead(1, amount(60, 1)),
        Err(Refusal::TooEarly { in_ms: 1_000 })
    );
    world.at(59_500).acquire(1, amount(100, 1)).unwrap();
    let ahead = world.acquire_ahead(1, amount(60, 1)).unwrap();
    assert_eq!(ahead.starts_in_ms, 500);
    assert_eq!(world.outstanding(), amount(100, 1));
    world.ms += MINUTE_MS - 59_500;
    assert_eq!(world.outstanding(), amount(60, 1));
    assert!(world.acquire(2, amount(41, 1)).is_err());
    assert!(world.acquire(2, amount(40, 1)).is_ok());
}

#[test]
fn a_lowered_limit_holds_for_the_next_grant_and_so_does_a_raised_one() {
    let mut world = world(100, 100);
    let lease = world.acquire(1, amount(80, 1)).unwrap().lease;
    world.tell(&Command::SetPolicy(policy(WindowKind::Minute, 50, 100))).unwrap();
    assert!(world.acquire(1, amount(1, 1)).is_err());
    world.give_back(1, lease, amount(30, 0)).unwrap();
    assert!(world.acquire(1, amount(1, 1)).is_err(), "50 of 50 are out");
    world.give_back(1, lease, amount(31, 0)).unwrap();
    assert!(world.acquire(1, amount(1, 1)).is_ok());
    world.tell(&Command::SetPolicy(policy(WindowKind::Minute, 200, 100))).unwrap();
    assert!(world.acquire(1, amount(150, 1)).is_ok());
    let rolling = policy(WindowKind::Rolling, 200, 100);
    assert_eq!(world.tell(&Command::SetPolicy(rolling)), Err(Refusal::KindIsFixed));
}

#[test]
fn an_overrun_stands_apart_and_lowers_what_is_left() {
    let mut world = world(100, 100);
    let lease = world.acquire(1, amount(60, 1)).unwrap().lease;
    world.report(1, lease, amount(60, 1), amount(30, 0)).unwrap();
    world.report(1, lease, amount(50, 1), amount(20, 0)).unwrap();
    assert_eq!(world.outstanding(), amount(60, 1), "an overrun is no grant");
    assert!(world.acquire(1, amount(11, 1)).is_err());
    assert!(world.acquire(1, amount(10, 1)).is_ok());
    assert_eq!(world.report(1, lease, amount(61, 1), Amount::ZERO), Err(Refusal::ExceedsLease));
    assert_eq!(world.report(2, lease, amount(60, 1), Amount::ZERO), Err(Refusal::NotYours));
}

#[test]
fn what_was_used_cannot_be_given_back() {
    let mut world = world(100, 100);
    let lease = world.acquire(1, amount(60, 6)).unwrap().lease;
    world.report(1, lease, amount(40, 4), Amount::ZERO).unwrap();
    assert_eq!(world.give_back(1, lease, amount(21, 0)), Err(Refusal::ExceedsLease));
    world.give_back(1, lease, amount(20, 2)).unwrap();
    assert_eq!(world.report(1, lease, amount(41, 4), Amount::ZERO), Err(Refusal::ExceedsLease));
}

#[test]
fn a_denial_says_when_this_size_will_fit() {
    let mut world = world(100, 100);
    let lease = world.acquire(1, amount(90, 9)).unwrap().lease;
    // The lease may still be given back: soon.
    let soon = denial(world.acquire(2, amount(20, 1)));
    assert_eq!((soon.state, soon.retry_after_ms), (State::Endgame, 250));
    // Closed, with requests still running that may be refunded: later.
    world.close(1, lease, Amount::ZERO);
    let later = denial(world.acquire(2, amount(20, 1)));
    assert_eq!((later.state, later.retry_after_ms), (State::Exhausted, 1_000));
    // All of it used: with the next window.
    world.report(1, lease, amount(90, 9), Amount::ZERO).unwrap();
    let at_end = denial(world.at(20_000).acquire(2, amount(20, 1)));
    assert_eq!((at_end.state, at_end.retry_after_ms), (State::Exhausted, 40_000));
}

#[test]
fn a_lease_that_ended_is_no_hope_of_rests() {
    let mut world = world(100, 100);
    world.acquire(1, amount(90, 9)).unwrap();
    let after = denial(world.at(2_000).acquire(2, amount(20, 1)));
    assert_eq!((after.state, after.retry_after_ms), (State::Exhausted, 1_000));
}

#[test]
fn requests_under_way_are_no_hope_of_requests() {
    let mut world = world(1_000, 10);
    let lease = world.acquire(1, amount(10, 10)).unwrap().lease;
    world.close(1, lease, Amount::ZERO);
    let denied = denial(world.at(5_000).acquire(2, amount(1, 1)));
    assert_eq!((denied.unit, denied.retry_after_ms), (Unit::Requests, 55_000));
}

#[test]
fn what_can_never_be_granted_is_no_denial() {
    let mut world = world(100, 10);
    assert_eq!(
        world.acquire(1, amount(101, 1)),
        Err(Refusal::NeverFits { unit: Unit::Tokens, period: None, limit: 100 })
    );
    assert_eq!(
        world.acquire(1, amount(1, 11)),
        Err(Refusal::NeverFits { unit: Unit::Requests, period: None, limit: 10 })
    );
    assert_eq!(world.ask(1, 1, amount(2, 1), amount(1, 1), false), Err(Refusal::WantBelowMin));
    assert_eq!(world.acquire(1, Amount::ZERO), Err(Refusal::NothingAsked));
    assert_eq!(world.outstanding(), Amount::ZERO);
}

#[test]
fn the_page_of_a_window_adds_up_and_late_reports_reach_it() {
    let mut world = world(1_000, 100);
    let returned = world.acquire(1, amount(100, 1)).unwrap().lease;
    world.give_back(1, returned, amount(30, 0)).unwrap();
    world.report(1, returned, amount(50, 1), Amount::ZERO).unwrap();
    let silent = world.acquire(2, amount(200, 2)).unwrap().lease;
    assert!(world.acquire(2, amount(1_000, 1)).is_err());
    world.ms += 2 * MINUTE_MS;
    world.outstanding();
    let [page] = world.book.take_closed()[..] else { panic!("one window is closed") };
    assert_eq!(page.granted, amount(300, 3));
    assert_eq!(
        (page.given_back, page.used, page.burnt),
        (amount(30, 0), amount(50, 1), amount(220, 2))
    );
    assert_eq!(page.denied, amount(1_000, 1));
    let late = world
        .report(2, silent, amount(150, 2), amount(5, 0))
        .unwrap()
        .late
        .expect("the page is closed");
    assert_eq!((late.window, late.used, late.overrun), (page.window, amount(150, 2), amount(5, 0)));
    assert_eq!(world.report(2, silent, amount(150, 2), amount(5, 0)).unwrap().late, None, "once");
    assert_eq!(world.report(2, silent, amount(201, 2), Amount::ZERO), Err(Refusal::ExceedsLease));
    world.ms += 11 * MINUTE_MS;
    assert_eq!(world.report(2, silent, amount(160, 2), Amount::ZERO), Err(Refusal::NoSuchLease));
    assert!(world.book.is_at_rest());
}
