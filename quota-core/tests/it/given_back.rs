//! A lease that was returned in full.

use quota_core::{Refusal, WindowKind};

use crate::world::{World, amount, policy};

#[test]
fn its_request_gets_it_no_more() {
    for kind in [WindowKind::Minute, WindowKind::Rolling] {
        let mut world = World::new(policy(kind, 100, 100));
        let ask = |world: &mut World| world.ask(1, 7, amount(100, 1), amount(100, 1), false);
        let lease = ask(&mut world).unwrap().lease;
        world.give_back(1, lease, amount(100, 0)).unwrap();
        assert!(ask(&mut world).unwrap().repeated, "its request is held yet");
        world.give_back(1, lease, amount(0, 1)).unwrap();
        world.acquire(2, amount(100, 1)).unwrap();
        assert_eq!(ask(&mut world), Err(Refusal::LeaseClosed), "another holder has its quota");
    }
}
