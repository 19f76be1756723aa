//! One server after another on one ledger, and people who put things by hand.

use futures_util::future::join_all;
use std::sync::Arc;

use super::super::{Counts, Reading, apply};
use super::puts;
use crate::http::wire;
use crate::ledger::Stored;
use crate::testing::TestLedger;

/// A server with this file.
struct Server<'a> {
    test: &'a TestLedger,
    reading: Reading,
}

impl<'a> Server<'a> {
    async fn start(test: &'a TestLedger, text: &str) -> Self {
        let mut server = Self { test, reading: Reading::new(puts(text)) };
        server.look().await;
        server
    }

    /// How many it put as the file says.
    async fn look(&mut self) -> usize {
        let all = self.test.ledger.deployments().await.unwrap();
        let plan = self.reading.plan(&all);
        self.reading.meet(&all);
        let applied = apply(&*self.test.ledger, plan.steps).await;
        assert_eq!((applied.overtaken, applied.refused.len()), (0, 0));
        applied.deployments
    }

    async fn counts(&mut self) -> [usize; 4] {
        let all = self.test.ledger.deployments().await.unwrap();
        let Counts { as_declared, drifted, left, missing } = self.reading.plan(&all).counts;
        [as_declared, drifted, left, missing]
    }
}

async fn by_hand(test: &TestLedger, text: &str) {
    super::by_hand(&*test.ledger, text).await;
}

async fn stored(test: &TestLedger, id: &str) -> Option<Stored> {
    test.ledger.deployment(id.into()).await.unwrap()
}

async fn tpm(test: &TestLedger, id: &str) -> Option<u64> {
    stored(test, id).await?.policy.limit.tokens()
}

#[tokio::test]
async fn a_limit_that_was_lowered_by_hand_outlasts_ten_starts_and_a_scale_up() {
    const FILE: &str = "a: {tpm_limit: 500, labels: {team: x}}, b: {tpm_limit: 7}";
    let test = TestLedger::open().await;
    let mut first = Server::start(&test, FILE).await;
    assert_eq!(first.counts().await, [2, 0, 0, 0]);
    by_hand(&test, "a: {tpm_limit: 50, labels: {team: x}}").await;
    let version = stored(&test, "a").await.unwrap().version;
    let mut replicas = Vec::new();
    for _ in 0..10 {
        replicas.push(Server::start(&test, FILE).await);
        for server in &mut replicas {
            assert_eq!((server.look().await, server.counts().await), (0, [1, 1, 0, 0]));
        }
    }
    assert_eq!(first.look().await, 0);
    let a = stored(&test, "a").await.unwrap();
    assert_eq!((a.policy.limit.tokens(), a.version), (Some(50), version));
    let declared = wire::shown(&a).unwrap().declared.unwrap();
    assert_eq!(
        (declared.spec.tpm_limit, &*declared.drift),
        (Some(500), &["tpm_limit".to_owned()][..])
    );
    by_hand(&test, "a: {tpm_limit: 500, labels: {team: x}}").await;
    assert_eq!(first.counts().await, [2, 0, 0, 0]);
}

#[tokio::test]
async fn what_changed_in_the_file_is_put_and_nothing_else() {
    let test = TestLedger::open().await;
    Server::start(&test, "a: {tpm_limit: 500}, b: {tpm_limit: 7}").await;
    by_hand(&test, "a: {tpm_limit: 50}").await;
    by_hand(&test, "b: {tpm_limit: 5}").await;
    Server::start(&test, "a: {tpm_limit: 500}, b: {tpm_limit: 8}, c: {rpm_limit: 1}").await;
    assert_eq!((tpm(&test, "a").await, tpm(&test, "b").await), (Some(50), Some(8)));
    assert!(stored(&test, "c").await.is_some());
    let text =
        "a: {lease: {}, tpm_limit: 500}, b: {tpm_limit: 8}, c: {rpm_limit: 1, window: minute}";
    Server::start(&test, text).await;
    assert_eq!(tpm(&test, "a").await, Some(50), "it says the same in other words");
}

