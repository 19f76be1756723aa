"""The plug-in's parts, with LiteLLM's packages and nothing that runs: permits, the share without a server, answers,
estimates, and what a deployment draws from."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

import pytest

from tokenlease.errors import (
    ConfigError,
    Denied,
    Exhausted,
    NeverFits,
    ServerAway,
    ServerError,
    Unavailable,
)
from tokenlease.litellm import Settings, _answers, _estimate
from tokenlease.litellm._alone import Alone, granted, per_process
from tokenlease.litellm._attempts import Attempts, Policy
from tokenlease.litellm._quota import Limits, Quota


class Ledger:
    """Notes how each permit ends."""

    def __init__(self) -> None:
        self.ends: List[Tuple[str, str, Optional[int]]] = []

    def permit(self, name: str) -> Noted:
        return Noted(self, name)


class Noted:
    def __init__(self, ledger: Ledger, name: str) -> None:
        self._ledger, self._name = ledger, name

    def settle(self, tokens: int, requests: Optional[int] = None) -> None:
        self._ledger.ends.append((self._name, "settled", tokens))

    def cancel(self) -> None:
        self._ledger.ends.append((self._name, "cancelled", None))

    def charge(self) -> None:
        self._ledger.ends.append((self._name, "charged", None))


REFUND = Policy()


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
    attempts.begin("call", "d", ledger.permit("p"), policy)
    attempt = attempts.take("call", "d")
    assert attempt is not None
    attempt.succeeded(used)
    assert ledger.ends == [("p", *end)]
    assert attempts.take("call", "d") is None, "told twice, it counts once"


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
    attempts.begin("call", "d", ledger.permit("p"), policy)
    attempt = attempts.take("call", "d")
    assert attempt is not None
    attempt.failed(status)
    assert ledger.ends == [("p", *end)]


def test_attempts_of_one_call_are_apart() -> None:
    ledger, attempts = Ledger(), Attempts(60.0)
    attempts.begin("call", "a", ledger.permit("first"), REFUND)
    attempts.supersede("call")
    attempts.begin("call", "b", ledger.permit("second"), REFUND)
    assert ledger.ends == [("first", "charged", None)]
    assert attempts.take("call", "a") is None
    assert attempts.take("other", "b") is None
    assert attempts.take("call", "b") is not None
    assert len(attempts) == 0


def test_what_is_never_told_is_charged_in_time_and_in_number() -> None:
    now = 0.0
    ledger = Ledger()
    attempts = Attempts(60.0, most=3, clock=lambda: now)
    for call in ("a", "b"):
        attempts.begin(call, "d", ledger.permit(call), REFUND)
    now = 59.0
    attempts.begin("c", "d", ledger.permit("c"), REFUND)
    assert ledger.ends == []
    now = 60.0
    attempts.begin("d", "d", ledger.permit("d"), REFUND)
    assert [end[0] for end in ledger.ends] == ["a", "b"]
    for call in ("e", "f", "g"):
        attempts.begin(call, "d", ledger.permit(call), REFUND)
    assert len(attempts) == 3
    assert [end[0] for end in ledger.ends] == ["a", "b", "c", "d"]


def test_alone_a_process_has_its_share_of_each_minute() -> None:
    now = 540.0
    alone = Alone(100, 3, clock=lambda: now)
    begun = alone.denial(1)
    assert begun is not None and begun.retry_after == 60.0, "another process may have used this minute's"
    now = 600.0
    alone.draw(60)
    denied = alone.denial(41)
    assert denied is not None and (denied.unit, denied.retry_after) == ("tokens", 60.0)
    alone.draw(40)
    alone.draw(0)
    now = 659.5
    with pytest.raises(Exhausted) as refused:
        alone.draw(0)
    assert (refused.value.unit, refused.value.retry_after) == ("requests", 0.5)
    now = 660.0
    alone.draw(100)
    now = 599.0
    with pytest.raises(Exhausted):
        alone.draw(1)


@pytest.mark.parametrize("limit", [0, 1, 7, 500, 1_500_000])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.33, 1.0])
@pytest.mark.parametrize("processes", [1, 3, 20])
def test_the_shares_and_the_rest_are_no_more_than_the_limit(
    limit: int, share: float, processes: int
) -> None:
    server, each = granted(limit, share), per_process(limit, share, processes)
    assert server is not None and each is not None
    assert server >= 0 and server + processes * each <= limit
    assert granted(None, share) is None and per_process(None, share, processes) is None


def test_a_denial_is_openai_s_429() -> None:
    error = _answers.denial("g", Exhausted("no", "exhausted", 1.2341, "requests"))
    assert (error.status_code, error.type, error.code) == (429, "requests", "rate_limit_exceeded")  # type: ignore[attr-defined]
    assert error.headers == {"retry-after": "2", "retry-after-ms": "1235"}  # type: ignore[attr-defined]
    assert error.num_retries == 0 and _answers.is_ours(error)  # type: ignore[attr-defined]
    error.num_retries = 2  # type: ignore[attr-defined]
    assert error.num_retries == 0, "LiteLLM sets it on the way"  # type: ignore[attr-defined]


def test_a_denial_by_the_chosen_deployment_cools_it_down_for_no_time() -> None:
    denied = Exhausted("no", "exhausted", 1.0)
    for has_others, retries in ((False, 0), (True, 3)):
        error = _answers.denial("g", denied, True, has_others)
        assert error.headers["retry-after"] == "0"  # type: ignore[attr-defined]
        assert (error.retry_after, error.num_retries) == (1.0, retries)  # type: ignore[attr-defined]


def test_other_denials_are_503_and_400() -> None:
    away = _answers.denial("g", Unavailable("it is away", "no_server", 0.01))
    assert (away.status_code, away.headers["retry-after"]) == (503, "1")  # type: ignore[attr-defined]
    large = _answers.denial("g", NeverFits("too large", "never_fits"))
    assert (large.status_code, large.headers) == (400, {})  # type: ignore[attr-defined]
    assert not _answers.is_ours(ValueError())


def test_a_group_says_the_least_hopeless() -> None:
    never, away = NeverFits("", "never_fits"), Unavailable("", "no_server", 0.1)
    late, soon = Exhausted("", "exhausted", 9.0), Exhausted("", "exhausted", 1.0)
    denials: List[Denied] = [never, away, late, soon]
    while len(denials) > 1:
        least = _answers.least_hopeless(denials)
        assert least is denials.pop()


MODEL = "openai/text-embedding-3-small"


@pytest.mark.parametrize(
    "value, tokens",
    [
        ("hello world", 2),
        (["hello world", "hello"], 3),
        ([1, 2, 3], 3),
        ([[1, 2], [3]], 3),
        ("", 0),
        (None, 0),
    ],
)
def test_every_form_of_an_input_is_counted(value: object, tokens: int) -> None:
    request = {"model": MODEL, "input": value}
    assert _estimate.reserved(request, "aembedding", 1_024, "input_plus_max_output") == tokens


def test_the_output_is_reserved_for_every_choice() -> None:
    request = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "hello"}]}
    count = lambda policy="input_plus_max_output", **more: _estimate.reserved(  # noqa: E731
        {**request, **more}, "acompletion", 100, policy
    )
    text = count("input")
    assert text == 8
    assert count() == text + 100
    assert count(max_tokens=7) == text + 7
    assert count(max_tokens=7, max_completion_tokens=9) == text + 9
    assert count(max_tokens=7, n=3) == text + 21
    assert count(max_tokens=None, n=None) == text + 100


def test_an_attached_file_counts_by_its_size() -> None:
    request = {"model": "openai/whisper-1", "file": ("a.wav", b"x" * 2_049)}
    assert _estimate.reserved(request, "atranscription", 1_024, "input_plus_max_output") == 3


def test_usage_that_is_not_told_is_unknown() -> None:
    assert _estimate.used({"standard_logging_object": {"total_tokens": 9}}, None) == 9
    for log in ({}, {"standard_logging_object": {"total_tokens": 0}}, {"standard_logging_object": None}):
        assert _estimate.used(log, None) is None


@pytest.mark.parametrize(
    "environment, name",
    [
        ({"QUOTA_ALONE_SHARE": "2"}, "QUOTA_ALONE_SHARE"),
        ({"QUOTA_ALONE_SHARE": "0.1"}, "QUOTA_REGISTER"),
        ({"QUOTA_ALONE_REPLICAS": "0"}, "QUOTA_ALONE_REPLICAS"),
        ({"QUOTA_DEFAULT_MAX_OUTPUT_TOKENS": "many"}, "QUOTA_DEFAULT_MAX_OUTPUT_TOKENS"),
        ({"QUOTA_PERMIT_TIMEOUT_S": "0"}, "QUOTA_PERMIT_TIMEOUT_S"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(environment: dict[str, str], name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Settings.of_environment(environment)


class Server:
    """In the place of a client and its server: what they say of every deployment."""

    def __init__(self, says: Any = None) -> None:
        self.says = says
        self.asked = 0
        self.before: Callable[[], object] = lambda: None
        self.draws: Any = None
        self.has_room = True
        self.ledger = Ledger()

    def deployment(self, id: str) -> Server:
        return self

    def deployment_on_server(self, id: str) -> Dict[str, Any]:
        self.asked += 1
        self.before()
        if isinstance(self.says, Exception):
            raise self.says
        if self.says is None:
            raise ServerError("no such deployment", 404, "deployment_not_found")
        return self.says

    def put_deployment(self, id: str, **spec: Any) -> Dict[str, Any]:
        if isinstance(self.says, Exception):
            raise self.says
        self.says = {"window": "minute", **spec}
        return self.says

    def accepts(self, tokens: int) -> bool:
        return self.has_room

    def try_draw(self, tokens: int) -> Noted:
        raise Exhausted("no", "exhausted", 1.0)

    async def draw(self, tokens: int) -> Noted:
        if isinstance(self.draws, Exception):
            raise self.draws
        return self.ledger.permit(f"{tokens}")


AWAY = ServerAway("it is away")
NO_SERVER = Unavailable("it is away", "no_server", 0.1)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def quota(server: Server, clock: Any = time.monotonic, tpm: Optional[int] = 100, **settings: Any) -> Quota:
    return Quota(server, Limits("d", "g", tpm, None), Settings(**settings), clock)  # type: ignore[arg-type]


ALONE = {"register": True, "alone_share": 0.1}


def in_a_new_minute(it: Quota) -> None:
    if it._alone is not None:
        it._alone._clock = lambda: time.time() + 60.0


async def passes_alone(it: Quota, tokens: int) -> bool:
    """Whether a draw gets its share, with the server away."""
    assert await it.is_limited()
    in_a_new_minute(it)
    try:
        await it.draw(tokens)
    except Denied:
        return False
    return True


def test_a_share_that_the_server_was_never_told_of_is_not_used() -> None:
    server = Server(AWAY)
    server.draws = NO_SERVER
    assert not asyncio.run(passes_alone(quota(server, **ALONE), 1))
    server.says = None
    registered = quota(server, **ALONE)
    assert asyncio.run(passes_alone(registered, 10))
    assert server.says["tpm_limit"] == 90
    assert not asyncio.run(passes_alone(registered, 1)), "it is used up"


def test_a_share_is_not_used_in_the_minute_that_it_begins_in() -> None:
    async def play() -> None:
        server = Server()
        server.draws = NO_SERVER
        it = quota(server, **ALONE)
        assert await it.is_limited()
        with pytest.raises(Exhausted):
            await it.draw(1)

    asyncio.run(play())


def test_a_window_that_rolls_has_no_share() -> None:
    server = Server({"tpm_limit": 90, "window": "rolling"})
    server.draws = NO_SERVER
    assert not asyncio.run(passes_alone(quota(server, **ALONE), 1))


def test_a_share_ends_once_the_server_may_grant_it() -> None:
    clock, server = Clock(), Server()
    server.draws = NO_SERVER
    it = quota(server, clock, **ALONE)
    assert asyncio.run(passes_alone(it, 1))
    server.says = {"tpm_limit": 100, "window": "minute"}
    it._learn()
    assert not asyncio.run(passes_alone(it, 1))
    assert server.says["tpm_limit"] == 100, "what an operator changes stays"


@pytest.mark.parametrize(
    "error, reason",
    [
        (AWAY, "no_server"),
        (ServerError("it fails", 500), "no_server"),
        (ServerError("it fails", 503), "no_server"),
        (ServerError("no", 400), "refused"),
        (ServerError("no", 401), "refused"),
        (ServerError("no", 409), "refused"),
        (ServerError("no", 413), "refused"),
        (ServerError("no", 429), "refused"),
        (ServerError("unreadable", 200), "refused"),
        (ValueError("no such field"), "refused"),
    ],
)
def test_only_a_server_that_does_not_answer_is_away(error: Exception, reason: str) -> None:
    async def play() -> None:
        it = quota(Server(error), Clock())
        assert await it.is_limited()
        with pytest.raises(Unavailable) as denied:
            it.look(1)
        assert denied.value.reason == reason

    asyncio.run(play())


def test_trouble_is_raised_anew_each_time() -> None:
    """One exception raised again and again keeps the frames of all requests that it went through."""

    async def play() -> None:
        it = quota(Server(AWAY), Clock())
        await it.is_limited()
        raised = []
        for _ in range(2):
            with pytest.raises(Unavailable) as denied:
                await it.draw(1)
            raised.append(denied.value)
        assert raised[0] is not raised[1]

    asyncio.run(play())


async def learned(it: Quota) -> None:
    """What is asked in the background is answered."""
    await it.is_limited()
    assert it._asked is not None
    await it._asked


def test_the_policy_is_learned_again_each_minute() -> None:
    async def play() -> None:
        clock, server = Clock(), Server({"tpm_limit": 100})
        it = quota(server, clock)
        await it.is_limited()
        server.says = {"tpm_limit": 100, "settlement": "none", "reservation": "input"}
        clock.now += 59.0
        await learned(it)
        assert (server.asked, it.policy.settlement) == (1, "refund")
        clock.now += 1.0
        await learned(it)
        assert (server.asked, it.policy.settlement, it.reservation) == (2, "none", "input")

    asyncio.run(play())


def test_a_deployment_that_is_gone_is_asked_for_at_once() -> None:
    async def play() -> None:
        clock, server = Clock(), Server({"tpm_limit": 100})
        it = quota(server, clock, register=True)
        await it.is_limited()
        server.says = None
        server.draws = Unavailable("unknown", "unknown_deployment")
        clock.now += 1.0
        with pytest.raises(Unavailable):
            await it.draw(1)
        await learned(it)
        assert server.says is not None, "it is registered again"

    asyncio.run(play())


def test_only_the_first_ask_is_waited_for() -> None:
    async def play() -> None:
        clock, server = Clock(), Server()
        it = quota(server, clock, tpm=None)
        assert not await it.is_limited()
        server.says = AWAY
        clock.now += 10.0
        is_over = threading.Event()
        server.before = is_over.wait
        try:
            assert not await asyncio.wait_for(it.is_limited(), 5.0)
        finally:
            is_over.set()
        await learned(it)
        assert not await it.is_limited(), "what was known stays"

    asyncio.run(play())


@pytest.mark.parametrize(
    "says, tpm, register, is_limited",
    [
        (None, 100, False, True),
        (None, None, False, False),
        ({"tpm_limit": 9}, None, False, True),
        (AWAY, None, False, True),
        (AWAY, None, True, False),
    ],
)
def test_blocking_calls_are_refused_where_there_are_limits(
    says: Any, tpm: Optional[int], register: bool, is_limited: bool
) -> None:
    assert quota(Server(says), Clock(), tpm, register=register).is_limited_blocking() is is_limited
