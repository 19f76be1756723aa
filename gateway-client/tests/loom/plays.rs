use loom::sync::Arc;
use loom::thread::{self, JoinHandle};
use quota_units::Amount;

use super::slot::{Slot, Standing};
use super::stripe;
use super::word::Word;
use crate::Moment;

const NOW: Moment = Moment::from_nanos(100);

/// A slot's first and its next lease.
const FIRST: u32 = 1;
const NEXT: u32 = 3;

/// Plays it in every way there is: two threads of a few steps each take seconds, with no bound on
/// how often they change.
fn play(play: impl Fn(Arc<Slot>) + Sync + Send + 'static) {
    loom::model(move || play(Arc::new(Slot::default())));
}

/// Another thread does something with the slot, with a tally of its own.
fn beside<T: 'static>(slot: &Arc<Slot>, act: impl FnOnce(&Slot) -> T + 'static) -> JoinHandle<T> {
    let slot = slot.clone();
    thread::spawn(move || {
        stripe::set(1);
        act(&slot)
    })
}

fn amount(tokens: u64, requests: u64) -> Amount {
    Amount::new(tokens, requests)
}

fn word(tokens: u64, requests: u64) -> Word {
    Word::pack(amount(tokens, requests)).expect("it is small")
}

fn open(slot: &Slot, granted: Word) -> u32 {
    slot.open(granted, Moment::START, Moment::NEVER)
}

fn draws(slot: &Slot, generation: u32, amount: Word) -> bool {
    slot.draw(generation, amount, NOW).is_some()
}

fn plus(one: Amount, other: Amount) -> Amount {
    amount(one.tokens() + other.tokens(), one.requests() + other.requests())
}

#[test]
fn two_draws_take_no_more_than_the_lease() {
    play(|slot| {
        open(&slot, word(10, 2));
        let other = beside(&slot, |slot| draws(slot, FIRST, word(7, 1)));
        let both = [draws(&slot, FIRST, word(7, 1)), other.join().expect("it ends")];
        assert_eq!(both.iter().filter(|drawn| **drawn).count(), 1, "one of them fits");
        let standing = slot.standing();
        assert_eq!((standing.free, standing.in_flight), (amount(3, 1), amount(7, 1)));
    });
}

/// What the owner takes out at a lease's end goes back to the server: nobody has it as well.
#[test]
fn what_is_swept_is_drawn_by_nobody() {
    play(|slot| {
        open(&slot, word(10, 2));
        let spending = beside(&slot, |slot| {
            let drawn = draws(slot, FIRST, word(7, 1));
            if drawn {
                slot.settle(word(7, 1), amount(4, 1));
            }
            drawn
        });
        slot.close();
        let first = slot.sweep();
        let drawn = spending.join().expect("it ends");
        let late = slot.sweep();
        assert!(!draws(&slot, FIRST, word(1, 0)), "it is closed");
        let used = if drawn { amount(4, 1) } else { amount(0, 0) };
        assert_eq!(plus(plus(first, late), used), amount(10, 2));
        let standing = slot.standing();
        assert_eq!(
            (standing.used, standing.free, standing.in_flight),
            (used, amount(0, 0), amount(0, 0))
        );
    });
}

/// The owner looks at any time, and sees as in flight what moves just then. (A sum that goes below
/// nothing panics.)
#[test]
fn the_owner_sees_nothing_twice() {
    play(|slot| {
        open(&slot, word(10, 3));
        assert!(draws(&slot, FIRST, word(4, 1)));
        let spending = beside(&slot, |slot| {
            slot.settle(word(4, 1), amount(1, 1));
            if draws(slot, FIRST, word(9, 1)) {
                slot.charge(word(9, 1));
            }
        });
        let seen = slot.standing();
        assert!(seen.in_flight.tokens() <= 10 && seen.in_flight.requests() <= 3, "{seen:?}");
        spending.join().expect("it ends");
    });
}

