//! Random operations, crashes and windows, answered as plain books answer them.

use std::collections::BTreeMap;

use quota_core::{
    Amount, Book, Command, HolderId, LeaseId, Now, Outcome, Refusal, Report, RequestKey, Return,
    Wish,
};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::world::{World, gw, minute, rolling};
use crate::ledger::{LeaseRef, Op, OpError, Reply};

const IDS: [&str; 3] = ["a", "b", "c"];
const STEPS: usize = 250;

/// What is compared of an answer. Hints depend on who asked lately, which a restart forgets.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Granted(LeaseId, Amount, u64),
    Returned(quota_core::Returned),
    Used(quota_core::Used),
    Noted,
    Denied,
    NotYours,
    Refused(Refusal),
}

struct Step {
    id: &'static str,
    holder: u32,
    op: Op,
    command: Command,
}

pub(super) async fn random_operations_are_answered_as_the_book_answers_them(mut world: World) {
    let seed = world.now().await.steady_ms;
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut books = BTreeMap::new();
    for (id, policy) in IDS.into_iter().zip([minute(900), rolling(700), minute(40)]) {
        world.put(id, policy.clone()).await.unwrap();
        books.insert(id, Book::new(policy));
    }
    let mut leases: Vec<(&'static str, u32, LeaseRef)> = Vec::new();
    for at in 0..STEPS {
        move_on(&mut world, &mut rng).await;
        let step = step(&mut rng, &leases);
        let now = world.now().await;
        let expected = ask(books.get_mut(step.id).unwrap(), &step.command, &now);
        let got = world.one(gw(step.holder), step.op.clone()).await;
        if let Ok(Reply::Granted { lease, .. }) = &got {
            leases.push((step.id, step.holder, *lease));
        }
        assert_eq!(told(got), expected, "step {at}: {:?}", step.op);
    }
    for (id, book) in &mut books {
        book.audit().unwrap();
        let now = world.now().await;
        let live: Vec<_> = book.pages(&now).into_iter().map(|page| page.granted).collect();
        let shown = world.pages(id).await;
        let shown: Vec<_> = shown.iter().rev().map(|page| page.granted).collect();
        assert!(shown.ends_with(&live) || live.iter().all(|granted| granted.is_zero()));
    }
    world.ledger.stop().await;
}

async fn move_on(world: &mut World, rng: &mut SmallRng) {
    world.clock.advance(rng.random_range(0..1_500));
    match rng.random_range(0..100) {
        0..8 => world.crash().await,
        8..10 => world.restart().await,
        10..13 => world.clock.advance(61_000),
        // Books in Redis have a time of their own each: their oracle is `redis/book/tests`.
        13 if world.is_journaled() => world.clock.step_wall(rng.random_range(-90_000..90_000)),
        _ => {}
    }
}

fn step(rng: &mut SmallRng, leases: &[(&'static str, u32, LeaseRef)]) -> Step {
    let pick = rng.random_range(0..10);
    if pick < 4 || leases.is_empty() {
        return acquire(rng);
    }
    // Mostly a lease of lately.
    let back = rng.random_range(0..leases.len().min(12));
    let (id, holder, lease) = leases[leases.len() - 1 - back];
    let of = |rng: &mut SmallRng| Amount::new(rng.random_range(0..60), rng.random_range(0..2));
    let (total, overrun, closed) = (of(rng), of(rng), rng.random_bool(0.3));
    let named = HolderId(holder);
    if pick < 7 {
        let command = Command::GiveBack(named, Return { lease: lease.lease, total, closed });
        Step { id, holder, op: lease.give_back(total, closed), command }
    } else {
        let report = Report { lease: lease.lease, used: total, overrun };
        Step { id, holder, op: lease.report(total, overrun), command: Command::Use(named, report) }
    }
}

fn acquire(rng: &mut SmallRng) -> Step {
    let id = IDS[rng.random_range(0..IDS.len())];
    let holder = rng.random_range(1..4);
    // Few enough that some are repeated.
    let request = RequestKey(rng.random_range(0..400));
    let min = Amount::new(rng.random_range(0..120), rng.random_range(0..3));
    let ahead = rng.random_bool(0.2);
    let wish = Wish { request, min, want: min, ahead };
    let op = Op::Acquire { deployment: id.into(), wish };
    let command = Command::Acquire(HolderId(holder), wish);
    Step { id, holder, op, command }
}

fn ask(book: &mut Book, command: &Command, now: &Now) -> Answer {
    match book.apply(command, now) {
        Ok((outcome, _)) => outcome_of(&outcome),
        Err(refusal) => refusal_of(refusal),
    }
}

fn outcome_of(outcome: &Outcome) -> Answer {
    match outcome {
        Outcome::Granted(granted) => {
            Answer::Granted(granted.lease, granted.amount, granted.expires_in_ms)
        }
        Outcome::Returned(returned) => Answer::Returned(*returned),
        Outcome::Used(used) => Answer::Used(*used),
        Outcome::Noted => Answer::Noted,
    }
}

fn refusal_of(refusal: Refusal) -> Answer {
    match refusal {
        Refusal::Denied(_) => Answer::Denied,
        Refusal::NotYours => Answer::NotYours,
        refusal => Answer::Refused(refusal),
    }
}

fn told(result: Result<Reply, OpError>) -> Answer {
    match result {
        Ok(Reply::Granted { granted, .. }) => outcome_of(&Outcome::Granted(granted)),
        Ok(Reply::Returned(returned)) => Answer::Returned(returned),
        Ok(Reply::Used(used)) => Answer::Used(used),
        Ok(Reply::Noted) => Answer::Noted,
        Err(OpError::NotYourLease) => Answer::NotYours,
        Err(OpError::Refused { refusal, .. }) => refusal_of(refusal),
        Err(other) => panic!("{other:?}"),
    }
}
