//! A limit that was lowered below what is charged.

use quota_core::{Amount, Command, State, Unit, WindowKind};

use crate::world::{World, amount, denial, policy};

const KINDS: [WindowKind; 2] = [WindowKind::Minute, WindowKind::Rolling];

/// A limit of 1000 each, of which this much is granted, and then lowered to that.
fn lowered(kind: WindowKind, granted: Amount, to: Amount) -> (World, quota_core::LeaseId) {
    let mut world = World::new(policy(kind, 1_000, 1_000));
    let lease = world.at(10_000).acquire(1, granted).expect("there is room").lease;
    world
        .tell(&Command::SetPolicy(policy(kind, to.tokens(), to.requests())))
        .expect("its kind is the same");
    (world, lease)
}

#[test]
fn nothing_is_granted_to_those_either_who_ask_for_none_of_that_unit() {
    for kind in KINDS {
        for (granted, to, unit, asked) in [
            (amount(900, 1), amount(100, 1_000), Unit::Tokens, amount(0, 1)),
            (amount(1, 900), amount(1_000, 100), Unit::Requests, amount(1, 0)),
        ] {
            let (mut world, lease) = lowered(kind, granted, to);
            assert_eq!(denial(world.acquire(2, asked)).unit, unit);
            let back = granted.saturating_sub(to);
            let almost = back.saturating_sub(amount(1, 1));
            world.give_back(1, lease, almost).unwrap();
            assert_eq!(denial(world.acquire(2, asked)).unit, unit, "one above");
            world.give_back(1, lease, back).unwrap();
            assert_eq!(world.acquire(2, asked).unwrap().amount, asked, "as much as the limit");
        }
    }
}

#[test]
fn an_overrun_counts_as_what_is_outstanding_does() {
    for kind in KINDS {
        let mut world = World::new(policy(kind, 1_000, 1_000));
        let lease = world.at(10_000).acquire(1, amount(900, 1)).unwrap().lease;
        world.report(1, lease, amount(900, 1), amount(100, 0)).unwrap();
        world.acquire(2, amount(0, 1)).unwrap();
        world.report(1, lease, amount(900, 1), amount(101, 0)).unwrap();
        assert_eq!(denial(world.acquire(2, amount(0, 1))).unit, Unit::Tokens);
    }
}

#[test]
fn a_denial_hopes_for_no_less_than_what_is_above_the_limit() {
    for kind in KINDS {
        let (mut world, lease) = lowered(kind, amount(900, 1), amount(100, 1_000));
        assert_eq!(
            denial(world.acquire(2, amount(0, 1))).state,
            State::Endgame,
            "it may come back"
        );
        world.report(1, lease, amount(101, 1), amount(0, 0)).unwrap();
        let denied = denial(world.acquire(2, amount(0, 1)));
        assert_eq!(denied.state, State::Exhausted, "799 of 800 may");
        assert!(denied.retry_after_ms >= 50_000, "{}", denied.retry_after_ms);
    }
}
