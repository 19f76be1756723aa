mod random;
mod world;

use std::time::Duration;

use quota_api::{AcquireItem, BatchReply, Code, Item, Problem, State, Which};
use quota_units::Amount;

use super::{Failure, PROBE, Refill, Sample, Waiting};
use crate::{Moment, Pace, Reason};
use world::{Fate, World, tokens};

#[test]
fn waiting_draws_are_asked_for_together() {
    let mut world = World::new(1_000_000);
    world.waiting = vec![tokens(15), tokens(40), tokens(15)];
    let said = world.settle_down();
    assert_eq!(said.len(), 1);
    let ask = &said[0].acquire[0];
    assert_eq!((ask.tokens.min, ask.tokens.want), (15, 70));
    assert_eq!((ask.requests.min, ask.requests.want), (1, 3));
    assert!(world.waiting.is_empty());
    assert_eq!(world.permits.len(), 3);
}

#[test]
fn a_missed_draw_brings_a_lease_for_the_next_try() {
    let mut world = World::new(1_000);
    assert!(!world.draw(tokens(15)));
    world.settle_down();
    assert!(world.draw(tokens(15)));
}

#[test]
fn a_lost_answer_is_asked_for_again_and_costs_nothing() {
    for fate in [Fate::AnswerLost, Fate::RequestLost] {
        let mut world = World::new(1_000);
        world.waiting = vec![tokens(15)];
        world.look();
        let first = world.send().unwrap();
        world.deliver(fate);
        let denied = world.told().denial(tokens(15), world.now).unwrap();
        assert_eq!(denied.reason, Reason::NoServer);
        assert!(world.send().is_none(), "not before the backoff is over");
        let said = world.run(1_000);
        assert_eq!(said[0].acquire, first.acquire, "the same request");
        assert_eq!(world.server.leases.len(), 1);
        assert_eq!(world.permits.len(), 1);
        assert!(world.told().denial(tokens(15), world.now).is_none(), "it is back");
    }
}

#[test]
fn an_answer_that_comes_too_late_goes_back_undrawn() {
    let mut world = World::new(500);
    world.waiting = vec![tokens(15)];
    world.look();
    world.send().unwrap();
    world.pass(3_000);
    world.deliver(Fate::Answered);
    world.waiting.clear();
    world.server.leases.values_mut().for_each(|lease| lease.is_closed = false);
    world.run(1_000);
    assert!(world.permits.is_empty());
    assert_eq!(world.server.outstanding(), 0);
}

#[test]
fn a_denial_is_remembered_for_its_size_and_larger_ones() {
    let mut world = World::new(50);
    world.waiting = vec![tokens(60)];
    world.settle_down();
    let denial = |world: &World, size| world.told().denial(tokens(size), world.now);
    assert_eq!(denial(&world, 60).unwrap().reason, Reason::Exhausted);
    assert_eq!(denial(&world, 61).unwrap().state, Some(State::Exhausted));
    assert!(denial(&world, 59).is_none(), "a smaller one may fit");
    assert!(world.run(5_000).iter().all(|batch| batch.acquire.is_empty()), "nobody draws");
    world.waiting.push(tokens(30));
    world.settle_down();
    assert_eq!(world.permits.len(), 1, "and does");
}

#[test]
fn in_the_endgame_exactly_what_waits_is_asked_for_and_rests_go_back() {
    let mut world = World::new(100);
    world.server.state = State::Endgame;
    world.server.retry_after_ms = 250;
    world.waiting = vec![tokens(120)];
    world.settle_down();
    assert_eq!(world.told().denial(tokens(120), world.now).unwrap().reason, Reason::Endgame);
    world.waiting.push(tokens(10));
    let said = world.settle_down();
    assert_eq!(said[0].acquire[0].tokens.want, 10);
    let said = world.run(300);
    let again = said.iter().flat_map(|batch| &batch.acquire);
    assert!(again.clone().count() > 0, "the large one is asked for again");
    assert!(again.clone().all(|ask| ask.tokens.want == 120));
}