#[test]
fn an_overrun_comes_out_of_what_nobody_drew() {
    play(|slot| {
        open(&slot, word(10, 3));
        assert!(draws(&slot, FIRST, word(4, 1)));
        let settling = beside(&slot, |slot| slot.settle(word(4, 1), amount(9, 1)));
        let drawn = draws(&slot, FIRST, word(3, 1));
        settling.join().expect("it ends");
        let in_flight = if drawn { amount(3, 1) } else { amount(0, 0) };
        let standing = slot.standing();
        assert_eq!(standing.in_flight, in_flight);
        assert_eq!(plus(plus(standing.free, standing.used), in_flight), amount(10, 3));
        assert_eq!(plus(standing.used, standing.overrun), amount(9, 1));
    });
}

/// Once nothing is in flight its owner forgets a lease, so by then all that was used is to be seen.
#[test]
fn an_overrun_is_told_before_its_lease_is_forgotten() {
    play(|slot| {
        open(&slot, word(10, 3));
        assert!(draws(&slot, FIRST, word(4, 1)));
        let settling = beside(&slot, |slot| slot.settle(word(4, 1), amount(11, 1)));
        slot.close();
        let swept = slot.sweep();
        let seen = slot.standing();
        if seen.in_flight == Amount::default() {
            assert_eq!(plus(seen.used, seen.overrun), amount(11, 1));
        }
        settling.join().expect("it ends");
        let returned = plus(swept, slot.sweep());
        let standing = slot.standing();
        assert_eq!(plus(returned, standing.used), amount(10, 3));
        assert_eq!(plus(standing.used, standing.overrun), amount(11, 1));
    });
}

/// A draw that was put aside over its lease's end: the slot holds another lease when it goes on.
#[test]
fn a_late_draw_takes_nothing_from_the_next_lease() {
    play(|slot| {
        open(&slot, word(5, 1));
        let drawing = beside(&slot, |slot| draws(slot, FIRST, word(5, 1)));
        slot.close();
        let swept = slot.sweep();
        let is_recycled = slot.is_quiet();
        if is_recycled {
            open(&slot, word(8, 2));
        }
        let drawn = drawing.join().expect("it ends");
        if is_recycled {
            assert!(!drawn, "nothing was in flight");
            assert_eq!(slot.standing().free, amount(8, 2));
            assert!(draws(&slot, NEXT, word(8, 2)));
        } else {
            let left = if drawn { amount(0, 0) } else { amount(5, 1) };
            assert_eq!(plus(swept, slot.sweep()), left);
        }
    });
}

/// A permit that outlives its lease: what it returns, and what it used, is never part of the slot's
/// next one.
#[test]
fn a_late_permit_gives_nothing_to_the_next_lease() {
    for used in [amount(2, 1), amount(6, 2)] {
        play(move |slot| {
            open(&slot, word(9, 2));
            assert!(draws(&slot, FIRST, word(5, 1)));
            slot.close();
            slot.sweep();
            let settling = beside(&slot, move |slot| slot.settle(word(5, 1), used));
            let is_recycled = slot.is_quiet();
            if is_recycled {
                open(&slot, word(8, 2));
            }
            settling.join().expect("it ends");
            if is_recycled {
                let next = Standing { free: amount(8, 2), ..Standing::default() };
                assert_eq!(slot.standing(), next);
            }
        });
    }
}

/// The first lease's end is still far when the next one has ended: who has heard of the next draws
/// by its terms.
#[test]
fn a_draw_goes_by_its_own_lease_s_terms() {
    play(|slot| {
        open(&slot, word(5, 1));
        slot.close();
        slot.sweep();
        let drawing = beside(&slot, |slot| draws(slot, NEXT, word(5, 1)));
        slot.open(word(5, 1), Moment::START, NOW);
        assert!(!drawing.join().expect("it ends"), "it has ended");
        assert_eq!(slot.standing().free, amount(5, 1));
    });
}
