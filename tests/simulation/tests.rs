//! Runs that must hold.

use quota_core::WindowKind;

use crate::audit::Audit;
use crate::plan::{Accidents, Load, Plan};
use crate::site::play;

fn holds(plan: &Plan) -> Audit {
    let audit = play(plan);
    let over = audit.over(plan.kind, plan.tpm_limit, plan.rpm_limit);
    assert_eq!(over, None, "{plan:?}");
    audit
}

/// As many runs as `TOKENLEASE_RUNS` says, or so many.
fn runs(otherwise: u64) -> u64 {
    std::env::var("TOKENLEASE_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn no_minute_is_over_its_limit_in_any_storm() {
    for seed in 0..runs(150) {
        let audit = holds(&Plan::stormy(seed));
        let admitted = audit.requests.iter().filter(|request| request.is_admitted).count();
        assert!(admitted > 100, "the system works, seed {seed}: {admitted}");
    }
}

#[test]
fn no_sixty_seconds_are_over_their_limit_in_any_storm() {
    for seed in 0..runs(150) {
        holds(&Plan { kind: WindowKind::Rolling, rpm_limit: Some(700), ..Plan::stormy(seed) });
    }
}

#[test]
fn several_servers_that_fail_one_after_another_grant_nothing_twice() {
    for seed in 0..runs(100) {
        for has_standbys in [false, true] {
            let plan = Plan { has_standbys, ..Plan::stormy_with_servers(seed) };
            let audit = holds(&plan);
            let admitted = audit.requests.iter().filter(|request| request.is_admitted).count();
            assert!(admitted > 100, "the system works, seed {seed}: {admitted}");
        }
        holds(&Plan { kind: WindowKind::Rolling, ..Plan::stormy_with_servers(seed) });
    }
}

#[test]
fn a_server_of_three_that_is_paused_costs_the_requests_of_a_second_at_most() {
    // Six times a server is paused, for up to five seconds. There is room for all of the 20
    // requests a second, so only those are denied whose gateway waits for that server, and has no
    // lease.
    let accidents = Accidents { server_pauses: 6, ..Accidents::default() };
    let plan = Plan { tpm_limit: 200_000, servers: 3, accidents, ..Plan::calm(5) };
    let audit = holds(&plan);
    let denied = audit.requests.iter().filter(|request| !request.is_admitted).count();
    assert!(denied <= 40, "{denied} of {}", audit.requests.len());
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let (one, other) = (play(&Plan::stormy(7)), play(&Plan::stormy(7)));
    assert_eq!(one.requests, other.requests);
    assert_eq!((one.messages, one.overrun), (other.messages, other.overrun));
    assert_ne!(one.requests, play(&Plan::stormy(8)).requests);
}

/// The load of the design's figures: 64 gateways by Zipf's law, 1.3 times the limit.
fn crowded(seed: u64) -> Plan {
    let load = Load {
        per_second: 260,
        tokens: (100, 1_900),
        used_percent: (100, 100),
        takes_ms: (200, 2_000),
    };
    Plan { tpm_limit: 12_000_000, gateways: 64, seconds: 121, load, ..Plan::calm(seed) }
}

#[test]
fn little_is_stranded_and_few_are_denied_wrongly() {
    for seed in 0..3 {
        let audit = holds(&crowded(seed));
        let shares = audit.shares(12_000_000, 2);
        assert!(shares.stranded <= 0.001, "seed {seed}: {shares:?}");
        assert!(shares.denied_wrongly <= 0.001, "seed {seed}: {shares:?}");
        assert!(audit.messages < audit.requests.len() as u64, "fewer messages than requests");
    }
}

#[test]
fn thirty_three_of_three_hundred_at_once_are_admitted_whoever_they_ask() {
    for gateways in [2, 5, 20] {
        let load = Load {
            per_second: 30_000,
            tokens: (15, 15),
            used_percent: (100, 100),
            takes_ms: (500, 500),
        };
        let plan = Plan { tpm_limit: 500, gateways, seconds: 1, load, ..Plan::calm(1) };
        let audit = holds(&plan);
        let admitted = audit.requests.iter().filter(|request| request.is_admitted);
        assert_eq!(admitted.count(), 33, "{gateways} gateways");
    }
}

#[test]
fn a_quiet_network_admits_all_that_fits() {
    // 20 requests a second of 110 tokens on average are 132 000 a minute; all of them fit.
    let plan = Plan { tpm_limit: 200_000, accidents: Accidents::default(), ..Plan::calm(3) };
    let audit = holds(&plan);
    let denied = audit.requests.iter().filter(|request| !request.is_admitted).count();
    assert_eq!(denied, 0);
}
