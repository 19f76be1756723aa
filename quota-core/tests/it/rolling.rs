//! Any 60 s.

use quota_core::{State, WindowKind};

use crate::world::{MINUTE_MS, World, amount, denial, policy};

fn world(tokens: u64) -> World {
    World::new(policy(WindowKind::Rolling, tokens, 1_000))
}

#[test]
fn a_charge_stays_for_sixty_seconds_from_its_leases_end() {
    let mut world = world(100);
    world.at(30_000).acquire(1, amount(100, 1)).unwrap();
    world.at(MINUTE_MS + 30_999);
    let denied = denial(world.acquire(1, amount(1, 1)));
    assert_eq!((denied.state, denied.retry_after_ms), (State::Exhausted, 1));
    world.ms += 1;
    assert!(world.acquire(1, amount(100, 1)).is_ok());
}

#[test]
fn a_denial_says_when_enough_has_left_the_last_sixty_seconds() {
    let mut world = world(100);
    for second in 0..10 {
        let lease = world.at(second * 1_000).acquire(1, amount(10, 1)).unwrap().lease;
        world.report(1, lease, amount(10, 1), amount(0, 0)).unwrap();
    }
    world.at(20_000);
    // size -> ms until the leases of the first seconds, which last one second, are 60 s past
    for (tokens, wait_ms) in [(1, 41_000), (10, 41_000), (11, 42_000), (100, 50_000)] {
        assert_eq!(denial(world.acquire(2, amount(tokens, 1))).retry_after_ms, wait_ms, "{tokens}");
    }
}

#[test]
fn returns_earn_credit_over_the_minute_boundary() {
    let mut world = world(100);
    let lease = world.at(59_500).acquire(1, amount(100, 10)).unwrap().lease;
    world.at(MINUTE_MS + 40_000);
    assert_eq!(world.give_back(1, lease, amount(40, 4)).unwrap().credited, amount(40, 4));
    assert_eq!(world.outstanding(), amount(60, 6));
    world.at(MINUTE_MS + 500);
    assert_eq!(world.give_back(1, lease, amount(50, 4)).unwrap().credited, amount(0, 0));
    assert_eq!(world.outstanding(), amount(0, 0));
}

#[test]
fn an_overrun_lowers_what_is_left_for_sixty_seconds() {
    let mut world = world(100);
    let lease = world.at(10_000).acquire(1, amount(20, 1)).unwrap().lease;
    world.at(40_000).report(1, lease, amount(20, 1), amount(70, 0)).unwrap();
    assert!(world.acquire(1, amount(11, 1)).is_err());
    world.at(MINUTE_MS + 11_000);
    assert!(world.acquire(1, amount(31, 1)).is_err(), "the lease has left, the overrun has not");
    world.ms += 29_000;
    assert!(world.acquire(1, amount(100, 1)).is_ok());
}
