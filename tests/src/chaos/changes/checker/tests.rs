use quota_api::{LeaseWindow, State, Usage, UsagePair};

use super::super::limits::Per;
use super::*;

const LIMIT: Amount = Amount { tokens: 100, requests: 10 };

fn checker() -> Checker {
    let mut checker = Checker::default();
    checker.know("d", WindowKind::Minute, false);
    checker.change("d", Some(LIMIT.into()), true, 0);
    checker
}

fn asked(request: &str, tokens: u64) -> Asked {
    let ask = |tokens| Ask { min: tokens, want: tokens };
    let request = format!("h#{request}");
    Asked { deployment: "d".to_owned(), request, tokens: ask(tokens), requests: ask(1) }
}

/// In the middle of a minute, and answered at once.
fn span(second: u64) -> Span {
    let ms = second * 1_000;
    Span { sent_ms: ms, came_ms: ms + 1 }
}

fn lease(id: &str, second: u64, (tokens, outstanding): (u64, u64), limit: Amount) -> Lease {
    let pair = |limit, outstanding| UsagePair { limit: Some(limit), outstanding, overrun: 0 };
    let (requests, ends_in_ms) = (1, 60_000 - second % 60 * 1_000);
    Lease {
        lease_id: id.to_owned(),
        deployment: "d".to_owned(),
        tokens,
        requests,
        starts_in_ms: 0,
        expires_in_ms: 2_000.min(ends_in_ms),
        window: LeaseWindow { kind: WindowKind::Minute, ends_in_ms, returns_in_ms: None },
        state: State::Ok,
        usage: Usage {
            tokens: pair(limit.tokens, outstanding),
            requests: pair(limit.requests, outstanding.min(1)),
        },
    }
}

fn broken(checker: &Checker, rule: &str) -> bool {
    checker.broken.iter().any(|what| what.contains(rule))
}

#[test]
fn grants_within_the_limit_break_nothing() {
    let mut checker = checker();
    checker.granted(span(20), &asked("1", 60), &lease("a", 20, (60, 60), LIMIT));
    checker.refused(span(21), &asked("2", 41), Refusal::Exhausted);
    checker.refused(span(22), &asked("3", 101), Refusal::NeverFits);
    checker.granted(span(80), &asked("4", 100), &lease("b", 80, (100, 100), LIMIT));
    assert!(checker.broken.is_empty(), "{:?}", checker.broken);
}

#[test]
fn a_lowered_limit_holds_for_the_next_grant() {
    let mut checker = checker();
    checker.granted(span(20), &asked("1", 60), &lease("a", 20, (60, 60), LIMIT));
    let lower = Amount { tokens: 50, requests: 10 };
    checker.change("d", Some(lower.into()), true, 0);
    checker.granted(span(21), &asked("2", 30), &lease("b", 21, (30, 90), LIMIT));
    assert!(broken(&checker, "R1"), "{:?}", checker.broken);
}

#[test]
fn a_change_without_an_answer_accuses_nobody() {
    let mut checker = checker();
    checker.change("d", Some(Amount { tokens: 50, requests: 10 }.into()), false, 0);
    checker.granted(span(20), &asked("1", 80), &lease("a", 20, (80, 80), LIMIT));
    checker.refused(span(21), &asked("2", 5), Refusal::Exhausted);
    assert!(checker.broken.is_empty(), "{:?}", checker.broken);
}

#[test]
fn what_has_room_must_not_be_denied_and_what_is_there_must_be_found() {
    for (refusal, rule) in [
        (Refusal::Exhausted, "denied"),
        (Refusal::NeverFits, "R8"),
        (Refusal::NoDeployment, "not found"),
    ] {
        let mut checker = checker();
        checker.refused(span(20), &asked("1", 100), refusal);
        assert!(broken(&checker, rule), "{:?}", checker.broken);
    }
}

#[test]
fn a_repeat_has_the_same_lease_and_a_book_its_sums() {
    let mut checker = checker();
    checker.granted(span(20), &asked("1", 60), &lease("a", 20, (60, 60), LIMIT));
    checker.granted(span(20), &asked("1", 60), &lease("b", 20, (60, 60), LIMIT));
    assert!(broken(&checker, "R5"), "{:?}", checker.broken);
    checker.granted(span(21), &asked("2", 5), &lease("c", 21, (5, 5), LIMIT));
    assert!(broken(&checker, "R4"), "{:?}", checker.broken);
}

#[test]
fn an_ask_without_an_answer_may_be_charged_and_may_not() {
    let mut checker = checker();
    checker.unanswered(span(20), &asked("1", 60));
    checker.refused(span(21), &asked("2", 50), Refusal::Exhausted);
    checker.granted(span(22), &asked("3", 100), &lease("a", 22, (100, 100), LIMIT));
    assert!(checker.broken.is_empty(), "{:?}", checker.broken);
}

const LONG: Long = Long { per: Per::Day, most: 150 };

fn with_long(checker: &mut Checker, long: Option<Long>, second: u64) {
    let limits = Limits { window: LIMIT, long };
    checker.change("d", Some(limits), false, second * 1_000);
    checker.change("d", Some(limits), true, second * 1_000);
}

#[test]
fn a_longer_period_holds_over_windows() {
    let mut checker = checker();
    with_long(&mut checker, Some(LONG), 10);
    checker.granted(span(20), &asked("1", 100), &lease("a", 20, (100, 100), LIMIT));
    checker.given_back(("d", "h#1"), Amount { tokens: 20, requests: 0 }, None);
    checker.granted(span(80), &asked("2", 70), &lease("b", 80, (70, 70), LIMIT));
    checker.refused(span(81), &asked("3", 1), Refusal::LongExhausted);
    assert!(checker.broken.is_empty(), "what is given back may count or not: {:?}", checker.broken);
    // The same limit again changes nothing, another one counts for the next grant.
    with_long(&mut checker, Some(Long { most: 150, ..LONG }), 82);
    checker.granted(span(140), &asked("4", 1), &lease("c", 140, (1, 1), LIMIT));
    assert!(broken(&checker, "R1"), "{:?}", checker.broken);
}

#[test]
fn a_longer_period_counts_from_when_its_limit_is_put() {
    let mut checker = checker();
    checker.granted(span(20), &asked("1", 100), &lease("a", 20, (100, 100), LIMIT));
    with_long(&mut checker, Some(LONG), 70);
    checker.granted(span(80), &asked("2", 100), &lease("b", 80, (100, 100), LIMIT));
    with_long(&mut checker, None, 90);
    with_long(&mut checker, Some(LONG), 110);
    checker.granted(span(140), &asked("3", 100), &lease("c", 140, (100, 100), LIMIT));
    assert!(checker.broken.is_empty(), "{:?}", checker.broken);
}

#[test]
fn a_longer_period_with_room_denies_nothing() {
    let mut checker = checker();
    with_long(&mut checker, Some(LONG), 10);
    checker.granted(span(20), &asked("1", 100), &lease("a", 20, (100, 100), LIMIT));
    checker.refused(span(80), &asked("2", 51), Refusal::LongExhausted);
    checker.refused(span(80), &asked("3", 151), Refusal::NeverFits);
    assert!(checker.broken.is_empty(), "{:?}", checker.broken);
    checker.refused(span(80), &asked("4", 50), Refusal::LongExhausted);
    assert!(broken(&checker, "denied"), "{:?}", checker.broken);
}
