//! A window of more leases than one hash of them holds (`BLOCK` in `functions/leases.lua`).

use std::collections::BTreeSet;
use std::ops::Range;

use quota_core::{Amount, LeaseId, RequestKey, Return, WindowKind, Wish};

use super::world::{NOON_MS, World, gw, policy};
use crate::ledger::redis::book::{Answer, Cursor, MOST_OPERATIONS, Operation};
use crate::ledger::redis::testing::TestRedis;

const WINDOW: u64 = NOON_MS / 60_000;
const LEASES: u32 = 9_000;
/// On both sides of the bounds between hashes, at the ends, and somewhere.
const SOME: [u32; 8] = [0, 77, 4_095, 4_096, 4_097, 8_191, 8_192, LEASES - 1];

const ONE: Amount = Amount::new(1, 1);

fn acquire(request: u32) -> Operation {
    let request = RequestKey(request.into());
    Operation::Acquire(Wish { request, min: ONE, want: ONE, ahead: false })
}

fn give_back(number: u32) -> Operation {
    let lease = LeaseId { window: WINDOW, number };
    Operation::GiveBack(Return { lease, total: ONE, closed: true })
}

impl World {
    fn run_all(&mut self, operations: impl IntoIterator<Item = Operation>) -> Vec<Answer> {
        let caller = gw(1);
        let operations = operations.into_iter().map(|operation| (&caller, operation));
        let command = self.call().run(&self.library, operations);
        let (_, Answer::Ran(answers)) = self.ask(&command) else { panic!("not run") };
        answers
    }

    /// The numbers of the leases that were granted to these requests.
    fn acquired(&mut self, requests: Range<u32>) -> Vec<u32> {
        let answers = self.run_all(requests.map(acquire));
        answers.into_iter().map(|answer| number_of(&answer)).collect()
    }

    fn held(&mut self) -> BTreeSet<u32> {
        let mut held = BTreeSet::new();
        let mut from = Some(Cursor::default());
        while let Some(cursor) = from {
            let command = self.call().leases(&self.library, cursor);
            let (_, Answer::Held(page)) = self.ask(&command) else { panic!("no leases") };
            held.extend(page.leases.iter().map(|(_, held)| held.lease.number));
            from = page.next;
        }
        held
    }
}

fn number_of(answer: &Answer) -> u32 {
    match answer {
        Answer::Granted(granted, _) => granted.lease.number,
        other => panic!("not granted: {other:?}"),
    }
}

fn is_credited(answer: &Answer) -> bool {
    matches!(answer, Answer::Returned(returned) if returned.credited == ONE)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_of_many_leases() {
    let redis = TestRedis::start().await;
    let mut world = World::of(&redis, 1);
    world.open(&policy(WindowKind::Minute, 1_000_000), true);
    let a_call = u32::try_from(MOST_OPERATIONS).unwrap();
    for first in (0..LEASES).step_by(MOST_OPERATIONS) {
        let requests = first..LEASES.min(first + a_call);
        assert_eq!(world.acquired(requests.clone()), requests.collect::<Vec<_>>());
    }
    for number in SOME {
        assert_eq!(world.acquired(number..number + 1), [number], "the same request");
    }
    let returned = world.run_all(SOME.map(give_back));
    assert!(returned.iter().all(is_credited), "{returned:?}");
    let returned = world.run_all(SOME.map(give_back));
    assert!(!returned.iter().any(is_credited), "given back once");
    let kept: BTreeSet<u32> = (0..LEASES).filter(|number| !SOME.contains(number)).collect();
    assert_eq!(world.held(), kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_lease_is_larger_than_a_lease_can_be() {
    let redis = TestRedis::start().await;
    let mut world = World::of(&redis, 1);
    world.open(&policy(WindowKind::Minute, quota_core::MAX_LIMIT), true);
    let (most_tokens, most_requests) = ((1 << 40) - 1, (1 << 24) - 1);
    let wants = [
        (Amount::new(1 << 45, 1), Amount::new(most_tokens, 1)),
        (Amount::new(1, 1 << 30), Amount::new(1, most_requests)),
    ];
    for (request, (want, amount)) in (0..).step_by(2).zip(wants) {
        let requests = [request, request + 1].map(RequestKey);
        let of = |request| Operation::Acquire(Wish { request, min: ONE, want, ahead: false });
        for answer in world.run_all(requests.map(of)) {
            let Answer::Granted(granted, _) = answer else { panic!("{answer:?}") };
            assert_eq!(granted.amount, amount);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_given_back_in_the_call_that_granted_it() {
    let redis = TestRedis::start().await;
    let mut world = World::of(&redis, 1);
    world.open(&policy(WindowKind::Minute, 1_000_000), true);
    for first in (0..4_090).step_by(409) {
        world.acquired(first..first + 409);
    }
    let granted = (4_090..4_110).map(acquire);
    let returned = [4_000, 4_095, 4_096, 4_109].map(give_back);
    let answers = world.run_all(granted.chain(returned));
    let numbers: Vec<u32> = answers[..20].iter().map(number_of).collect();
    assert_eq!(numbers, (4_090..4_110).collect::<Vec<_>>());
    assert!(answers[20..].iter().all(is_credited), "{:?}", &answers[20..]);
    assert_eq!(world.held().len(), 4_110 - 4);
}
