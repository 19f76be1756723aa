use quota_core::{Amount, RequestKey};

use super::*;
use crate::clock::manual::ManualClock;
use crate::ledger::{Caller, Op};
use crate::testing::TestLedger;

fn audit() -> Audit {
    Audit::open(None, Arc::new(ManualClock::new())).unwrap()
}

fn write(test: &TestLedger, text: &str) -> PathBuf {
    let path = test.folder.path().join("deployments.yaml");
    std::fs::write(&path, text).unwrap();
    path
}

async fn tpm_limit(test: &TestLedger, id: &str) -> Option<u64> {
    let stored = test.ledger.deployment(id.into()).await.unwrap();
    stored.and_then(|stored| stored.policy.limit.tokens())
}

fn unseen(path: PathBuf) -> DeploymentsFile {
    DeploymentsFile { seen: None, ..DeploymentsFile::new(path, Declared::default()) }
}

#[tokio::test]
async fn who_asks_is_served() {
    let test = TestLedger::open().await;
    let path = write(&test, "deployments: {a: {tpm_limit: 5}}");
    let file = DeploymentsFile::new(path.clone(), declared::read(&path).unwrap());
    let (reload, tasks, stop) = (Reload::default(), TaskTracker::new(), CancellationToken::new());
    reload.serve(Some(file), Arc::clone(&test.ledger), audit(), &tasks, stop.clone());
    reload.ask();
    let applied = async {
        while tpm_limit(&test, "a").await != Some(5) {
            sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), applied).await.unwrap();
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}

#[tokio::test]
async fn what_the_file_has_is_applied_and_the_rest_left_alone() {
    let test = TestLedger::open().await;
    let path = write(&test, "deployments: {a: {tpm_limit: 5}, b: {tpm_limit: 6}}");
    let mut file = unseen(path);
    file.look(&*test.ledger, &audit()).await;
    write(&test, "deployments: {a: {tpm_limit: 7}}");
    file.look(&*test.ledger, &audit()).await;
    assert_eq!((tpm_limit(&test, "a").await, tpm_limit(&test, "b").await), (Some(7), Some(6)));
}

#[tokio::test]
async fn what_is_put_by_hand_stands_until_the_file_says_something_else() {
    let test = TestLedger::open().await;
    let mut file = unseen(write(&test, "deployments: {a: {tpm_limit: 5}}"));
    file.look(&*test.ledger, &audit()).await;
    let puts = declared::parse(&file.path, "deployments: {a: {tpm_limit: 9}}").unwrap();
    declared::put_by_hand(&*test.ledger, puts[0].clone()).await.unwrap();
    file.look(&*test.ledger, &audit()).await;
    assert_eq!(tpm_limit(&test, "a").await, Some(9));
    file.seen = None;
    file.look(&*test.ledger, &audit()).await;
    assert_eq!(tpm_limit(&test, "a").await, Some(9), "also if it is asked for");
    write(&test, "deployments: {a: {tpm_limit: 6}}");
    file.look(&*test.ledger, &audit()).await;
    assert_eq!(tpm_limit(&test, "a").await, Some(6));
}

#[tokio::test]
async fn a_file_with_a_mistake_changes_nothing() {
    let test = TestLedger::open().await;
    let mut file = unseen(write(&test, "deployments: {a: {tpm_limit: 5}}"));
    file.look(&*test.ledger, &audit()).await;
    for bad in [
        "deployments: {a: {tpm_limit: 6}, b: {tpm_limit: -1}}",
        "deployments: {a: {tpm_limit: 6}, b: {}}",
        "}",
    ] {
        write(&test, bad);
        file.look(&*test.ledger, &audit()).await;
        assert_eq!(tpm_limit(&test, "a").await, Some(5), "{bad}");
    }
    std::fs::remove_file(&file.path).unwrap();
    file.look(&*test.ledger, &audit()).await;
    assert_eq!(tpm_limit(&test, "a").await, Some(5));
}

#[tokio::test]
async fn what_the_ledger_could_not_take_is_tried_again() {
    let (test, gone) = (TestLedger::open().await, TestLedger::open().await);
    gone.ledger.stop().await;
    let mut file = unseen(write(&test, "deployments: {a: {tpm_limit: 5}}"));
    assert_eq!(file.look(&*gone.ledger, &audit()).await, SOON);
    assert!(file.unfinished);
    file.look(&*test.ledger, &audit()).await;
    assert_eq!(tpm_limit(&test, "a").await, Some(5));
}

/// A ledger whose `d` has a lease out, and a file that wants another kind of window for it.
async fn with_a_lease_out() -> (TestLedger, DeploymentsFile) {
    let test = TestLedger::open().await;
    let mut file = unseen(write(&test, "deployments: {d: {tpm_limit: 5}}"));
    file.look(&*test.ledger, &audit()).await;
    let caller = Caller { credential: "c".into(), holder: "h".into() };
    let deployment = "d".into();
    let (request, all) = (RequestKey(1), Amount::new(5, 1));
    let wish = quota_core::Wish { request, min: all, want: all, ahead: false };
    let acquire = Op::Acquire { deployment, wish };
    test.ledger.run(caller, vec![acquire]).await.remove(0).unwrap();
    write(
        &test,
        "deployments: {d: {tpm_limit: 9, window: rolling}, e: {tpm_limit: 7}, f: {tpm_limit: 8}}",
    );
    (test, file)
}

#[tokio::test]
async fn what_is_refused_keeps_back_nothing_else_and_is_put_once_it_can_be() {
    let (test, mut file) = with_a_lease_out().await;
    assert_eq!(file.look(&*test.ledger, &audit()).await, LOOK);
    let limits = async || {
        let of = async |id| tpm_limit(&test, id).await;
        (of("d").await, of("e").await, of("f").await)
    };
    assert_eq!(limits().await, (Some(5), Some(7), Some(8)));
    assert_eq!((file.unfinished, file.told.len()), (true, 1));
    for _ in 0..30 {
        test.clock.advance(60_000);
        test.ledger.health().await.unwrap();
        file.look(&*test.ledger, &audit()).await;
    }
    assert_eq!(limits().await, (Some(9), Some(7), Some(8)));
    assert!(!file.unfinished);
}

#[tokio::test]
async fn what_is_refused_ends_no_start() {
    let (test, file) = with_a_lease_out().await;
    let declared = declared::read(&file.path).unwrap();
    let mut file = DeploymentsFile::new(file.path, declared);
    file.begin(&*test.ledger, &audit()).await;
    assert_eq!(tpm_limit(&test, "e").await, Some(7));
    assert_eq!(file.told.iter().map(|id| &**id).collect::<Vec<_>>(), ["d"]);
}