#[test]
fn in_a_quarantine_nothing_is_asked_for_and_leases_in_hand_stay() {
    let mut world = World::new(100);
    world.waiting = vec![tokens(100)];
    world.settle_down();
    world.permits.drain(..).for_each(|permit| permit.cancel());
    world.server.state = State::Quarantined;
    assert!(!world.draw(tokens(110)));
    let said = world.run(20);
    assert_eq!(said.iter().flat_map(|batch| &batch.acquire).count(), 1);
    for size in [1, 110, 500] {
        let denied = world.told().denial(tokens(size), world.now).unwrap();
        assert_eq!((denied.reason, denied.unit), (Reason::Quarantined, None));
    }
    world.server.limit = 1_000;
    assert!(!world.draw(tokens(110)));
    assert!(world.run(400).iter().all(|batch| batch.acquire.is_empty()));
    assert!(world.draw(tokens(90)), "it is still good");
}

#[test]
fn rests_that_fit_nobody_go_back_with_the_next_ask() {
    let mut world = World::new(25);
    world.waiting = vec![tokens(20)];
    world.settle_down();
    world.permits.drain(..).for_each(|permit| permit.settle(tokens(10)));
    world.waiting = vec![tokens(15)];
    let said = world.settle_down();
    assert_eq!(said[0].give_back[0].tokens, 10);
    assert_eq!(world.permits.len(), 1);
}

#[test]
fn an_idle_lease_goes_back() {
    let mut world = World::new(500);
    world.waiting = vec![tokens(15)];
    world.settle_down();
    world.permits.drain(..).for_each(|permit| permit.cancel());
    world.run(400);
    assert_eq!(world.server.outstanding(), 15, "not at once");
    world.run(600);
    assert_eq!(world.server.outstanding(), 0);
    assert!(world.run(5_000).is_empty(), "and then it is silent");
}

#[test]
fn what_ended_with_permits_out_is_reported_when_they_are_settled() {
    let mut world = World::new(1_000);
    world.waiting = vec![tokens(100), tokens(50)];
    world.settle_down();
    world.run(4_000);
    assert_eq!((world.server.outstanding(), world.server.used()), (150, 0));
    world.permits.remove(0).settle(tokens(30));
    world.permits.remove(0).settle(tokens(70));
    world.run(600);
    assert_eq!((world.server.outstanding(), world.server.used()), (80, 80));
    let entry = world.server.leases.values().next().unwrap();
    assert_eq!(entry.overrun, Amount::new(20, 0));
}

#[test]
fn a_steady_demand_is_asked_for_before_it_waits() {
    let mut world = World::new(1_000_000);
    let mut missed = 0;
    let mut messages = 0;
    for ms in 0..5_000 {
        if ms % 10 == 0 {
            missed += u32::from(!world.draw(tokens(100)) && ms > 1_000);
        }
        messages += world.run(10).len();
    }
    assert_eq!(missed, 0);
    assert!(messages < 50 * 10, "{messages} messages for 500 draws over 50 s");
}

#[test]
fn the_next_window_is_asked_for_ahead_once() {
    let mut world = World::new(1_000_000);
    let mut ahead = Vec::new();
    for _ in 0..32_000 / 20 {
        world.draw(tokens(100));
        world.permits.clear();
        let said = world.run(20);
        ahead.extend(
            said.into_iter()
                .flat_map(|batch| batch.acquire)
                .filter(|ask| ask.window == Which::Next),
        );
    }
    assert_eq!(ahead.len(), 1);
    assert!(ahead[0].tokens.want > 1_000, "{:?}", ahead[0]);
}

#[test]
fn shut_gives_everything_back_but_what_is_in_flight() {
    let mut world = World::new(1_000);
    world.waiting = vec![tokens(100), tokens(50)];
    world.settle_down();
    world.permits.remove(1).cancel();
    world.refill.shut();
    assert!(!world.refill.is_square(world.now));
    world.run(500);
    assert_eq!(world.server.outstanding(), 100);
    assert!(!world.refill.is_square(world.now), "a permit is out");
    world.permits.remove(0).settle(tokens(30));
    world.run(500);
    assert!(world.refill.is_square(world.now));
    assert_eq!((world.server.outstanding(), world.server.used()), (30, 30));
    assert!(world.pool.draw(tokens(1), world.now).is_none());
    assert_eq!(world.told().denial(tokens(1), world.now).unwrap().reason, Reason::Closed);
    world.waiting = vec![tokens(1)];
    assert!(world.run(1_000).iter().all(|batch| batch.acquire.is_empty()));
}

