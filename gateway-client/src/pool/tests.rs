use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::*;
use crate::refill::{DeploymentNo, Grant, LeaseNo, LeaseSample, Refill};

const fn amount(tokens: u64, requests: u64) -> Amount {
    Amount::new(tokens, requests)
}

fn at(ms: u64) -> Moment {
    Moment::START + Duration::from_millis(ms)
}

fn deployment() -> DeploymentNo {
    Refill::new(String::new()).add("any")
}

fn grant(no: u64, amount: Amount) -> Grant {
    Grant {
        deployment: deployment(),
        no: LeaseNo(no),
        amount,
        not_before: at(0),
        not_after: at(2_000),
    }
}

fn pool() -> (std::sync::Arc<Pool>, Leases) {
    let pool = std::sync::Arc::new(Pool::default());
    (pool.clone(), Leases::of(pool))
}

fn only(leases: &Leases) -> LeaseSample {
    let samples = leases.sample();
    assert_eq!(samples.len(), 1);
    samples[0]
}

#[test]
fn a_draw_takes_both_units_or_neither() {
    let (pool, mut leases) = pool();
    leases.install(&grant(1, amount(100, 2)), |_| ());
    assert!(pool.draw(amount(101, 1), at(1)).is_none());
    assert!(pool.draw(amount(1, 3), at(1)).is_none());
    assert!(pool.draw(amount(0, 0), at(1)).is_none());
    assert_eq!(only(&leases).free, amount(100, 2));
    let drawn = pool.draw(amount(100, 1), at(1)).unwrap();
    assert_eq!(only(&leases).free, amount(0, 1));
    assert_eq!(only(&leases).in_flight, amount(100, 1));
    drop(drawn);
    assert_eq!(only(&leases).used, amount(100, 1));
}

#[test]
fn a_lease_is_drawn_from_between_its_start_and_its_end() {
    let (pool, mut leases) = pool();
    let later = Grant { not_before: at(10), not_after: at(20), ..grant(1, amount(100, 10)) };
    leases.install(&later, |_| ());
    for (ms, is_open) in [(9, false), (10, true), (19, true), (20, false)] {
        assert_eq!(pool.covers(amount(1, 1), at(ms)), is_open, "{ms}");
        let drawn = pool.draw(amount(1, 1), at(ms));
        assert_eq!(drawn.is_some(), is_open, "{ms}");
    }
}

#[test]
fn settling_returns_the_rest_and_charges_the_overrun() {
    // granted, drawn, used -> free, used, overrun
    let table = [
        (amount(100, 9), amount(40, 1), amount(40, 1), amount(60, 8), amount(40, 1), amount(0, 0)),
        (amount(100, 9), amount(40, 1), amount(10, 1), amount(90, 8), amount(10, 1), amount(0, 0)),
        (amount(100, 9), amount(40, 1), amount(0, 0), amount(100, 9), amount(0, 0), amount(0, 0)),
        (amount(100, 9), amount(40, 1), amount(70, 1), amount(30, 8), amount(70, 1), amount(0, 0)),
        (
            amount(100, 9),
            amount(40, 1),
            amount(170, 1),
            amount(0, 8),
            amount(100, 1),
            amount(70, 0),
        ),
        (amount(100, 1), amount(40, 1), amount(10, 3), amount(90, 0), amount(10, 1), amount(0, 2)),
        (
            amount(100, 9),
            amount(40, 1),
            amount(u64::MAX, 1),
            amount(0, 8),
            amount(100, 1),
            amount(u64::MAX - 100, 0),
        ),
    ];
    for (granted, drawn, real, free, used, overrun) in table {
        let (pool, mut leases) = pool();
        leases.install(&grant(1, granted), |_| ());
        pool.draw(drawn, at(1)).unwrap().permit.settle(real);
        let sample = only(&leases);
        assert_eq!((sample.free, sample.used, sample.overrun), (free, used, overrun));
        assert_eq!(sample.in_flight, amount(0, 0));
    }
}

#[test]
fn a_closed_lease_gives_what_its_permits_return_to_its_owner_only() {
    let (pool, mut leases) = pool();
    leases.install(&grant(1, amount(100, 3)), |_| ());
    let refunded = pool.draw(amount(40, 1), at(1)).unwrap().permit;
    let exceeded = pool.draw(amount(20, 1), at(1)).unwrap().permit;
    assert_eq!(leases.sweep(LeaseNo(1)), amount(40, 1));
    refunded.settle(amount(30, 1));
    assert!(pool.draw(amount(1, 0), at(2)).is_none(), "it is closed");
    exceeded.settle(amount(25, 1));
    assert_eq!(only(&leases).overrun, amount(5, 0), "not out of what goes back");
    assert_eq!(leases.sweep(LeaseNo(1)), amount(10, 0));
    assert_eq!(only(&leases).in_flight, amount(0, 0));
    assert_eq!(only(&leases).used, amount(50, 2));
}

