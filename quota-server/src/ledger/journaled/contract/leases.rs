use futures_util::future::join_all;
use quota_core::{Amount, Limit, Policy, Refusal, State};

use super::world::{World, acquire, gw, is_denied, minute, rolling};
use crate::ledger::{Caller, FIRST_LEASE, LOOKED_AT, LeaseRef, Op, OpError, Reply};

pub(super) async fn a_lease_is_granted_repeated_given_back_and_reported(world: World) {
    world.put("a", minute(500)).await.unwrap();
    let first = world.take_as(&gw(1), "a", 300, 1).await.unwrap();
    assert_eq!(first.granted.amount, Amount::new(300, 1));
    assert_eq!(first.standing.outstanding, Amount::new(300, 1));
    assert!(!first.granted.repeated);
    let again = world.take_as(&gw(1), "a", 300, 1).await.unwrap();
    assert_eq!((again.lease, again.granted.repeated), (first.lease, true));
    assert!(is_denied(&world.take_as(&gw(2), "a", 300, 1).await));

    let returned = world.give_back(first.lease, 120).await.unwrap();
    assert_eq!(returned.credited, Amount::new(120, 0));
    let repeated = world.give_back(first.lease, 120).await.unwrap();
    assert_eq!((repeated.credited, repeated.given_back), (Amount::ZERO, Amount::new(120, 0)));
    let reordered = world.give_back(first.lease, 20).await.unwrap();
    assert_eq!(reordered.credited, Amount::ZERO);
    assert!(world.take_as(&gw(2), "a", 320, 2).await.is_ok());

    let used = world.report(first.lease, 150, 0).await.unwrap();
    assert_eq!(used.used, Amount::new(150, 1));
    let repeated = world.report(first.lease, 90, 0).await.unwrap();
    assert_eq!(repeated.used, Amount::new(150, 1));
}

pub(super) async fn what_cannot_be_is_refused_and_changes_nothing(world: World) {
    world.put("a", minute(500)).await.unwrap();
    let lease = world.take_as(&gw(1), "a", 300, 1).await.unwrap().lease;
    let nowhere = world.one(gw(1), acquire("b", 1, 2)).await;
    assert!(matches!(nowhere, Err(OpError::NoSuchDeployment)));
    let denied = Op::Denied { deployment: "b".into(), amount: Amount::new(1, 1) };
    assert!(matches!(world.one(gw(1), denied).await, Err(OpError::NoSuchDeployment)));
    let too_large = refusal(world.take_as(&gw(1), "a", 501, 3).await);
    assert!(matches!(too_large, Refusal::NeverFits { limit: 500, .. }));
    assert_eq!(refusal(world.give_back(lease, 301).await), Refusal::ExceedsLease);
    assert_eq!(refusal(world.report(lease, 301, 0).await), Refusal::ExceedsLease);
    let mut unknown = lease;
    unknown.lease.number += 1;
    assert_eq!(refusal(world.give_back(unknown, 1).await), Refusal::NoSuchLease);
    let elsewhere = LeaseRef { deployment: 77, ..lease };
    assert_eq!(refusal(world.give_back(elsewhere, 1).await), Refusal::NoSuchLease);
    assert_eq!(world.pages("a").await[0].granted, Amount::new(300, 1));
    assert_eq!(world.pages("a").await[0].given_back, Amount::ZERO);
}

pub(super) async fn a_request_id_is_of_one_wish_and_of_one_lease(mut world: World) {
    world.put("a", minute(500)).await.unwrap();
    let lease = world.take_as(&gw(1), "a", 300, 1).await.unwrap().lease;
    for _ in 0..2 {
        for tokens in [299, 301, 2] {
            let other = refusal(world.take_as(&gw(1), "a", tokens, 1).await);
            assert_eq!(other, Refusal::OtherWish, "{tokens}");
        }
        assert_eq!(world.take_as(&gw(1), "a", 300, 1).await.unwrap().lease, lease);
        // The same answers after a restart.
        world.crash().await;
    }
    let total = Amount::new(300, 1);
    let back = lease.give_back(total, true);
    world.one(gw(1), back).await.unwrap();
    world.take_as(&gw(2), "a", 500, 2).await.unwrap();
    for _ in 0..2 {
        assert_eq!(refusal(world.take_as(&gw(1), "a", 300, 1).await), Refusal::LeaseClosed);
        world.crash().await;
    }
}

