//! Whatever draws do and whatever becomes of messages: the server is never told more than it
//! granted (it objects by itself), and in the end it has everything back that was not used.

use proptest::prelude::*;

use super::world::{Fate, World, tokens};

#[derive(Debug, Clone)]
enum Step {
    Draw(u64),
    Wait(u64),
    Settle(usize, u64),
    Cancel(usize),
    Drop(usize),
    Pass(u64),
    Exchange(Fate),
}

fn step() -> impl Strategy<Value = Step> {
    let fate = prop_oneof![
        4 => Just(Fate::Answered),
        1 => Just(Fate::RequestLost),
        1 => Just(Fate::AnswerLost),
    ];
    prop_oneof![
        3 => (0..60_u64).prop_map(Step::Draw),
        1 => (1..200_u64).prop_map(Step::Wait),
        2 => (any::<usize>(), 0..80_u64).prop_map(|(at, used)| Step::Settle(at, used)),
        1 => any::<usize>().prop_map(Step::Cancel),
        1 => any::<usize>().prop_map(Step::Drop),
        2 => (0..700_u64).prop_map(Step::Pass),
        4 => fate.prop_map(Step::Exchange),
    ]
}

/// Takes the step, and answers with what it charges: the real usage of a permit.
fn take(world: &mut World, step: &Step) -> u64 {
    let mut permit = |at: usize| {
        let count = world.permits.len();
        (count > 0).then(|| world.permits.swap_remove(at % count))
    };
    match *step {
        Step::Draw(size) => {
            world.draw(tokens(size));
        }
        Step::Wait(size) => world.waiting.push(tokens(size)),
        Step::Settle(at, used) => {
            if let Some(permit) = permit(at) {
                permit.settle(tokens(used));
                return used;
            }
        }
        Step::Cancel(at) => permit(at).into_iter().for_each(|permit| permit.cancel()),
        Step::Drop(at) => return permit(at).map_or(0, |permit| permit.amount().tokens()),
        Step::Pass(ms) => world.pass(ms),
        Step::Exchange(fate) => {
            world.look();
            world.send();
            world.deliver(fate);
        }
    }
    0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_accounts_add_up(
        limit in 50..2_000_u64,
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut world = World::new(limit);
        let mut passed = 0;
        let mut charged = 0;
        for step in &steps {
            if let Step::Pass(ms) = step {
                // Within one window, so that the book has everything in the end.
                passed += ms;
                if passed > 25_000 {
                    break;
                }
            }
            charged += take(&mut world, step);
            prop_assert!(world.server.outstanding() <= limit);
        }
        for permit in world.permits.drain(..) {
            charged += permit.amount().tokens();
        }
        world.waiting.clear();
        world.refill.shut();
        world.run(4_000);
        prop_assert!(world.refill.is_square(world.now));
        let overrun: u64 = world.server.leases.values().map(|lease| lease.overrun.tokens()).sum();
        prop_assert_eq!(world.server.used() + overrun, charged);
        prop_assert_eq!(world.server.outstanding(), world.server.used());
    }
}
