"""The permits of requests that run: settled once, each by its own end."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

import pytest

from litellm_fakes import Ledger, REFUND, logged, sent
from tokenlease.litellm._attempts import Attempts, Policy


@pytest.mark.parametrize(
    "policy, used, end",
    [
        (REFUND, 7, ("settled", 7)),
        (REFUND, None, ("charged", None)),
        (Policy(settlement="none"), 7, ("charged", None)),
    ],
)
def test_success_is_settled_by_policy(
    policy: Policy, used: Optional[int], end: Tuple[str, Optional[int]]
) -> None:
    ledger, attempts = Ledger(), Attempts(60.0)
    call = sent()
    attempts.begin(call, ledger.permit("p"), policy)
    attempt = attempts.take_logged(logged(call))
    assert attempt is not None
    attempt.succeeded(used)
    assert ledger.ends == [("p", *end)]
    assert attempts.take(call) is None, "told twice, it counts once"


@pytest.mark.parametrize(
    "policy, status, end",
    [
        (REFUND, 429, ("settled", 0)),
        (REFUND, 500, ("charged", None)),
        (REFUND, 408, ("charged", None)),
        (REFUND, None, ("charged", None)),
        (Policy(refused="refund"), 400, ("cancelled", None)),
        (Policy(refused="none"), 400, ("charged", None)),
        (Policy(refused="refund", settlement="none"), 400, ("charged", None)),
    ],
)
def test_failure_is_settled_by_policy_and_status(
    policy: Policy, status: Optional[int], end: Tuple[str, Optional[int]]
) -> None:
    ledger, attempts = Ledger(), Attempts(60.0)
    call = sent()
    attempts.begin(call, ledger.permit("p"), policy)
    attempt = attempts.take_logged(logged(call))
    assert attempt is not None
    attempt.failed(status)
    assert ledger.ends == [("p", *end)]


def test_attempts_of_one_request_are_apart() -> None:
    ledger, attempts = Ledger(), Attempts(60.0)
    log: Dict[str, Any] = {}
    first, second = sent(log=log), sent(log=log)
    attempts.begin(first, ledger.permit("first"), REFUND)
    attempts.begin(second, ledger.permit("second"), REFUND)
    assert ledger.ends == [("first", "charged", None)], "nobody told of its end"
    assert attempts.take_logged(logged(sent())) is None
    assert attempts.take_logged(logged(second)) is not None
    assert attempts.take(first) is None
    assert len(attempts) == 0


@pytest.mark.parametrize("is_proxy", [True, False])
def test_requests_of_one_call_id_are_apart(is_proxy: bool) -> None:
    """It is what a caller's header says."""
    ledger, attempts = Ledger(), Attempts(60.0)
    calls = [sent("same", {} if is_proxy else None) for _ in range(2)]
    for call, name in zip(calls, ("a", "b")):
        attempts.begin(call, ledger.permit(name), REFUND)
    for call, used in zip(calls, (1, 2)):
        attempt = attempts.take_logged(logged(call))
        assert attempt is not None
        attempt.succeeded(used)
    assert ledger.ends == [("a", "settled", 1), ("b", "settled", 2)]


def test_a_caller_s_word_finds_no_attempt() -> None:
    ledger, attempts = Ledger(), Attempts(60.0)
    call = sent(log={})
    attempts.begin(call, ledger.permit("p"), REFUND)
    for word in ("call", ["call"], None):
        assert attempts.take_logged({"tokenlease_attempt": word}) is None
        # Nor does it hide the one that it stands over.
        assert attempts._find({"tokenlease_attempt": word}, {}) is None
    assert attempts.take_logged(logged(call, tokenlease_attempt="call")) is not None


def test_a_dictionary_that_requests_share_carries_one_token() -> None:
    ledger, attempts = Ledger(), Attempts(60.0)
    info = {"id": "d"}
    calls = [sent(model_info=info) for _ in range(2)]
    for call, name in zip(calls, ("a", "b")):
        attempts.begin(call, ledger.permit(name), REFUND)
    for call, name in zip(calls, ("a", "b")):
        attempt = attempts.take(call)
        assert attempt is not None
        attempt.succeeded(1)
    assert [end[0] for end in ledger.ends] == ["a", "b"]


def test_what_is_never_told_is_charged_in_time_and_in_number() -> None:
    now = 0.0
    ledger = Ledger()
    attempts = Attempts(60.0, most=3, clock=lambda: now)
    for name in ("a", "b"):
        attempts.begin(sent(), ledger.permit(name), REFUND)
    now = 59.0
    attempts.begin(sent(), ledger.permit("c"), REFUND)
    assert ledger.ends == []
    now = 60.0
    attempts.begin(sent(), ledger.permit("d"), REFUND)
    assert [end[0] for end in ledger.ends] == ["a", "b"]
    for name in ("e", "f", "g"):
        attempts.begin(sent(), ledger.permit(name), REFUND)
    assert len(attempts) == 3
    assert [end[0] for end in ledger.ends] == ["a", "b", "c", "d"]
