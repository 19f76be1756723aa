//! A few runs of the chaos check; `TOKENLEASE_CHAOS_RUNS` makes them more.

use std::{env, process::Command};

use futures_util::{StreamExt, stream};
use tests::{
    chaos::{self, Fate},
    harness::Rung,
};

const RUNS: u64 = 10;
/// Runs with changes on the embedded ledger; the other rungs have some of their own.
const CHANGES_RUNS: u64 = 12;
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mistreated_messages_and_killed_servers_break_no_rule() {
    let runs = env::var("TOKENLEASE_CHAOS_RUNS").map_or(RUNS, |runs| runs.parse().unwrap());
    let verdicts = stream::iter(1..=runs).map(chaos::run).buffer_unordered(AT_ONCE);
    let verdicts: Vec<_> = verdicts.collect().await;
    for verdict in verdicts {
        let verdict = verdict.unwrap();
        assert!(verdict.broken.is_empty(), "{verdict}");
        assert!(verdict.draws > 0 && verdict.faults > 0, "{verdict}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_denials_and_restarts_break_no_rule() {
    let runs =
        env::var("TOKENLEASE_CHANGES_RUNS").map_or(CHANGES_RUNS, |runs| runs.parse().unwrap());
    let fates = (1..=runs).map(|seed| Fate { rung: Rung::Embedded, servers: 1, seed });
    let verdicts =
        stream::iter(fates).map(|fate| Box::pin(chaos::changes(fate))).buffer_unordered(AT_ONCE);
    let verdicts: Vec<_> = verdicts.collect().await;
    for verdict in verdicts {
        let verdict = verdict.unwrap();
        assert!(verdict.broken.is_empty(), "{verdict}");
        assert!(verdict.steps > 0, "{verdict}");
    }
}

#[test]
fn a_blow_that_would_not_be_struck_is_refused_before_any_run() {
    let refused = |line: &str| {
        let mut chaos = Command::new(env!("CARGO_BIN_EXE_chaos"));
        let out = chaos.args(line.split(' ')).output().unwrap();
        assert_eq!((out.status.code(), out.stdout.as_slice()), (Some(2), &b""[..]), "{line}");
        String::from_utf8(out.stderr).unwrap()
    };
    let said = refused("--changes --blow flushed --ledger redis");
    assert!(said.contains("cannot be used with"), "{said}");
    let said = refused("--blow resharded --ledger redis");
    assert!(said.contains("Resharded cannot befall"), "{said}");
}