#[test]
fn a_server_that_refuses_is_tried_again_after_a_while() {
    let mut world = World::new(1_000);
    world.waiting = vec![tokens(15)];
    world.look();
    let batch = world.send().unwrap();
    assert_eq!(batch.acquire.len(), 1);
    world.refill.handle(Err(Failure::Refused), world.now, 0);
    let denied = world.told().denial(tokens(15), world.now).unwrap();
    assert_eq!(denied.reason, Reason::Refused);
}

#[test]
fn a_ledger_that_cannot_work_is_asked_again_for_the_same() {
    let mut world = World::new(500);
    world.server.is_broken = true;
    world.waiting = vec![tokens(15)];
    world.look();
    let said = world.run(1_000);
    assert!((3..20).contains(&said.len()), "it backs off: {}", said.len());
    assert!(said.iter().all(|batch| batch.acquire == said[0].acquire));
    world.server.is_broken = false;
    world.run(1_000);
    assert_eq!((world.server.leases.len(), world.permits.len()), (1, 1));
    world.permits.clear();
    world.server.is_broken = true;
    let said = world.run(3_000);
    assert!((3..20).contains(&said.len()), "reports back off too: {}", said.len());
    world.server.is_broken = false;
    world.run(1_000);
    assert_eq!(world.server.used(), 15);
}

#[test]
fn the_same_lease_is_not_installed_twice() {
    let mut world = World::new(1_000);
    world.waiting = vec![tokens(100)];
    world.settle_down();
    let known = world.server.leases.keys().next().unwrap().clone();
    world.server.always = Some(known);
    world.waiting = vec![tokens(50)];
    world.look();
    world.send().unwrap();
    world.deliver(Fate::Answered);
    assert_eq!(world.waiting, [tokens(50)], "there is nothing left of it");
}

#[test]
fn a_lease_that_just_ended_does_not_keep_a_draw_from_asking() {
    let mut world = World::new(1_000);
    world.waiting = vec![tokens(100), tokens(100)];
    world.settle_down();
    world.permits.remove(0).cancel();
    world.pass(2_500);
    world.waiting = vec![tokens(50)];
    world.settle_down();
    assert!(world.waiting.is_empty());
}

/// Draws that are denied cost a message each [`PROBE`], and a limit that is raised is seen in as
/// much.
#[test]
fn a_raised_limit_is_seen_and_denials_cost_next_to_no_messages() {
    let mut world = World::new(50);
    world.waiting = vec![tokens(60)];
    world.settle_down();
    world.waiting.clear();
    let mut messages = 0;
    for _ in 0..1_000 {
        assert!(!world.draw(tokens(70)));
        messages += world.run(10).len();
    }
    assert!((6..=7).contains(&messages), "{messages} in 10 s");
    world.server.limit = 5_000;
    let raised = world.now;
    while !world.draw(tokens(70)) {
        world.run(10);
        assert!(world.now.since(raised) <= PROBE + Duration::from_millis(50), "it is not seen");
    }
}

#[test]
fn one_message_asks_again_for_all_deployments_that_deny() {
    let mut refill = Refill::new("gw/1".to_owned());
    let all: Vec<_> = (0..40).map(|no| refill.add(&format!("d{no}"))).collect();
    let denied = Sample { denied: tokens(9), ..Sample::default() };
    let waiting = Waiting { total: 1, count: 1, first: tokens(9), sum: tokens(9) };
    let waits = Sample { waiting, ..Sample::default() };
    let deny = |_: &AcquireItem| {
        let problem = Problem::new(Code::Exhausted, "no").retry_after_ms(60_000);
        Item::failed(Problem { state: Some(State::Exhausted), ..problem })
    };
    let mut messages = Vec::new();
    for ms in 0..30_000 {
        let now = Moment::START + Duration::from_millis(9_000 + ms);
        for no in &all {
            refill.note_denials(*no, now);
            if ms == 0 {
                refill.look(*no, &waits, now);
            } else if refill.is_due(*no, now) {
                refill.look(*no, &denied, now);
            }
        }
        if let Some(batch) = refill.poll_request(now) {
            let acquire = batch.acquire.iter().map(deny).collect();
            refill.handle(Ok(BatchReply { acquire, ..BatchReply::default() }), now, 300);
            messages.push(batch.acquire.len());
        }
    }
    assert!((20..=22).contains(&messages.len()), "{messages:?} in 30 s");
    assert!(messages[2..].iter().all(|asks| *asks == all.len()), "{messages:?}");
}

