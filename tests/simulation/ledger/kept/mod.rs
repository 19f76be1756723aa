//! What the simulation found, shrunk. Each broke a rule once.

mod alone;
mod several;

use tests::ledger_simulation::{Plan, Step, What, play};

/// Where and when, and what happened.
struct Kept {
    seed: u64,
    servers: usize,
    is_rough: bool,
    into_minute_ms: u64,
    steps: &'static [(u64, What)],
}

const fn put(deployment: usize, tokens: u64) -> What {
    What::Put { deployment, tokens, requests: None, rolling: false }
}

const fn acquire(holder: usize, deployment: usize, min: u64, want: u64) -> What {
    What::Acquire { holder, deployment, min, want, ahead: false, draws: 100 }
}

const fn kill(down_ms: u64, reboots: bool) -> What {
    What::Kill { server: 0, down_ms, reboots, declares: 0 }
}

#[test]
fn what_was_found_is_mended() {
    for Kept { seed, servers, is_rough, into_minute_ms, steps } in
        alone::ALL.iter().chain(several::ALL)
    {
        let steps: Vec<_> =
            steps.iter().map(|(at_ms, what)| Step { at_ms: *at_ms, what: *what }).collect();
        let length_ms = steps.last().map_or(0, |last| last.at_ms + 1);
        let plan = Plan {
            seed: *seed,
            servers: *servers,
            into_minute_ms: *into_minute_ms,
            is_rough: *is_rough,
            length_ms,
            steps,
        };
        assert_eq!(play(&plan).violations, [], "{plan:?}");
    }
}
