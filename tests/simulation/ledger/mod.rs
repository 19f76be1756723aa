//! The ledger itself, simulated: nothing that was found may come back, and nothing new be found.

mod kept;

use std::thread;

use tests::ledger_simulation::{Coverage, Plan, play};

/// Ledger minutes, or as many as `TOKENLEASE_MINUTES` says.
const MINUTES: u64 = 10_000;

/// How many play at once.
const PLAYERS: u64 = 2;

fn minutes() -> u64 {
    let told = std::env::var("TOKENLEASE_MINUTES").ok().and_then(|told| told.parse().ok());
    told.unwrap_or(MINUTES)
}

/// Every so many seeds from this one on, until the minutes are played.
fn play_from(first: u64) -> Coverage {
    let mut sum = Coverage::default();
    let mut seeds = (first..).step_by(usize::try_from(PLAYERS).expect("a few"));
    while sum.minutes() < minutes() / PLAYERS {
        let seed = seeds.next().expect("there are more seeds than minutes");
        let played = play(&Plan::random(seed));
        assert_eq!(played.violations, [], "`simulate --minutes 1 --seed {seed}` shrinks it");
        sum.add(&played.coverage);
    }
    sum
}

#[test]
fn no_rule_is_broken_and_every_kind_of_thing_happens() {
    let sum = thread::scope(|scope| {
        let players: Vec<_> =
            (0..PLAYERS).map(|first| scope.spawn(move || play_from(first))).collect();
        players.into_iter().fold(Coverage::default(), |mut sum, player| {
            sum.add(&player.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            sum
        })
    });
    println!("{sum}");
    assert_eq!(sum.missing(), Vec::<&str>::new(), "{sum}");
}

#[test]
fn the_same_plan_gives_the_same_run() {
    for seed in 0..20 {
        let plan = Plan::random(seed);
        assert_eq!(play(&plan), play(&plan), "seed {seed}");
    }
}
