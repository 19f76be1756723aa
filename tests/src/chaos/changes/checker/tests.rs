use quota_api::{LeaseWindow, State, Usage, UsagePair};

use super::*;

const LIMIT: Amount = Amount { tokens: 100, requests: 10 };

fn checker() -> Checker {
    let mut checker = Checker::default();
    checker.know("d", WindowKind::Minute);
    checker.change("d", Some(LIMIT), true);
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
    checker.change("d", Some(lower), true);
    checker.granted(span(21), &asked("2", 30), &lease("b", 21, (30, 90), LIMIT));
    assert!(broken(&checker, "R1"), "{:?}", checker.broken);
}

#[test]
fn a_change_without_an_answer_accuses_nobody() {
    let mut checker = checker();
    checker.change("d", Some(Amount { tokens: 50, requests: 10 }), false);
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
