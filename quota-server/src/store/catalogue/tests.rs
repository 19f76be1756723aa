use quota_core::{Amount, BookPage, Limit, PeriodLimits, Policy, Settlement, WindowKind};
use tempfile::TempDir;

use super::*;
use crate::ledger::{Expected, Put};
use crate::store::postgres::testing::TestDatabase;

fn put(id: &str, tokens: u64, expected: Option<Expected>) -> Put {
    Put {
        id: id.into(),
        policy: Policy {
            limit: Limit::new(Some(tokens), None),
            kind: WindowKind::Minute,
            life_ms: 2_000,
            guard_ms: 200,
            settlement: Settlement::Refund,
            periods: PeriodLimits::default(),
        },
        details: "{}".into(),
        expected,
    }
}

/// Each on both databases.
macro_rules! suite {
    ($($test:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $test() {
                let folder = tempfile::TempDir::new().unwrap();
                super::$test(super::Catalogue::in_folder(folder.path(), "site").await.unwrap()).await;
            })+
        }
        mod on_postgres {
            $(#[tokio::test]
            async fn $test() {
                let database = super::TestDatabase::new().await;
                let catalogue = super::Catalogue::in_postgres(&database.url, "site", true);
                super::$test(catalogue.await.unwrap()).await;
            })+
        }
    };
}

suite! {
    deployments_are_kept_with_their_numbers,
    what_is_expected_must_hold,
    a_deleted_deployment_comes_back_with_its_number,
    the_newest_page_of_a_window_is_kept,
    changes_at_once_are_all_seen_in_order,
    a_deletion_that_is_forgotten_is_not_missed,
    one_redis_is_in_use,
}

/// Of two that saw the same, one is done.
async fn one_redis_is_in_use(catalogue: Catalogue) {
    assert_eq!(catalogue.redis_in_use().await.unwrap(), None);
    assert!(catalogue.use_redis("a", 0, None).await.unwrap());
    assert!(!catalogue.use_redis("b", 0, None).await.unwrap());
    let first = catalogue.redis_in_use().await.unwrap().unwrap();
    assert_eq!((first.name.as_str(), first.sign, first.term), ("a", 0, 0));
    assert!(catalogue.use_redis("a", 0, Some(&first)).await.unwrap());
    assert!(!catalogue.use_redis("b", 1, Some(&first)).await.unwrap(), "it gave a sign of life");
    let second = catalogue.redis_in_use().await.unwrap().unwrap();
    assert_eq!((second.name.as_str(), second.sign, second.term), ("a", 1, 0));
    assert!(catalogue.use_redis("b", 1, Some(&second)).await.unwrap());
    assert!(!catalogue.use_redis("a", 1, Some(&second)).await.unwrap(), "another took its place");
    let third = catalogue.redis_in_use().await.unwrap().unwrap();
    assert_eq!((third.name.as_str(), third.term), ("b", 1));
}

async fn since(catalogue: &Catalogue, revision: u64) -> Vec<Entry> {
    match catalogue.since(revision).await.unwrap() {
        News::Changed(entries) | News::All(entries, _) => entries,
    }
}

/// Whoever has seen a revision misses none before it.
async fn changes_at_once_are_all_seen_in_order(catalogue: Catalogue) {
    let wishes: Vec<Put> = (0..40).map(|no| put(&format!("m-{}", no % 25), no, None)).collect();
    let read = async {
        let (mut seen, mut revision) = (Vec::new(), 0);
        while revision < 40 {
            let news = since(&catalogue, revision).await;
            revision = news.last().map_or(revision, |entry| entry.revision);
            seen.extend(news);
        }
        seen
    };
    let puts = futures_util::future::join_all(
        wishes.iter().map(|put| catalogue.put(put, InBook::default())),
    );
    let (seen, made) = futures_util::future::join(read, puts).await;
    let mut last: Vec<(u32, u64)> = Vec::new();
    for entry in &seen {
        last.retain(|(no, _)| *no != entry.row.no);
        last.push((entry.row.no, entry.revision));
    }
    let all = since(&catalogue, 0).await;
    assert_eq!(last, all.iter().map(|entry| (entry.row.no, entry.revision)).collect::<Vec<_>>());
    assert!(made.into_iter().all(|change| change.is_ok()));
    assert_eq!(all.len(), 25);
}

