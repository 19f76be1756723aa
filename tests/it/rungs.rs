//! What holds on the embedded ledger holds on every rung, with several servers that suffer. Each
//! test plays all rungs side by side, where they mostly wait.

use std::env;

use futures_util::{StreamExt, future::join_all, stream};
use tests::{
    chaos::{self, Blow, Fate, OutageVerdict, RunError},
    harness::Rung,
    scenario::{Name, Options},
};

use crate::scenarios::won;

const RUNGS: [Rung; 4] = [Rung::Postgres, Rung::Redis, Rung::RedisSentinel, Rung::RedisCluster];
const SERVERS: usize = 3;
/// Outages of each rung; `TOKENLEASE_OUTAGE_RUNS` makes them more.
const RUNS: u64 = 2;
const AT_ONCE: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s1_with_three_servers_that_are_killed_paused_and_cut_off() {
    let plays = RUNGS.map(|rung| {
        let minutes = Some(1);
        won(
            Name::SlowStream,
            Options { rung, servers: SERVERS, minutes, faults: true, ..Options::default() },
        )
    });
    join_all(plays).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s1_with_a_fail_over_of_redis() {
    let (rung, minutes) = (Rung::RedisSentinel, Some(2));
    won(
        Name::SlowStream,
        Options { rung, servers: SERVERS, minutes, fail_over: true, ..Options::default() },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s6_with_three_servers() {
    // One after another: a burst is a matter of a second, in which four rungs would take the
    // machine from each other.
    for rung in RUNGS {
        won(Name::ColdBurst, Options { rung, servers: SERVERS, ..Options::default() }).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_outage_breaks_a_rule() {
    let runs = env::var("TOKENLEASE_OUTAGE_RUNS").map_or(RUNS, |runs| runs.parse().unwrap());
    let fates = (1..=runs).flat_map(|seed| {
        let many = RUNGS.map(|rung| Fate { rung, servers: SERVERS, seed });
        many.into_iter().chain([Fate { rung: Rung::Embedded, servers: 1, seed }])
    });
    let run = |fate| chaos::outage(fate, None);
    let verdicts = stream::iter(fates).map(run).buffer_unordered(AT_ONCE);
    verdicts.collect::<Vec<_>>().await.into_iter().for_each(held);
}

/// Grants are back with the next window, as docs/redis.md says, and nothing is granted twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promotions_and_a_resharding_of_a_cluster_break_no_rule() {
    let blows = [Blow::Promoted, Blow::TakenOver, Blow::Resharded];
    let run = |(seed, blow)| {
        chaos::outage(Fate { rung: Rung::RedisCluster, servers: SERVERS, seed }, Some(blow))
    };
    join_all((1..).zip(blows).map(run)).await.into_iter().for_each(held);
}

fn held(verdict: Result<OutageVerdict, RunError>) {
    let verdict = verdict.unwrap();
    assert!(verdict.broken.is_empty(), "{verdict}");
    assert!(verdict.draws > 0, "{verdict}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_denials_and_restarts_break_no_rule_on_postgres() {
    let runs = env::var("TOKENLEASE_CHANGES_RUNS").map_or(RUNS, |runs| runs.parse().unwrap());
    let fates = (1..=runs).map(|seed| Fate { rung: Rung::Postgres, servers: SERVERS, seed });
    let run = |fate| Box::pin(chaos::changes(fate));
    let verdicts = stream::iter(fates).map(run).buffer_unordered(AT_ONCE);
    for verdict in verdicts.collect::<Vec<_>>().await {
        let verdict = verdict.unwrap();
        assert!(verdict.broken.is_empty(), "{verdict}");
        assert!(verdict.steps > 0, "{verdict}");
    }
}
