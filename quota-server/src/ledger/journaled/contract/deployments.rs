use std::sync::Arc;

use super::world::{Store, World, is_denied, minute, rolling};
use crate::declared::tests::{by_hand, start};
use crate::ledger::{Expected, Put, PutError};

pub(super) async fn a_put_makes_changes_or_leaves_a_deployment(mut world: World) {
    let made = world.put("b", minute(500)).await.unwrap();
    assert_eq!((made.version, made.created), (1, true));
    let same = world.put("b", minute(500)).await.unwrap();
    assert_eq!((same.version, same.created), (1, false));
    world.put("a", minute(10)).await.unwrap();
    assert!(is_denied(&{
        world.take("b", 400).await.unwrap();
        world.take("b", 400).await
    }));
    let raised = world.put("b", minute(900)).await.unwrap();
    assert_eq!((raised.version, raised.created), (2, false));
    world.take("b", 400).await.unwrap();
    world.restart().await;
    let all = world.ledger.deployments().await.unwrap();
    let ids: Vec<_> = all.iter().map(|stored| (&*stored.id, stored.version)).collect();
    assert_eq!(ids, [("a", 1), ("b", 2)]);
    assert_eq!(all[1].policy, minute(900));
    let one = world.ledger.deployment("b".into()).await.unwrap();
    assert_eq!(one.as_ref(), Some(&all[1]));
}

pub(super) async fn versions_are_expected(world: World) {
    let put = |tokens, expected| {
        let (id, details): (Arc<str>, _) = ("a".into(), "{}".into());
        world.ledger.put(Put { id, policy: minute(tokens), details, expected: Some(expected) })
    };
    assert_eq!(put(1, Expected::Some).await, Err(PutError::Unexpected));
    assert_eq!(put(1, Expected::Version(1)).await, Err(PutError::Unexpected));
    assert_eq!(put(1, Expected::None).await.unwrap().version, 1);
    assert_eq!(put(2, Expected::None).await, Err(PutError::Unexpected));
    assert_eq!(put(2, Expected::Version(1)).await.unwrap().version, 2);
    assert_eq!(put(3, Expected::Version(1)).await, Err(PutError::Unexpected));
    assert_eq!(put(3, Expected::Some).await.unwrap().version, 3);
    let delete = |expected| world.ledger.delete("a".into(), Some(expected));
    assert_eq!(delete(Expected::Version(2)).await, Err(PutError::Unexpected));
    assert_eq!(delete(Expected::Version(3)).await, Ok(Some(())));
    assert_eq!(world.ledger.delete("a".into(), None).await, Ok(None));
    assert_eq!(world.ledger.deployment("a".into()).await, Ok(None));
}

pub(super) async fn what_a_file_declared_is_known_after_restarts(mut world: World) {
    const FILE: &str = "a: {tpm_limit: 500}, b: {tpm_limit: 7}";
    assert_eq!(start(&*world.ledger, FILE).await, 2);
    by_hand(&*world.ledger, "a: {tpm_limit: 50}").await;
    for _ in 0..2 {
        assert_eq!(start(&*world.ledger, FILE).await, 0);
        assert!(world.take("a", 51).await.is_err());
        world.restart().await;
        assert_eq!(start(&*world.ledger, FILE).await, 0);
        world.crash().await;
    }
    let stored = world.ledger.deployment("a".into()).await.unwrap().unwrap();
    assert_eq!(stored.policy.limit.tokens(), Some(50));
    assert_eq!(start(&*world.ledger, "a: {tpm_limit: 501}, b: {tpm_limit: 7}").await, 1);
    world.take("a", 501).await.unwrap();
}

pub(super) async fn deleted_and_made_again_it_grants_only_what_was_left(mut world: World) {
    world.put("a", minute(500)).await.unwrap();
    let lease = world.take("a", 300).await.unwrap().lease;
    assert_eq!(world.ledger.delete("a".into(), None).await, Ok(Some(())));
    assert!(world.take("a", 1).await.is_err());
    assert!(world.ledger.deployments().await.unwrap().is_empty());
    // Its leases can still be given back.
    world.give_back(lease, 50).await.unwrap();
    world.crash().await;
    let again = world.put("a", minute(500)).await.unwrap();
    assert!(again.created && again.version > 1);
    assert!(is_denied(&world.take("a", 251).await));
    let next = world.take("a", 250).await.unwrap();
    assert_eq!(next.lease.deployment, lease.deployment);
    world.windows_pass(1).await;
    world.take("a", 500).await.unwrap();
}

pub(super) async fn the_kind_of_window_changes_only_at_rest(mut world: World) {
    world.put("a", minute(500)).await.unwrap();
    world.put("idle", minute(500)).await.unwrap();
    assert_eq!(world.put("idle", rolling(500)).await.unwrap().policy, rolling(500));
    let lease = world.take("a", 300).await.unwrap().lease;
    assert_eq!(world.put("a", rolling(500)).await, Err(PutError::KindIsFixed));
    world.give_back(lease, 300).await.unwrap();
    world.windows_pass(14).await;
    world.put("a", rolling(500)).await.unwrap();
    world.take("a", 400).await.unwrap();
    world.crash().await;
    world.windows_pass(2).await;
    world.take("a", 400).await.unwrap();
}

pub(super) async fn a_deployment_that_is_deleted_for_long_is_forgotten(mut world: World) {
    world.put("a", minute(500)).await.unwrap();
    world.take("a", 300).await.unwrap();
    world.ledger.delete("a".into(), None).await.unwrap();
    world.windows_pass(30).await;
    let last = world.put("a", minute(500)).await.unwrap();
    assert!(last.version > 1, "not forgotten yet");
    world.ledger.delete("a".into(), None).await.unwrap();
    world.windows_pass(80).await;
    if let Store::Memory(journals) = &world.store {
        for journal in journals {
            assert!(journal.disk.lock().unwrap().deployments.is_empty());
        }
    }
    let made = world.put("a", minute(500)).await.unwrap();
    assert_eq!((made.version, made.created), (1, true));
}

pub(super) async fn pages_have_each_deployment_once(mut world: World) {
    for id in ["c", "a", "d", "b", "e"] {
        world.put(id, minute(500)).await.unwrap();
    }
    world.ledger.delete("d".into(), None).await.unwrap();
    for _ in 0..2 {
        let (mut found, mut first) = (Vec::new(), Some(0));
        while let Some(from) = first {
            let page = world.ledger.some_deployments(from).await.unwrap();
            assert!(page.deployments.iter().all(|(no, _)| *no >= from));
            assert!(page.next.is_none_or(|next| next > from));
            found.extend(page.deployments);
            first = page.next;
        }
        assert!(found.is_sorted_by(|(a, _), (b, _)| a < b), "{found:?}");
        let mut ids: Vec<_> = found.iter().map(|(_, stored)| &*stored.id).collect();
        ids.sort_unstable();
        assert_eq!(ids, ["a", "b", "c", "e"]);
        let (second, _) = found[1];
        let rest = world.ledger.some_deployments(second).await.unwrap();
        assert_eq!(rest.deployments, found[1..]);
        let beyond = world.ledger.some_deployments(u32::MAX).await.unwrap();
        assert!(beyond.deployments.is_empty() && beyond.next.is_none());
        world.restart().await;
    }
}