async fn made(catalogue: &Catalogue, put: &Put) -> Entry {
    match catalogue.put(put, InBook::default()).await.unwrap() {
        Change::Made { entry, .. } => entry,
        other => panic!("{other:?}"),
    }
}

async fn deployments_are_kept_with_their_numbers(catalogue: Catalogue) {
    let first = made(&catalogue, &put("a", 100, None)).await;
    let second = made(&catalogue, &put("b", 100, Some(Expected::None))).await;
    assert_eq!((first.row.no, second.row.no), (1, 2));
    let Change::Changed(changed) =
        catalogue.put(&put("a", 200, None), InBook::default()).await.unwrap()
    else {
        panic!("not changed");
    };
    assert_eq!((changed.row.no, changed.row.version), (1, 2));
    let same = catalogue.put(&put("a", 200, None), InBook::default()).await.unwrap();
    assert_eq!(same, Change::Same(changed.clone()));
    assert_eq!(since(&catalogue, 0).await, [second.clone(), changed.clone()]);
    assert_eq!(since(&catalogue, second.revision).await, [changed]);
}

async fn what_is_expected_must_hold(catalogue: Catalogue) {
    for expected in [Expected::Some, Expected::Version(1)] {
        let change = catalogue.put(&put("a", 1, Some(expected)), InBook::default()).await.unwrap();
        assert_eq!(change, Change::Unexpected);
    }
    made(&catalogue, &put("a", 1, None)).await;
    let change =
        catalogue.put(&put("a", 2, Some(Expected::None)), InBook::default()).await.unwrap();
    assert_eq!(change, Change::Unexpected);
    let stale = catalogue.delete(&"a".into(), Some(Expected::Version(7))).await.unwrap();
    assert_eq!(stale, Change::Unexpected);
    let rolling =
        |put: Put| Put { policy: Policy { kind: WindowKind::Rolling, ..put.policy }, ..put };
    let other = catalogue.put(&rolling(put("a", 1, None)), InBook::default()).await.unwrap();
    assert!(matches!(other, Change::OtherKind(_)), "{other:?}");
    let told = InBook { version: 4, has_kind: true };
    let other = catalogue.put(&rolling(put("a", 1, None)), told).await.unwrap();
    let Change::Changed(changed) = other else { panic!("{other:?}") };
    assert_eq!(changed.row.version, 5, "above what the book was told");
    assert_eq!(since(&catalogue, 0).await.len(), 1, "nothing else was written");
}

async fn a_deleted_deployment_comes_back_with_its_number(catalogue: Catalogue) {
    made(&catalogue, &put("a", 1, None)).await;
    assert!(matches!(catalogue.delete(&"a".into(), None).await.unwrap(), Change::Changed(_)));
    assert_eq!(catalogue.delete(&"a".into(), None).await.unwrap(), Change::Missing);
    let again = catalogue.put(&put("a", 1, Some(Expected::None)), InBook::default()).await.unwrap();
    let Change::Made { entry, anew: false } = again else { panic!("{again:?}") };
    assert_eq!((entry.row.no, entry.row.version), (1, 3));
    catalogue.forget(1, entry.revision).await.unwrap();
    assert_eq!(since(&catalogue, 0).await.len(), 1, "only what is deleted is forgotten");
    let Change::Changed(deleted) = catalogue.delete(&"a".into(), None).await.unwrap() else {
        panic!("not deleted");
    };
    assert_eq!(deleted.instance, entry.instance, "as long as something is left of it");
    assert_eq!(&*deleted.row.details, "{}", "nobody reads them any more");
    catalogue.forget(1, entry.revision).await.unwrap();
    assert_eq!(since(&catalogue, 0).await.len(), 1, "what changed since is not forgotten");
    catalogue.forget(1, deleted.revision).await.unwrap();
    let other = made(&catalogue, &put("b", 1, None)).await;
    assert_eq!(other.row.no, 2, "no number twice");
    assert_ne!(other.instance, entry.instance);
}

