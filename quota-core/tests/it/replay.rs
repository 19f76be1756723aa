//! A book replayed from its journal is the book.

use quota_core::{
    Book, Command, Event, HolderId, Imbalance, LeaseId, RequestKey, Standing, WindowKind,
};

use crate::world::{MINUTE_MS, World, amount, now, policy};

#[test]
fn a_replayed_book_answers_as_the_one_before() {
    for kind in [WindowKind::Minute, WindowKind::Rolling] {
        let mut world = World::new(policy(kind, 500, 1_000));
        let lease = world.acquire(1, amount(200, 2)).unwrap().lease;
        world.acquire(2, amount(100, 1)).unwrap();
        world.give_back(1, lease, amount(50, 0)).unwrap();
        world.report(1, lease, amount(100, 1), amount(25, 0)).unwrap();
        world.tell(&Command::SetPolicy(policy(kind, 400, 1_000))).unwrap();

        let mut replayed = Book::new(policy(kind, 500, 1_000));
        for (event, now) in &world.journal {
            replayed.replay(event, now).unwrap();
        }
        replayed.audit().unwrap();
        let at = now(world.ms);
        // The state is a hint, from what was asked for lately; the rest is the account.
        let state = world.book.standing(&at).state;
        assert_eq!(Standing { state, ..replayed.standing(&at) }, world.book.standing(&at));
        assert_eq!(replayed.pages(&at), world.book.pages(&at));
        assert_eq!(replayed.held(&at), world.book.held(&at));
        world.book = replayed;
        assert!(
            world.acquire(3, amount(126, 1)).is_err(),
            "400 less 250 and the overrun of 25 leave 125"
        );
        assert_eq!(
            world.give_back(1, lease, amount(50, 0)).unwrap().credited,
            amount(0, 0),
            "once"
        );
        assert!(world.acquire(3, amount(125, 1)).is_ok());
    }
}

#[test]
fn what_is_carried_can_still_be_reported() {
    let mut world = World::new(policy(WindowKind::Minute, 500, 1_000));
    let lease = world.acquire(1, amount(200, 2)).unwrap().lease;
    world.ms += 3 * MINUTE_MS;
    world.outstanding();
    let mut compacted = Book::new(world.book.policy().clone());
    for event in world.book.carried() {
        compacted.replay(&event, &now(world.ms)).unwrap();
    }
    world.book = compacted;
    assert_eq!(
        world.report(1, lease, amount(20, 1), amount(0, 0)).unwrap().late.unwrap().used,
        amount(20, 1)
    );
}

#[test]
fn what_is_told_of_a_lease_before_its_report_charges_the_same_overrun_without_older_entries() {
    let mut world = World::new(policy(WindowKind::Rolling, 500, 1_000));
    let lease = world.acquire(1, amount(200, 2)).unwrap().lease;
    world.report(1, lease, amount(10, 1), amount(5, 0)).unwrap();
    assert_eq!(world.book.carried_lease(lease, &now(world.ms)), None, "its window's entries tell");
    world.ms += 2 * MINUTE_MS + 30_000;
    let told = world.book.carried_lease(lease, &now(world.ms)).unwrap();
    world.report(1, lease, amount(20, 1), amount(25, 0)).unwrap();
    let (used, at) = world.journal.last().unwrap().clone();

    let [mut later, mut whole] = [(); 2].map(|()| Book::new(world.book.policy().clone()));
    for (event, at) in &world.journal[..world.journal.len() - 1] {
        whole.replay(event, at).unwrap();
    }
    for book in [&mut later, &mut whole] {
        book.replay(&told, &at).unwrap();
        book.replay(&used, &at).unwrap();
    }
    for _ in 0..3 {
        let at = now(world.ms);
        let standing = world.book.standing(&at);
        assert_eq!(later.standing(&at).overrun, standing.overrun);
        assert_eq!(whole.standing(&at).overrun, standing.overrun);
        assert!(whole.carried().eq(world.book.carried()));
        world.ms += 29_999;
    }
}

#[test]
fn a_journal_that_does_not_add_up_is_refused() {
    let at = now(10 * MINUTE_MS);
    let lease = |number| LeaseId { window: 10, number };
    let grant = |number, tokens| Event::Granted {
        lease: lease(number),
        holder: HolderId(1),
        request: RequestKey(u128::from(number)),
        amount: amount(tokens, 1),
        starts_ms: at.steady_ms,
        ends_ms: at.steady_ms + 1_000,
    };
    let back = |number, tokens| Event::GivenBack {
        lease: lease(number),
        total: amount(tokens, 0),
        closed: false,
    };
    let table = [
        (vec![grant(0, 60), grant(1, 41)], Imbalance::OverLimit(lease(1))),
        (vec![grant(1, 60)], Imbalance::OutOfOrder(lease(1))),
        (vec![grant(0, 60), grant(0, 10)], Imbalance::OutOfOrder(lease(0))),
        (vec![back(0, 1)], Imbalance::UnknownLease(lease(0))),
        (vec![grant(0, 60), back(0, 61)], Imbalance::LeaseOverdrawn(lease(0))),
    ];
    for (events, imbalance) in table {
        let mut book = Book::new(policy(WindowKind::Minute, 100, 100));
        let result = events.iter().try_for_each(|event| book.replay(event, &at));
        assert_eq!(result, Err(imbalance));
    }
}
