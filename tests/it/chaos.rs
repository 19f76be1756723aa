//! A few runs of the chaos check; `TOKENLEASE_CHAOS_RUNS` makes them more.

use std::env;

use futures_util::{StreamExt, stream};
use tests::chaos;

const RUNS: u64 = 10;
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