pub(super) async fn a_limit_of_nothing_pauses_a_deployment(mut world: World) {
    for policy in [minute(0), rolling(0)] {
        let id = format!("{:?}", policy.kind);
        world.put(&id, policy.clone()).await.unwrap();
        for tokens in [0, 1, 400] {
            assert!(is_denied(&world.take(&id, tokens).await), "{tokens}");
        }
        let limit = Limit::new(Some(500), Some(500));
        world.put(&id, Policy { limit, ..policy.clone() }).await.unwrap();
        world.take(&id, 400).await.unwrap();
        world
            .put(&id, Policy { limit: Limit::new(limit.tokens(), Some(0)), ..policy })
            .await
            .unwrap();
        assert!(is_denied(&world.take(&id, 1).await));
    }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, OpError>) -> Refusal {
    match result {
        Err(OpError::Refused { refusal, .. }) => refusal,
        other => panic!("{other:?}"),
    }
}

pub(super) async fn only_the_credential_that_acquired_a_lease_can_return_it(mut world: World) {
    world.put("a", minute(500)).await.unwrap();
    let lease = world.take("a", 300).await.unwrap().lease;
    for _ in 0..2 {
        let total = Amount::new(1, 0);
        let theirs = world.one(gw(2), lease.give_back(total, false)).await;
        assert!(matches!(theirs, Err(OpError::NotYourLease)));
        let report = lease.report(total, Amount::ZERO);
        assert!(matches!(world.one(gw(2), report).await, Err(OpError::NotYourLease)));
        // The same answers after a restart.
        world.crash().await;
    }
    // A return names no holder.
    let caller = Caller { holder: "".into(), ..gw(1) };
    let total = Amount::new(1, 0);
    let mine = world.one(caller, lease.give_back(total, true)).await;
    assert!(matches!(mine, Ok(Reply::Returned(_))));
}

pub(super) async fn a_call_over_all_shards_is_answered_in_order(world: World) {
    for number in 0..20 {
        world.put(&format!("d{number}"), minute(1_000)).await.unwrap();
    }
    let ops = (0..40_u64).map(|number| match number {
        7 => acquire("nowhere", 1, 7),
        _ => acquire(&format!("d{}", number % 20), number + 1, u128::from(number)),
    });
    let results = world.ledger.run(gw(1), ops.collect()).await;
    assert_eq!(results.len(), 40);
    let mut leases = std::collections::HashSet::new();
    for (number, result) in (0_u64..).zip(results) {
        match result {
            Ok(Reply::Granted { granted, lease, .. }) => {
                assert_eq!(granted.amount.tokens(), number + 1);
                assert!(leases.insert(lease), "{lease} twice");
            }
            other => assert!(number == 7 && matches!(other, Err(OpError::NoSuchDeployment))),
        }
    }
}

pub(super) async fn who_holds_what_is_shown(world: World) {
    world.put("a", minute(500)).await.unwrap();
    world.take_as(&gw(1), "a", 300, 1).await.unwrap();
    world.take_as(&gw(2), "a", 100, 1).await.unwrap();
    let held = world.held("a").await.unwrap();
    let shown: Vec<_> =
        held.iter().map(|held| (&*held.holder, held.lease.granted.tokens())).collect();
    assert_eq!(shown, [("gw-1/5f3a9c", 300), ("gw-2/5f3a9c", 100)]);
    world.clock.advance(2_000);
    assert!(world.held("a").await.unwrap().is_empty());
    assert!(world.held("b").await.is_none());
}

