//! A few outages of each rung; `TOKENLEASE_OUTAGE_RUNS` makes them more.

use std::env;

use futures_util::{StreamExt, stream};
use tests::{
    chaos::{self, Fate},
    harness::Rung,
};

const RUNS: u64 = 2;

async fn breaks_no_rule(rung: Rung, servers: usize) {
    let runs = env::var("TOKENLEASE_OUTAGE_RUNS").map_or(RUNS, |runs| runs.parse().unwrap());
    let fates = (1..=runs).map(|seed| Fate { rung, servers, seed });
    let verdicts: Vec<_> =
        stream::iter(fates).map(chaos::outage).buffer_unordered(2).collect().await;
    for verdict in verdicts {
        let verdict = verdict.unwrap();
        assert!(verdict.broken.is_empty(), "{verdict}");
        assert!(verdict.draws > 0, "{verdict}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_one_server_breaks_no_rule() {
    breaks_no_rule(Rung::Embedded, 1).await;
}
