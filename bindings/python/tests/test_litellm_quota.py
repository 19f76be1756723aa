"""What a deployment draws from: when the server is asked, and what comes of its answers."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, List, Optional

import pytest

from litellm_fakes import AWAY, Clock, Server, quota
from tokenlease.errors import Exhausted, ServerError, Unavailable
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


@pytest.mark.parametrize("tpm, tpd, says", [(100, 50, {"window": "minute", "model_group": "g", "tpm_limit": 100}), (None, 50, None)])
def test_a_ledger_that_keeps_no_day_keeps_the_minute(
    caplog: pytest.LogCaptureFixture, tpm: Optional[int], tpd: int, says: Any
) -> None:
    """And says so, once. What has no other limit gets 503, and not none."""

    async def play() -> None:
        server, clock = Server(), Clock()
        server.keeps_days = False
        it = quota(server, clock, tpm, tpd, register=True)
        assert await it.is_limited()
        assert server.says == says
        if says is None:
            with pytest.raises(Unavailable) as denied:
                it.look(1)
            assert denied.value.reason == "refused"
            return
        (await it.draw(1)).cancel()
        clock.now += 60.0
        await learned(it)
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        assert "tpd" in caplog.text

    asyncio.run(play())


@pytest.mark.parametrize(
    "turn_s, ends_in, ends",
    [
        (0.0, 0.1, []),
        (0.1, 1.0, []),
        (0.1, 0.5, ["cancelled"]),
        (1.0, 20.0, []),
        (10.0, 29.0, ["cancelled"]),
        (10.0, 45.0, []),
    ],
)
def test_a_loop_that_is_slow_draws_nothing_that_it_would_send_too_late(turn_s: float, ends_in: float, ends: List[str]) -> None:
    async def play() -> None:
        server, clock = Server({"tpm_limit": 100}), Clock()
        server.window_ends_in = ends_in
        it = quota(server, clock)
        await it.is_limited()
        asyncio.get_running_loop().call_soon(clock.advance, turn_s)
        if ends:
            with pytest.raises(Exhausted) as denied:
                await it.draw_in_time(1)
            assert denied.value.retry_after == pytest.approx(ends_in - turn_s)
        else:
            await it.draw_in_time(1)
        assert [end[1] for end in server.ledger.ends] == ends

    asyncio.run(play())


@pytest.mark.parametrize("is_drawn", [False, True])
def test_what_was_drawn_in_a_minute_that_is_over_is_drawn_again(is_drawn: bool) -> None:
    async def play() -> None:
        server, clock = Server({"tpm_limit": 100}), Clock()
        server.window_ends_in = 1.0
        it = quota(server, clock)
        await it.is_limited()

        def turned() -> None:
            clock.advance(2.0)
            server.window_ends_in = 59.0

        asyncio.get_running_loop().call_soon(turned)
        permit = await it.draw_in_time(7, server.ledger.permit("early") if is_drawn else None)
        assert server.ledger.ends == [("early" if is_drawn else "7", "cancelled", None)]
        permit.settle(1)

    asyncio.run(play())


def test_a_draw_that_waited_for_the_next_minute_is_of_that(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it got after a wait may be of either, so it is drawn again."""

    async def play() -> None:
        server, clock = Server({"tpm_limit": 100}), Clock()
        server.window_ends_in = 59.0
        it = quota(server, clock)
        await it.is_limited()
        waits = [2.0, 0.0]
        drawn = server.draw

        async def draw(tokens: int) -> Any:
            clock.advance(waits.pop(0))
            return await drawn(tokens)

        monkeypatch.setattr(server, "draw", draw)
        await it.draw_in_time(7)
        assert (server.ledger.ends, waits) == ([("7", "cancelled", None)], [])

    asyncio.run(play())


def test_a_caller_that_goes_away_between_draw_and_request_leaves_nothing() -> None:
    async def play() -> None:
        server = Server({"tpm_limit": 100})
        server.window_ends_in = 9.0
        it = quota(server, Clock())
        await it.is_limited()
        drawing = asyncio.ensure_future(it.draw_in_time(7))
        asyncio.get_running_loop().call_soon(drawing.cancel)
        with pytest.raises(asyncio.CancelledError):
            await drawing
        assert server.ledger.ends == [("7", "cancelled", None)]

    asyncio.run(play())