pub(super) async fn many_leases_are_shown_part_by_part(world: World) {
    let policy = Policy { limit: Limit::new(Some(10_000), None), ..minute(1) };
    world.put("a", policy).await.unwrap();
    let most = u128::try_from(LOOKED_AT).unwrap();
    for call in [0..most, most..2 * most, 2 * most..2 * most + 10] {
        let ops = call.map(|request| acquire("a", 1, request)).collect();
        let answers = world.ledger.run(gw(1), ops).await;
        assert!(answers.iter().all(Result::is_ok));
    }
    let page = world.ledger.leases("a".into(), FIRST_LEASE).await.unwrap().unwrap();
    assert_eq!(page.leases.len(), LOOKED_AT);
    let next = page.next.unwrap();
    assert_eq!(u128::from(next.number), most);
    let held = world.held("a").await.unwrap();
    let numbers: Vec<_> = held.iter().map(|held| u128::from(held.name.lease.number)).collect();
    assert_eq!(numbers, (0..2 * most + 10).collect::<Vec<_>>());
    // In a window that is over there is nothing more, and in the next one all of it.
    world.clock.advance(60_000);
    world.take_as(&gw(1), "a", 5, 3 * most).await.unwrap();
    let page = world.ledger.leases("a".into(), next).await.unwrap().unwrap();
    assert!(page.leases.iter().all(|held| held.lease.granted.tokens() == 5));
}

pub(super) async fn many_deployments_are_shown_part_by_part(world: World) {
    let ids: Vec<String> = (0..2 * LOOKED_AT + 10).map(|no| format!("d{no:05}")).collect();
    for some in ids.chunks(32) {
        let puts = join_all(some.iter().map(|id| world.put(id, minute(500)))).await;
        assert!(puts.iter().all(Result::is_ok));
    }
    world.ledger.delete("d00007".into(), None).await.unwrap();
    let left: Vec<_> = ids.iter().filter(|id| *id != "d00007").collect();
    let listed = world.ledger.deployments().await.unwrap();
    assert!(listed.iter().map(|stored| &*stored.id).eq(left.iter().copied()));
    let seen = world.ledger.overview().await.unwrap();
    assert!(seen.iter().map(|(stored, _)| &*stored.id).eq(left.iter().copied()));
}

pub(super) async fn all_deployments_are_seen_at_a_glance(mut world: World) {
    for number in 0..150 {
        world.put(&format!("d{number:03}"), minute(500)).await.unwrap();
    }
    world.put("gone", minute(500)).await.unwrap();
    world.ledger.delete("gone".into(), None).await.unwrap();
    world.put("r", rolling(500)).await.unwrap();
    let lease = world.take("d007", 300).await.unwrap().lease;
    world.take_as(&gw(2), "d007", 100, 1).await.unwrap();
    world.give_back(lease, 100).await.unwrap();
    world.report(lease, 120, 9).await.unwrap();
    assert!(is_denied(&world.take("d007", 400).await));
    world.take("r", 500).await.unwrap();
    let all = world.ledger.overview().await.unwrap();
    assert_eq!(all.len(), 151);
    assert!(all.is_sorted_by(|(a, _), (b, _)| a.id < b.id));
    let seen = |id: &str| all.iter().find(|(stored, _)| &*stored.id == id).unwrap().1.clone();
    let busy = seen("d007");
    assert_eq!((busy.leases, busy.holders), (2, 2));
    assert_eq!((busy.standing.state, busy.standing.outstanding.tokens()), (State::Ok, 300));
    assert_eq!((busy.page.held.tokens(), busy.page.burnt.tokens()), (180, 0));
    assert_eq!((busy.page.overrun.tokens(), busy.page.denied.tokens()), (9, 400));
    assert_eq!(Some(&busy.page), world.pages("d007").await.first());
    let idle = seen("d008");
    assert_eq!((idle.leases, idle.holders, idle.page.granted), (0, 0, Amount::ZERO));
    assert_eq!((idle.standing.state, idle.standing.outstanding), (State::Ok, Amount::ZERO));
    assert_eq!((idle.page.limit, idle.page.over), (minute(500).limit, false));
    assert_eq!(idle.ends_in_ms, world.now().await.window_ends_in_ms());
    assert_eq!((seen("r").standing.state, seen("r").leases), (State::Exhausted, 1));
    world.clock.advance(2_000);
    let all = world.ledger.overview().await.unwrap();
    let busy = &all.iter().find(|(stored, _)| &*stored.id == "d007").unwrap().1;
    assert_eq!((busy.leases, busy.page.held, busy.page.burnt.tokens()), (0, Amount::ZERO, 180));
}