#[tokio::test]
async fn what_was_deleted_by_hand_is_missing_until_a_server_reads_the_file_anew() {
    const FILE: &str = "a: {tpm_limit: 500}, b: {tpm_limit: 7}";
    let test = TestLedger::open().await;
    let mut server = Server::start(&test, FILE).await;
    server.look().await;
    test.ledger.delete("b".into(), None).await.unwrap();
    for _ in 0..3 {
        assert_eq!((server.look().await, server.counts().await), (0, [1, 0, 0, 1]));
    }
    assert!(stored(&test, "b").await.is_none());
    Server::start(&test, FILE).await;
    assert_eq!(tpm(&test, "b").await, Some(7));
    assert_eq!(server.counts().await, [2, 0, 0, 0]);
}

#[tokio::test]
async fn what_has_left_the_file_stays_and_is_told_from_what_was_never_there() {
    let test = TestLedger::open().await;
    by_hand(&test, "own: {tpm_limit: 1}").await;
    Server::start(&test, "a: {tpm_limit: 500}, b: {tpm_limit: 7}").await;
    let mut server = Server::start(&test, "a: {tpm_limit: 500}").await;
    by_hand(&test, "b: {tpm_limit: 3}").await;
    assert_eq!((server.look().await, server.counts().await), (0, [1, 0, 1, 0]));
    let declared = async |id| wire::shown(&stored(&test, id).await.unwrap()).unwrap().declared;
    let b = declared("b").await.unwrap();
    assert_eq!((b.spec.tpm_limit, b.in_file, b.drift.len()), (Some(7), false, 0));
    assert_eq!(declared("own").await, None);
    let mut back = Server::start(&test, "a: {tpm_limit: 500}, b: {tpm_limit: 7}").await;
    assert_eq!(tpm(&test, "b").await, Some(3), "it says what it said");
    assert_eq!(back.counts().await, [1, 1, 0, 0]);
}

#[tokio::test]
async fn a_file_raises_no_limit_of_what_was_there_before_it() {
    let test = TestLedger::open().await;
    for put in puts(
        "low: {tpm_limit: 5}, high: {tpm_limit: 500}, same: {tpm_limit: 7}, open: {rpm_limit: 2}",
    ) {
        test.ledger.put(put).await.unwrap();
    }
    const FILE: &str =
        "low: {tpm_limit: 7}, high: {tpm_limit: 7}, same: {tpm_limit: 7}, open: {tpm_limit: 7}";
    let mut server = Server::start(&test, FILE).await;
    let limits = async || {
        let of = async |id| tpm(&test, id).await;
        [of("low").await, of("high").await, of("same").await, of("open").await]
    };
    assert_eq!(limits().await, [Some(5), Some(7), Some(7), None], "of no requests it has no limit");
    assert_eq!((server.look().await, server.counts().await), (0, [2, 2, 0, 0]));
    let version = stored(&test, "low").await.unwrap().version;
    Server::start(&test, FILE).await;
    assert_eq!(stored(&test, "low").await.unwrap().version, version);
    Server::start(&test, "low: {tpm_limit: 8}").await;
    assert_eq!(tpm(&test, "low").await, Some(8), "now the file has changed");
}

#[tokio::test]
async fn what_is_put_by_hand_at_once_loses_no_memory() {
    let test = Arc::new(TestLedger::open().await);
    Server::start(&test, "a: {tpm_limit: 500}").await;
    let hands = (1..=8).map(|limit| {
        let test = Arc::clone(&test);
        async move { by_hand(&test, &format!("a: {{tpm_limit: {limit}}}")).await }
    });
    join_all(hands).await;
    let mut server = Server::start(&test, "a: {tpm_limit: 500}").await;
    assert_eq!(server.counts().await, [0, 1, 0, 0]);
}
