//! A window that is left open for longer, as a start on another run of the machine leaves it, while
//! leases of the next one were granted ahead and are drawn from.

use quota_core::{
    Book, Command, HolderId, Now, Outcome, Refusal, RequestKey, WindowKind, WindowSpan, Wish,
};

use crate::world::{MINUTE_MS, amount, now, policy};

/// Exactly so many tokens: whether they were granted, and of which window.
fn ask(book: &mut Book, request: u128, tokens: u64, ahead: bool, now: &Now) -> Option<u64> {
    let (holder, request) = (HolderId(1), RequestKey(request));
    let (min, want) = (amount(tokens, 1), amount(tokens, 1));
    let command = Command::Acquire(holder, Wish { request, min, want, ahead });
    match book.apply(&command, now) {
        Ok((Outcome::Granted(granted), _)) => Some(granted.lease.window),
        Err(Refusal::Denied(_)) => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_granted_ahead_is_not_granted_beside_it() {
    let mut book = Book::new(policy(WindowKind::Minute, 100, 100));
    let last = now(11 * MINUTE_MS - 100);
    let number = last.window.number;
    assert_eq!(ask(&mut book, 1, 60, true, &last), Some(number + 1));
    let ends_ms = last.window.ends_ms + MINUTE_MS;
    let left_open = |steady_ms| Now { steady_ms, window: WindowSpan { ends_ms, ..last.window } };
    let soon = left_open(last.steady_ms + 1_000);
    assert_eq!(ask(&mut book, 2, 41, false, &soon), None, "60 are drawn from in this minute");
    assert_eq!(ask(&mut book, 3, 40, false, &soon), Some(number));
    assert_eq!(ask(&mut book, 4, 1, false, &soon), None);
    // The next window has what is left of its own, ahead too.
    let late = left_open(ends_ms - 500);
    assert_eq!(ask(&mut book, 5, 41, true, &late), None);
    assert_eq!(ask(&mut book, 6, 30, true, &late), Some(number + 1));
    let window = WindowSpan {
        number: number + 1,
        minute: number + 2,
        opens_ms: ends_ms,
        ends_ms: ends_ms + MINUTE_MS,
    };
    let next = Now { steady_ms: ends_ms, window };
    assert_eq!(ask(&mut book, 7, 11, false, &next), None);
    assert_eq!(ask(&mut book, 8, 10, false, &next), Some(number + 1));
}

#[test]
fn a_window_that_ends_in_its_time_is_granted_to_its_end() {
    let mut book = Book::new(policy(WindowKind::Minute, 100, 100));
    let last = now(11 * MINUTE_MS - 500);
    let number = last.window.number;
    assert_eq!(ask(&mut book, 1, 60, true, &last), Some(number + 1));
    assert_eq!(ask(&mut book, 2, 100, false, &last), Some(number));
}
