//! The endgame comes near the end of the capacity, and there only.

use crate::plan::{Large, Load, Plan};
use crate::site::play;

/// 40 requests a second, and a limit of which they use 1 %.
fn plenty(seed: u64) -> Plan {
    let load = Load { per_second: 40, ..Plan::calm(seed).load };
    Plan { tpm_limit: 26_400_000, load, ..Plan::calm(seed) }
}

/// 20 gateways with small requests, and every 12 s a request of 5 % of the limit: 56 % of it in
/// all.
fn mixed(seed: u64) -> Plan {
    let load = Load { per_second: 20, tokens: (100, 2_000), ..Plan::calm(seed).load };
    let large = Some(Large { tokens: 200_000, every_ms: 12_000 });
    Plan { tpm_limit: 4_000_000, gateways: 20, load, large, ..Plan::calm(seed) }
}

/// Many gateways on a limit that a few of their requests fill, half as much again offered.
fn narrow(seed: u64, gateways: usize, per_second: u64, tokens: (u64, u64)) -> Plan {
    let load = Load { per_second, tokens, takes_ms: (200, 2_000), ..Plan::calm(seed).load };
    let offered = per_second * 60 * u64::midpoint(tokens.0, tokens.1);
    Plan { tpm_limit: offered * 2 / 3, gateways, load, ..Plan::calm(seed) }
}

const SEEDS: std::ops::Range<u64> = 0..5;

#[test]
fn requests_as_large_as_the_limit_cost_the_others_nothing() {
    let large = Some(Large { tokens: 26_400_000, every_ms: 5_000 });
    let sum = |large| {
        SEEDS.fold((0, 0.0), |(waits_us, messages), seed| {
            let (p99_us, each) = play(&Plan { large, ..plenty(seed) }).pace();
            (waits_us + p99_us, messages + each)
        })
    };
    let (quiet, loud) = (sum(None), sum(large));
    assert!(loud.0 <= quiet.0 * 11 / 10, "{} us at the 99th percentile, then {}", quiet.0, loud.0);
    assert!(loud.1 <= quiet.1 * 1.1, "{} messages a request, then {}", quiet.1, loud.1);
}

#[test]
fn requests_of_a_twentieth_of_the_limit_are_no_endgame_while_plenty_is_left() {
    for seed in SEEDS {
        let audit = play(&mixed(seed));
        assert_eq!(audit.endgame.us, 0, "seed {seed}: in endgame with 44 % of the limit unused");
        assert!(audit.requests.iter().all(|request| request.is_admitted), "all of it fits");
    }
}

#[test]
fn little_of_a_narrow_limit_is_stranded_whoever_asks_for_how_much() {
    for seed in SEEDS {
        for (gateways, per_second, tokens) in [
            (64, 2, (100, 1_900)),
            (64, 200, (100, 1_900)),
            (20, 60, (10, 50)),
            (20, 4, (1_000, 90_000)),
            (20, 1, (1_000, 50_000)),
        ] {
            let plan = narrow(seed, gateways, per_second, tokens);
            let audit = play(&plan);
            let over = audit.over(plan.kind, plan.tpm_limit, None);
            assert_eq!(over, None, "{plan:?}");
            let shares = audit.shares(plan.tpm_limit, 2);
            assert!(shares.stranded <= 0.001, "{shares:?} of {plan:?}");
            assert!(shares.denied_wrongly <= 0.001, "{shares:?} of {plan:?}");
        }
    }
}
