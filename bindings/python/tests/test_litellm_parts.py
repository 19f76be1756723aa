"""The plug-in's parts, with LiteLLM's packages and nothing that runs: permits, the share without a server, answers,
estimates, what a deployment draws from, and the hooks in the order that LiteLLM calls them in."""

from __future__ import annotations

import asyncio
import threading
import time
from types import SimpleNamespace
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
from tokenlease.litellm import Plugin, Settings, _answers, _estimate
from tokenlease.litellm._alone import Alone, granted, per_process
from tokenlease.litellm._attempts import Attempts, Policy
from tokenlease.litellm._quota import Limits, Quota
from tokenlease.litellm._request import Request


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


def sent(call_id: str = "call", log: Optional[Dict[str, Any]] = None, **fields: Any) -> Dict[str, Any]:
    """What LiteLLM calls a deployment with. In a proxy all attempts share what is logged of them."""
    call = {"litellm_call_id": call_id, "model": "openai/gpt-4o", "model_info": {"id": "d"}, **fields}
    if log is not None:
        call["litellm_logging_obj"] = SimpleNamespace(model_call_details=log)
    return call


def logged(call: Dict[str, Any], **told: Any) -> Dict[str, Any]:
    """What LiteLLM logs of it."""
    log = call["litellm_logging_obj"].model_call_details if "litellm_logging_obj" in call else {}
    parameters = {"model_info": call["model_info"]}
    return {**log, "litellm_call_id": call["litellm_call_id"], "litellm_params": parameters, **told}


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


def reserved(
    request: Dict[str, Any], call_type: str, output: int = 1_024, policy: str = "input_plus_max_output"
) -> int:
    return _estimate.reserved(request, call_type, output, policy, _estimate.input_tokens(request))


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
    assert reserved({"model": MODEL, "input": value}, "aembedding") == tokens


def test_the_output_is_reserved_for_every_choice() -> None:
    request = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "hello"}]}
    count = lambda policy="input_plus_max_output", **more: reserved(  # noqa: E731
        {**request, **more}, "acompletion", 100, policy
    )
    text = count("input")
    assert text == 8
    assert count() == text + 100
    assert count(max_tokens=7) == text + 7
    assert count(max_tokens=7, max_completion_tokens=9) == text + 9
    assert count(max_tokens=7, n=3) == text + 21
    assert count(max_tokens=None, n=None) == text + 100
    assert count(max_tokens=1 << 64) == count(n=1 << 80) == 1 << 53, "what every number of a draw's fits"


def test_an_attached_file_counts_by_its_size() -> None:
    request = {"model": "openai/whisper-1", "file": ("a.wav", b"x" * 2_049)}
    assert reserved(request, "atranscription") == 3


def test_what_cannot_be_counted_is_a_bad_request() -> None:
    with pytest.raises(NeverFits) as denied:
        _estimate.input_tokens({"model": "openai/gpt-4o", "messages": [7]})
    error = _answers.denial("g", denied.value)
    assert (error.status_code, error.code) == (400, "request_uncountable")  # type: ignore[attr-defined]
    assert _answers.is_ours(error), "no deployment has failed"


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


HI = [{"role": "user", "content": "hi"}]
CHAT = SimpleNamespace(value="acompletion")