#[test]
fn draws_now_and_then_cost_a_message_each() {
    for every_ms in [400, 1_000, 3_000, 8_000] {
        let mut world = World::new(1_000_000);
        let (draws, mut messages) = (18_000 / every_ms, 0);
        for _ in 0..draws {
            world.waiting = vec![tokens(100)];
            messages += world.settle_down().len();
            world.permits.drain(..).for_each(|permit| permit.settle(tokens(60)));
            messages += world.run(every_ms).len();
        }
        let most = usize::try_from(draws + draws / 10 + 1).unwrap();
        assert!(messages <= most, "{messages} messages for {draws} draws each {every_ms} ms");
        world.run(10_100);
        assert_eq!(world.server.used(), 60 * draws, "in the end all is told");
    }
}

#[test]
fn the_next_window_is_asked_for_beside_the_current_one() {
    let mut world = World::new(1_000_000);
    let said = loop {
        world.draw(tokens(100));
        world.permits.clear();
        world.pass(10);
        world.look();
        match world.send() {
            Some(batch) if batch.acquire.iter().any(|ask| ask.window == Which::Next) => {
                break batch;
            }
            _ => world.deliver(Fate::Answered),
        }
    };
    assert!(world.server.window_left_ms < 500, "{said:?}");
    world.deliver(Fate::RequestLost);
    world.waiting = vec![tokens(90_000)];
    world.pass(60);
    world.look();
    let said = world.send().unwrap();
    let windows: Vec<_> = said.acquire.iter().map(|ask| ask.window).collect();
    assert_eq!(windows, [Which::Current, Which::Next], "neither waits for the other");
    world.deliver(Fate::Answered);
    assert!(world.waiting.is_empty());
}

#[test]
fn small_draws_keep_their_lease_while_a_large_one_waits() {
    let mut world = World::new(100_000);
    world.waiting = vec![tokens(1_000)];
    world.settle_down();
    world.permits.drain(..).for_each(|permit| permit.settle(tokens(10)));
    world.waiting = vec![tokens(50_000)];
    world.look();
    world.send().unwrap();
    world.pass(20);
    world.look();
    let rest = Amount::new(900, 0);
    assert!(world.pool.covers(rest, world.now), "it is not closed");
    world.deliver(Fate::Answered);
    assert!(world.waiting.is_empty());
}

/// The machine was paused: the server's time went on, and this clock did not count it.
#[test]
fn a_pause_that_the_clock_did_not_count_costs_the_leases_in_hand() {
    let mut world = World::new(100_000);
    world.waiting = vec![tokens(1_000)];
    world.settle_down();
    world.permits.drain(..).for_each(|permit| permit.cancel());
    world.server.pass(5_000);
    world.waiting = vec![tokens(2_000)];
    world.look();
    world.send().unwrap();
    world.deliver(Fate::Answered);
    world.look();
    assert!(!world.pool.covers(tokens(1), world.now), "neither the old lease nor the one in doubt");
    world.settle_down();
    assert!(world.waiting.is_empty(), "the next one is good");
}

#[test]
fn a_clock_that_is_slowed_down_makes_leases_shorter() {
    for (pace, lives) in [(Pace::True, [true, true]), (Pace::Slow, [true, false])] {
        let mut world = World::new(100_000);
        world.refill.paced(pace, world.now);
        world.waiting = vec![tokens(1_000)];
        world.settle_down();
        world.permits.drain(..).for_each(|permit| permit.cancel());
        let lived = [1_790, 100].map(|ms| {
            world.pass(ms);
            world.pool.covers(tokens(1), world.now)
        });
        assert_eq!(lived, lives, "{pace:?}");
        world.refill.paced(Pace::Lost, world.now);
        world.look();
        assert!(!world.pool.covers(tokens(1), world.now));
    }
}
