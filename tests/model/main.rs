//! The protocol itself, every state of it: two holders, two servers, a store, a network that loses,
//! repeats and reorders, crashes, elections, a store that is rolled back, limits that change,
//! windows that end.
//!
//! It is a model, written by hand from ARCHITECTURE.md: it says that the rules suffice, not that
//! the code follows them. That the checker would notice a rule left out is shown rule by rule: each
//! flaw of `protocol::Flaw` is found.
//!
//! `cargo test -p tests --test model -- --nocapture` prints how many states there were; with
//! `TOKENLEASE_MODEL=large` it plays a larger world too, for minutes.

#![expect(clippy::print_stdout, reason = "how many states there were is worth a line")]

mod protocol;
mod rules;
mod world;

use stateright::{Checker, HasDiscoveries, Model};

use protocol::{Flaw, Protocol};
use tests::docs::MODEL_STATES;
use world::Budget;

const STEADY: Protocol = Protocol {
    windows: 2,
    limit: 2,
    limits: [1, 3],
    requests: 1,
    budget: Budget { elections: 1, holder_crashes: 1, puts: 1, rollbacks: 0 },
    flaw: None,
};

const ROLLED_BACK: Protocol = Protocol {
    windows: 3,
    budget: Budget { elections: 2, holder_crashes: 0, puts: 0, rollbacks: 1 },
    ..STEADY
};

/// Looks at every state, and says how many there are.
fn explore(name: &str, protocol: Protocol) {
    let checker = protocol.checker().spawn_bfs().join();
    let (all, different) = (checker.state_count(), checker.unique_state_count());
    println!("model {name}: {all} steps, {different} states, depth {}", checker.max_depth());
    checker.assert_properties();
    let told = MODEL_STATES.iter().find(|(world, _)| *world == name);
    assert!(told.is_none_or(|(_, states)| *states == different), "docs: {told:?}, not {different}");
}

#[test]
fn crashes_elections_limits_and_turns_break_no_rule() {
    explore("steady", STEADY);
}

#[test]
fn requests_that_follow_each_other_break_no_rule() {
    let budget = Budget { elections: 0, holder_crashes: 0, puts: 1, rollbacks: 0 };
    explore("two requests each", Protocol { requests: 2, budget, ..STEADY });
}

#[test]
fn a_store_that_lost_writes_breaks_no_rule() {
    explore("rolled back", ROLLED_BACK);
}

#[test]
fn a_larger_world_breaks_no_rule() {
    if std::env::var_os("TOKENLEASE_MODEL").is_none() {
        return;
    }
    let budget = Budget { elections: 1, holder_crashes: 0, puts: 0, rollbacks: 0 };
    explore("two requests each, elections", Protocol { requests: 2, budget, ..STEADY });
}

/// Each rule is needed: without it a state is found that breaks it, by this rule's name.
#[test]
fn a_rule_that_is_left_out_is_missed() {
    for (flaw, rule) in [
        (Flaw::CreditAtEnd, "R1: no grant"),
        (Flaw::NoFence, "R1: no grant"),
        (Flaw::LateEnd, "R1: no window"),
        (Flaw::Increments, "R3"),
        (Flaw::AnswerFirst, "R1: no grant"),
        (Flaw::OldLimit, "R1: no grant"),
        (Flaw::Readopted, "R1: no window"),
        (Flaw::Forgetful, "R1: no grant"),
        (Flaw::Vouched, "R1: no grant"),
    ] {
        let protocol = match flaw {
            Flaw::Vouched => ROLLED_BACK,
            Flaw::Forgetful => Protocol { requests: 2, ..STEADY },
            _ => STEADY,
        };
        let flawed = Protocol { flaw: Some(flaw), ..protocol };
        let checker = flawed.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        let found = checker.discoveries();
        let states = checker.unique_state_count();
        assert!(found.keys().any(|name| name.starts_with(rule)), "{flaw:?}: {:?}", found.keys());
        println!("model without {flaw:?}: found after {states} states");
    }
}