class Hooks:
    """A plug-in on a server that knows all deployments, and how often it counts an input."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, says: Any = None) -> None:
        self.server = Server({"tpm_limit": 100_000} if says is None else says)
        self.plugin = Plugin(Settings())
        self.plugin._client = self.server  # type: ignore[assignment]
        self.counted = 0
        count = _estimate.token_counter

        def counting(*arguments: Any, **named: Any) -> int:
            self.counted += 1
            return count(*arguments, **named)

        monkeypatch.setattr(_estimate, "token_counter", counting)

    async def filter(self, *ids: str, own: Optional[Dict[str, Any]] = None, **fields: Any) -> None:
        parameters = {"model": "openai/gpt-4o", **(own or {})}
        deployments = [
            {"model_name": "g", "litellm_params": parameters, "model_info": {"id": id}} for id in ids
        ]
        await self.plugin.async_filter_deployments("g", deployments, HI, fields)

    async def send(self, id: str, **fields: Any) -> Dict[str, Any]:
        call = sent(**{"messages": HI, "model_info": {"id": id}, **fields})
        await self.plugin.async_pre_call_deployment_hook(call, CHAT)
        return call

    @property
    def open(self) -> List[str]:
        """How much was drawn for each attempt."""
        return [attempt.permit._name for attempt in self.plugin._attempts._open.values()]  # type: ignore[attr-defined]


def test_a_header_settles_no_other_s_request(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        hooks = Hooks(monkeypatch)
        await hooks.filter("a", "b")
        large = await hooks.send("a", litellm_call_id="same", log={}, max_tokens=50_000)
        small = await hooks.send("a", litellm_call_id="same", log={}, max_tokens=5)
        assert hooks.server.ledger.ends == [], "neither is a second attempt of the other"
        for call, used in ((small, 9), (large, 20_000)):
            log = logged(call, standard_logging_object={"total_tokens": used})
            await hooks.plugin.async_log_success_event(log, None, None, None)
        assert hooks.server.ledger.ends == [("13", "settled", 9), ("50008", "settled", 20_000)]

    asyncio.run(play())


def test_an_input_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        hooks = Hooks(monkeypatch)
        await hooks.filter("a", "b")
        await hooks.send("a")
        assert hooks.counted == 1
        await hooks.send("a", messages=[*HI, *HI])
        assert hooks.counted == 2, "what is sent is not what was looked at"

    asyncio.run(play())


def test_no_input_is_counted_where_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        hooks = Hooks(monkeypatch)
        hooks.server.has_room = False
        with pytest.raises(_answers.Denial429):
            await hooks.filter("a", "b")
        assert hooks.counted == 0

    asyncio.run(play())


def test_an_early_draw_has_the_entry_s_own_most(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        hooks = Hooks(monkeypatch)
        await hooks.filter("a", own={"max_tokens": 4_000, "n": 2})
        await hooks.send("a", max_tokens=4_000, n=2)
        assert hooks.open == ["8008"]
        assert hooks.server.ledger.ends == [], "one draw was enough"

    asyncio.run(play())


def test_an_early_draw_that_is_too_small_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """LiteLLM has defaults that it adds after the choice."""

    async def play() -> None:
        hooks = Hooks(monkeypatch)
        await hooks.filter("a", max_tokens=5)
        await hooks.send("a", max_tokens=500)
        assert hooks.open == ["508"]
        assert hooks.server.ledger.ends == [("13", "cancelled", None)]

    asyncio.run(play())


def test_a_size_is_of_its_deployment_s_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where deployments have one model."""
    plugin, request = Hooks(monkeypatch).plugin, Request({"messages": HI}, "acompletion")
    parts = {"model_name": "g", "litellm_params": {"model": "openai/gpt-4o"}, "model_info": {"id": "d"}}
    sizes = []
    for reservation in ("input", "input_plus_max_output"):
        it = quota(Server())
        it.reservation = reservation
        sizes.append(plugin._size(it, parts, request))
    assert sizes == [8, 8 + 1_024]


def test_a_deployment_that_no_filter_saw_is_drawn_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was called by its id, or it is the default one."""

    async def play() -> None:
        hooks = Hooks(monkeypatch)
        parts = {"model_name": "g", "litellm_params": {"model": "openai/gpt-4o"}, "model_info": {"id": "d"}}
        await hooks.plugin.async_pre_call_check(parts, None)
        await hooks.send("d")
        assert hooks.open == ["1032"]

    asyncio.run(play())


def test_a_deployment_that_nobody_told_of_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        hooks = Hooks(monkeypatch)
        with pytest.raises(_answers.Denial503):
            await hooks.send("d")
        assert await hooks.plugin.async_pre_call_deployment_hook({"model": "x"}, CHAT) is None, "no router's"

    asyncio.run(play())


@pytest.mark.parametrize("is_free", [True, False])
def test_speech_is_refused_where_there_are_limits(monkeypatch: pytest.MonkeyPatch, is_free: bool) -> None:
    """LiteLLM's router does not say which deployment it is for."""

    async def play() -> None:
        hooks = Hooks(monkeypatch)
        if is_free:
            hooks.server.says = None
        await hooks.filter("a")
        call = {"model": "openai/tts-1", "input": "hi", "metadata": {"model_group": "g"}}
        speech = hooks.plugin.async_pre_call_deployment_hook(call, SimpleNamespace(value="aspeech"))
        if is_free:
            assert await speech is None
            return
        with pytest.raises(_answers.Denial503):
            await speech
        assert [end[1] for end in hooks.server.ledger.ends] == ["cancelled"], "what was drawn for it"

    asyncio.run(play())


def test_a_request_that_cannot_be_counted_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        hooks = Hooks(monkeypatch)
        await hooks.filter("a", "b")
        with pytest.raises(_answers.Denial400):
            await hooks.send("a", messages=[7])
        assert hooks.open == []

    asyncio.run(play())