#[test]
fn those_who_waited_draw_before_newcomers() {
    let (pool, mut leases) = pool();
    let mut first = None;
    leases.install(&grant(1, amount(10, 1)), |draw| {
        assert!(pool.draw(amount(10, 1), at(1)).is_none());
        first = draw(amount(10, 1), at(1));
    });
    assert!(first.is_some());
    assert!(pool.draw(amount(10, 1), at(1)).is_none());
}

#[test]
fn more_leases_than_places_wait_for_one() {
    let (pool, mut leases) = pool();
    for no in 0..=4 {
        leases.install(&grant(no, amount(10, 1)), |_| ());
    }
    assert_eq!(pool.free(at(1)), amount(40, 4));
    leases.sweep(LeaseNo(0));
    assert_eq!(pool.free(at(1)), amount(40, 4), "the fifth moved up");
}

#[test]
fn a_draw_below_the_low_water_mark_says_so() {
    let (pool, mut leases) = pool();
    leases.install(&grant(1, amount(100, 10)), |_| ());
    leases.warn(Some((LeaseNo(1), amount(50, 5))));
    assert!(!pool.draw(amount(50, 1), at(1)).unwrap().is_low);
    assert!(pool.draw(amount(1, 1), at(1)).unwrap().is_low);
    leases.warn(None);
    assert!(!pool.draw(amount(1, 1), at(1)).unwrap().is_low);
}

#[test]
fn a_slot_is_not_recycled_while_a_permit_is_out() {
    let (pool, mut leases) = pool();
    leases.install(&grant(1, amount(100, 10)), |_| ());
    let permit = pool.draw(amount(60, 1), at(1)).unwrap().permit;
    leases.retire(LeaseNo(1));
    for no in 2..40 {
        leases.install(&grant(no, amount(100, 10)), |_| ());
        leases.retire(LeaseNo(no));
    }
    leases.install(&grant(40, amount(100, 10)), |_| ());
    permit.settle(amount(1, 1));
    assert_eq!(only(&leases).free, amount(100, 10), "it was of another lease");
}

/// Threads draw, settle, overrun, cancel and drop while the owner opens and closes leases under
/// them. Whatever they do, each lease's amount is all there in the end: given back or used.
#[test]
fn nothing_is_lost_or_made_under_concurrency() {
    let (pool, mut leases) = pool();
    let is_over = AtomicBool::new(false);
    let granted = amount(10_000, 500);
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            scope.spawn({
                let (pool, is_over) = (&pool, &is_over);
                move || spend(pool, thread, is_over)
            });
        }
        // A panic here, too, ends those who spend: the scope waits for them.
        let _over = Over(&is_over);
        for no in 0..2_000 {
            leases.install(&grant(no, granted), |_| ());
            while no % 3 != 0 && only(&leases).free.tokens() > 500 {
                std::hint::spin_loop();
            }
            let mut given_back = leases.sweep(LeaseNo(no));
            while only(&leases).in_flight != amount(0, 0) || only(&leases).free != amount(0, 0) {
                given_back = given_back.saturating_add(leases.sweep(LeaseNo(no)));
            }
            let used = only(&leases).used;
            assert_eq!(used.tokens() + given_back.tokens(), granted.tokens());
            assert_eq!(used.requests() + given_back.requests(), granted.requests());
            leases.retire(LeaseNo(no));
        }
    });
}

/// It is over once this is gone.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

fn spend(pool: &Pool, thread: u64, is_over: &AtomicBool) {
    let mut turn = thread;
    while !is_over.load(Relaxed) {
        turn = turn.wrapping_add(1);
        let Some(drawn) = pool.draw(amount(turn % 50, 1), at(1)) else {
            continue;
        };
        match turn % 5 {
            0 => drawn.permit.cancel(),
            1 => drop(drawn.permit),
            2 => drawn.permit.settle(amount(60, 1)),
            3 => drawn.permit.settle(amount(60, 2)),
            _ => drawn.permit.settle(amount(turn % 7, 1)),
        }
    }
}
