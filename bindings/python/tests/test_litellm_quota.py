"""What a deployment draws from: when the server is asked, and what comes of its answers."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Optional

import pytest

from litellm_fakes import AWAY, Clock, Server, quota
from tokenlease.errors import ServerError, Unavailable
from tokenlease.litellm._quota import Quota


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


def test_what_an_operator_set_is_put_again_and_what_the_server_adds_is_not() -> None:
    day = [{"unit": "tokens", "per": "day", "kind": "aligned", "most": 9_000}]
    found = {"id": "d", "version": 4, "declared": {"in_file": True}, "tpm_limit": 7, "limits": day}
    server = Server(found)
    assert asyncio.run(quota(server, Clock(), 100, register=True).is_limited())
    assert server.says == {"window": "minute", "tpm_limit": 100, "limits": day, "model_group": "g"}