/// Whoever was away for longer than deletions are kept is told all that there is.
async fn a_deletion_that_is_forgotten_is_not_missed(catalogue: Catalogue) {
    let first = made(&catalogue, &put("a", 1, None)).await;
    let second = made(&catalogue, &put("b", 1, None)).await;
    let Change::Changed(deleted) = catalogue.delete(&"a".into(), None).await.unwrap() else {
        panic!("not deleted");
    };
    let changed = News::Changed(vec![deleted.clone()]);
    assert_eq!(catalogue.since(second.revision).await.unwrap(), changed);
    catalogue.forget(first.row.no, deleted.revision).await.unwrap();
    let all = News::All(vec![second.clone()], deleted.revision);
    assert_eq!(catalogue.since(second.revision).await.unwrap(), all);
    let knows_it = catalogue.since(deleted.revision).await.unwrap();
    assert_eq!(knows_it, News::Changed(Vec::new()));
    let later = catalogue.since(deleted.revision + 1).await.unwrap();
    assert_eq!(later, all, "a catalogue of before is all there is");
}

fn page(window: u64, used: u64) -> BookPage {
    BookPage {
        window,
        minute: window,
        kind: WindowKind::Minute,
        limit: Limit::new(Some(500), None),
        granted: Amount::new(300, 3),
        given_back: Amount::new(100, 1),
        used: Amount::new(used, 1),
        held: Amount::ZERO,
        burnt: Amount::new(200 - used, 1),
        overrun: Amount::ZERO,
        denied: Amount::new(1 << 60, 0),
        over: true,
    }
}

async fn the_newest_page_of_a_window_is_kept(catalogue: Catalogue) {
    catalogue.keep(7, &[(1, page(10, 50)), (2, page(11, 50))]).await.unwrap();
    catalogue.keep(7, &[(9, page(11, 200))]).await.unwrap();
    catalogue.keep(7, &[(5, page(11, 120)), (9, page(11, 0))]).await.unwrap();
    assert_eq!(catalogue.pages(7, 0).await.unwrap(), [page(11, 200), page(10, 50)]);
    assert_eq!(catalogue.pages(7, 11).await.unwrap(), [page(11, 200)]);
    assert_eq!(catalogue.pages(8, 0).await.unwrap(), []);
    catalogue.prune(11).await.unwrap();
    assert_eq!(catalogue.pages(7, 0).await.unwrap(), [page(11, 200)]);
}

#[tokio::test]
async fn a_folder_has_one_server_and_keeps_its_name() {
    let folder = TempDir::new().unwrap();
    let odd = folder.path().join("50 % of #1?");
    let catalogue = Catalogue::in_folder(&odd, "first").await.unwrap();
    assert!(odd.join("catalogue.sqlite").exists());
    let second = Catalogue::in_folder(&odd, "second").await.err().unwrap();
    assert!(second.to_string().contains("in use by another server"), "{second}");
    catalogue.close().await;
    drop(catalogue);
    assert_eq!(Catalogue::in_folder(&odd, "second").await.unwrap().site(), "first");
}

#[tokio::test]
async fn servers_on_one_database_have_one_catalogue() {
    let database = TestDatabase::new().await;
    let of = |site| Catalogue::in_postgres(&database.url, site, true);
    let (one, other) = futures_util::future::join(of("one"), of("other")).await;
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.site(), other.site());
    let entry = made(&one, &put("a", 1, None)).await;
    assert_eq!(since(&other, 0).await, std::slice::from_ref(&entry));
    assert_eq!(
        other.put(&put("a", 1, None), InBook::default()).await.unwrap(),
        Change::Same(entry)
    );
}

#[tokio::test]
async fn tables_that_are_not_there_are_asked_for() {
    let database = TestDatabase::new().await;
    let old = Catalogue::in_postgres(&database.url, "one", false).await.err().unwrap();
    assert!(old.to_string().contains("quota-server migrate"), "{old}");
}
